"""One TCP or TLS connection: messages out of its bytes, and pings that keep it open.

Source: RFC 5626 section 4.4.1.
"""

import asyncio
import ssl
from typing import Protocol, cast

from callwright.telephony.sip.fields import SipMalformed, StreamAddress
from callwright.telephony.sip.stream import PING, PONG, StreamReader

PING_EVERY_S = 90.0
PONG_WITHIN_S = 10.0
MOST_UNSENT = 4 * 1024 * 1024
"""Bytes that may wait for the other end to take them; it is taken for dead then."""


class Owner(Protocol):
    """Who has connections: `connections.Connections`."""

    def accept(self, connection: "Connection") -> bool:
        """Whether a connection that the other end made may stay; sets its peer."""
        ...

    def heard(self, message: bytes, source: StreamAddress) -> None:
        """A message came."""
        ...

    def unreadable(self, connection: "Connection", why: str) -> None:
        """What came is no SIP, and the connection is being closed."""
        ...

    def lost(self, connection: "Connection", refusal: str) -> None:
        """It is closed. `refusal` is what TLS said of us, if that was why."""
        ...


class Connection(asyncio.Protocol):
    """To `peer`, or from whoever makes it if that is None.

    What is written before `begin` waits for it.
    """

    def __init__(self, owner: Owner, peer: StreamAddress | None) -> None:
        self._owner = owner
        self.peer = peer
        self.is_ours = peer is not None
        self.unheard: list[bytes] = []
        """What was to be sent and was not, or nobody can have read."""
        self.has_begun = False
        self.transport: asyncio.Transport | None = None
        self._reader = StreamReader()
        self.may_be_refused = peer is not None and peer.transport == "TLS"
        """Nothing has come from there yet that says they talk TLS with us."""
        self._answers_pings = False
        self._ping: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast(asyncio.Transport, transport)
        if not self.is_ours:
            if self._owner.accept(self):
                self.begin()
            else:
                self.abort()

    def begin(self) -> None:
        """It may be used: send what waits, and keep the way open."""
        self.has_begun = True
        waiting, self.unheard = self.unheard, []
        for data in waiting:
            self.write(data)
        self._ping_later(PING_EVERY_S)

    def write(self, data: bytes) -> None:
        """Send, or keep until it may be used."""
        transport = self.transport
        if transport is None or not self.has_begun:
            self.unheard.append(data)
        elif transport.get_write_buffer_size() > MOST_UNSENT:
            self.abort()
        else:
            if self.may_be_refused:
                self.unheard.append(data)
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self.may_be_refused:
            # TLS 1.3 lets us write before the other end has looked at our certificate.
            self.may_be_refused = False
            self.unheard.clear()
        reader = self._reader
        try:
            messages = reader.feed(data)
        except SipMalformed as exc:
            self._owner.unreadable(self, str(exc))
            self.abort()
            return
        if reader.pongs:
            reader.pongs = 0
            self._answers_pings = True
            self._ping_later(PING_EVERY_S)
        if reader.pings:
            reader.pings = 0
            self.write(PONG)
        for message in messages:
            if self.peer is not None:
                self._owner.heard(message, self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.stop()
        refusal = str(exc.reason or exc) if isinstance(exc, ssl.SSLError) else ""
        self._owner.lost(self, refusal if self.may_be_refused else "")

    def abort(self) -> None:
        """Close it without another word; `connection_lost` follows."""
        if self.transport is not None:
            self.transport.abort()

    def stop(self) -> None:
        """Ping no more."""
        if self._ping is not None:
            self._ping.cancel()
            self._ping = None

    def _ping_later(self, seconds: float) -> None:
        self.stop()
        self._ping = asyncio.get_running_loop().call_later(seconds, self._say_ping)

    def _say_ping(self) -> None:
        self._ping = None
        self.write(PING)
        # Who never answered one may not know what it is: RFC 5626 wants it to be agreed on.
        if self._answers_pings:
            self._ping = asyncio.get_running_loop().call_later(PONG_WITHIN_S, self.abort)
        else:
            self._ping_later(PING_EVERY_S)
