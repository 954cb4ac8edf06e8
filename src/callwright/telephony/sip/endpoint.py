"""One trunk's UDP socket: carries the calls' bytes, their timers, and nothing else.

Finds the call of each message by its Call-ID, hands it over, sends what the call wants
sent and tells the call's listener the rest. Hears only the trunk's own addresses and those
the trunk itself named as next hop of an answered call; strangers get silence.

Source: RFC 3261 section 18; RFC 3581 (rport).
"""

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from contextlib import suppress

from callwright.ports.line import LegIdentity
from callwright.telephony.sip.actions import Action, Ended, How, Send, SipCall
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import Address, HostPort, SipMalformed, format_host_port
from callwright.telephony.sip.message import (
    SipRequest,
    parse_message,
    render,
    response_lines,
)
from callwright.telephony.sip.requests import ALLOWED, CallSetup, make_setup
from callwright.telephony.sip.sockets import Watch, bind, refused_packets, resolve, route_to
from callwright.telephony.sip.timers import Timers
from callwright.telephony.trunk import TrunkSettings, check_trunk

log = logging.getLogger(__name__)

_DATAGRAM = 65_536
_AT_ONCE = 64
"""Datagrams taken before the loop may see to audio again."""
_OUR_CALL_ID = re.compile(rb"\r\nCall-ID: ([^\r\n]+)\r\n")
_OUR_TAG = "callwright"


Seen = Callable[[bytes, Address, Address], None]
"""Gets each message that was sent or heard: its bytes, where it came from, where it went."""

Heard = Callable[[Action], None]
"""Gets a call's actions other than `Send`, in order."""


def _nobody(action: Action) -> None:
    """Hears for a call whose end was told."""


class SipEndpoint:
    """The socket of `trunk`. `open` before anything else; all methods in the loop's thread."""

    def __init__(self, trunk: TrunkSettings, seen: Seen | None = None) -> None:
        self.trunk = trunk
        self.target: HostPort = ("", 0)
        self._seen = seen
        """Where INVITEs go: the trunk's first address."""
        self.local: HostPort = ("", 0)
        self._addresses: frozenset[str] = frozenset()
        self._hops: dict[str, int] = {}
        """Next hops outside the trunk's addresses, with the number of calls that use them."""
        self._calls: dict[str, tuple[SipCall, Heard]] = {}
        self._hop_of: dict[str, str] = {}
        self._sock: socket.socket | None = None
        self._watch: Watch | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: Timers[SipCall] | None = None
        self._credentials = (
            Credentials(user=trunk.user, password=trunk.password) if trunk.user else None
        )

    @property
    def sent_by(self) -> str:
        """`host:port` of our Via."""
        return format_host_port(self.local)

    async def open(self) -> None:
        """Find the trunk's host, once, and bind.

        Raises:
            ConfigInvalid: the trunk's settings cannot be used.
            Unavailable: the host has no address, or the port cannot be bound.
        """
        check_trunk(self.trunk)
        host, port = self.trunk.target()
        found = await resolve(self.trunk.name, (host, port), self.trunk.local_address)
        self.target = found[0]
        self._addresses = frozenset(address for address, _ in found)
        local_address = self.trunk.local_address or route_to(self.target, self.trunk.name)
        self._listen((local_address, self.trunk.local_port))

    def open_beside(self, local: HostPort) -> "SipEndpoint":
        """Another endpoint of the same trunk, on an address that an earlier process used.

        Raises:
            Unavailable: it cannot be bound.
        """
        twin = SipEndpoint(self.trunk, self._seen)
        twin.target = self.target
        twin._addresses = self._addresses
        twin._listen(local)
        return twin

    def _listen(self, local: HostPort) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = bind(local, self.trunk.name)
        name = self._sock.getsockname()
        self.local = (name[0], name[1])
        self._timers = Timers(self._loop, self._on_timer)
        self._watch = Watch(self._loop, self._sock, self._readable)

    def close(self) -> None:
        """Release the socket; calls still known are forgotten without a word."""
        if self._sock is not None and self._loop is not None:
            if self._watch is not None:
                self._watch.stop()
            self._sock.close()
            self._sock = None
        if self._timers is not None:
            self._timers.stop()
        self._calls.clear()

    def setup(
        self,
        *,
        number: str,
        caller_id: str,
        identity: LegIdentity,
        offer: bytes = b"",
        sent_by: str = "",
        target: Address | None = None,
    ) -> CallSetup:
        """What a call on this trunk puts into its headers; `sent_by` "" = our own.

        An account at the trunk calls from the trunk's domain, anybody else from our address.

        Raises:
            SipMalformed: a value that may not stand in its header.
        """
        trunk = self.trunk
        host, port = trunk.target()
        trunk_host = format_host_port((host, port))
        ours = f"[{self.local[0]}]" if ":" in self.local[0] else self.local[0]
        theirs = trunk_host.rpartition(":")[0]
        return make_setup(
            call_id=identity.call_id,
            from_tag=identity.from_tag,
            branch=identity.branch,
            cseq=identity.cseq,
            number=number,
            caller_id=caller_id or trunk.caller_id,
            trunk_host=trunk_host,
            from_host=theirs if trunk.user else ours,
            sent_by=sent_by or self.sent_by,
            target=target or self.target,
            credentials=self._credentials,
            offer=offer,
            form=trunk.form,
        )

    def add(self, call: SipCall, heard: Heard) -> None:
        """Begin to hear for `call`. Its first actions go through `perform`.

        Raises:
            SipMalformed: its Call-ID is in use.
        """
        if call.call_id in self._calls:
            raise SipMalformed("the Call-ID is in use")
        self._calls[call.call_id] = (call, heard)

    def perform(self, call: SipCall, actions: list[Action]) -> None:
        """Send what `actions` want sent, tell the rest, and set the call's timer."""
        entry = self._calls.get(call.call_id)
        if entry is None:
            return
        for action in actions:
            if type(action) is Send:
                if action.to[0] not in self._addresses:
                    self._note_hop(call.call_id, action.to[0])
                if not self._send(action.data, action.to):
                    assert self._loop is not None
                    self._loop.call_soon(self._on_not_listening, call)
            else:
                entry[1](action)
                if type(action) is Ended:
                    # The call lives on for stragglers; its leg need not.
                    self._calls[call.call_id] = (call, _nobody)
        if call.is_over:
            self._forget(call.call_id)
        elif self._timers is not None:
            self._timers.reschedule(call)

    def drop(self, call: SipCall) -> None:
        """Forget a call that went wrong; nothing is sent for it any more."""
        self._forget(call.call_id)

    def _note_hop(self, call_id: str, host: str) -> None:
        """We hear those to whom the trunk sends us, as long as a call goes there."""
        if self._hop_of.get(call_id) != host:
            self._leave_hop(call_id)
            self._hop_of[call_id] = host
            self._hops[host] = self._hops.get(host, 0) + 1

    def _leave_hop(self, call_id: str) -> None:
        host = self._hop_of.pop(call_id, None)
        if host is not None:
            self._hops[host] -= 1
            if not self._hops[host]:
                del self._hops[host]

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)
        self._leave_hop(call_id)

    # In

    def _readable(self) -> None:
        for taken in range(_AT_ONCE):
            if self._sock is None:
                return
            try:
                data, source = self._sock.recvfrom(_DATAGRAM)
            except BlockingIOError:
                if not taken:
                    self._read_errors()  # woken, and by no packet
                return
            except OSError:
                self._read_errors()
                continue
            self._on_datagram(data, (source[0], source[1]))

    def _on_datagram(self, data: bytes, source: Address) -> None:
        if source[0] not in self._addresses and source[0] not in self._hops:
            return
        try:
            message = parse_message(data)
        except SipMalformed as exc:
            if data.strip(b"\r\n\0 "):  # else it only keeps a NAT open
                log.debug("unreadable SIP", extra={"trunk": self.trunk.name, "why": str(exc)})
            return
        if self._seen is not None:
            self._seen(data, source, self.local)
        entry = self._calls.get(message.call_id)
        now = self.now()
        if entry is None:
            if isinstance(message, SipRequest):
                self._on_stray_request(message, source)
            return
        call = entry[0]
        try:
            if isinstance(message, SipRequest):
                actions = call.on_request(message, source, now)
            else:
                actions = call.on_response(message, now)
            self.perform(call, actions)
        except SipMalformed as exc:
            # Something we would have had to repeat in an answer may not stand there.
            log.debug("unusable SIP", extra={"trunk": self.trunk.name, "why": str(exc)})
        except Exception:
            log.exception("a call broke", extra={"trunk": self.trunk.name})
            self._give_up_on(call)

    def _on_stray_request(self, request: SipRequest, source: Address) -> None:
        if request.method == "ACK":
            return
        extra: list[str] = []
        required = request.listed("require")
        if request.to_tag or request.method in ("BYE", "CANCEL"):
            if source != self.target:
                return  # whoever guesses Call-IDs learns nothing
            status, phrase = 481, "Call/Transaction Does Not Exist"
        elif required:
            status, phrase = 420, "Bad Extension"
            extra = [f"Unsupported: {', '.join(required)}"]
        elif request.method == "OPTIONS":
            status, phrase, extra = 200, "OK", [f"Allow: {ALLOWED}"]
        elif request.method == "INVITE":
            status, phrase = 403, "Forbidden"
        else:
            status, phrase, extra = 405, "Method Not Allowed", [f"Allow: {ALLOWED}"]
        with suppress(SipMalformed):
            lines = response_lines(request, status, phrase, _OUR_TAG, source)
            self._send(render(lines + extra), source)

    def _read_errors(self) -> None:
        """What ICMP said: which of our packets found nobody."""
        assert self._sock is not None
        for data in refused_packets(self._sock, _AT_ONCE):
            # Our own packet, as we wrote it, but cut off where ICMP cuts.
            found = None if data.startswith(b"ACK ") else _OUR_CALL_ID.search(data)
            entry = self._calls.get(found[1].decode("latin-1")) if found else None
            if entry is not None:
                self._on_not_listening(entry[0])

    def _on_not_listening(self, call: SipCall) -> None:
        self.perform(call, call.on_not_listening(self.now()))

    def _on_timer(self, call: SipCall, now: float) -> None:
        try:
            self.perform(call, call.on_timer(now))
        except Exception:
            log.exception("a call broke", extra={"trunk": self.trunk.name})
            self._give_up_on(call)

    def _give_up_on(self, call: SipCall) -> None:
        """A fault of ours: this call ends, all others go on."""
        entry = self._calls.get(call.call_id)
        if entry is None:
            return
        said = call.has_ended
        try:
            farewell = call.hang_up(self.now())
            for action in farewell:
                if type(action) is Send:
                    self._send(action.data, action.to)
        except Exception:
            log.exception("nor could it be hung up", extra={"call_id": call.call_id})
        self._forget(call.call_id)
        if not said:
            entry[1](Ended(How.BROKEN))

    # Out

    def _send(self, data: bytes, to: Address) -> bool:
        """False: there is no way to that address."""
        if self._sock is None:
            return True
        for _ in range(2):
            try:
                self._sock.sendto(data, to)
            except BlockingIOError:
                return True  # the buffer is full: as if the network had lost it; it is repeated
            except OSError:
                # May tell of an earlier packet's ICMP error, once; this one was not sent yet.
                continue
            if self._seen is not None:
                self._seen(data, self.local, to)
            return True
        return False

    def now(self) -> float:
        """The time by which calls live: the event loop's."""
        assert self._loop is not None
        return self._loop.time()
