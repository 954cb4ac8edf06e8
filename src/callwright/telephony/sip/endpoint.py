"""One trunk's UDP socket: carries the calls' bytes, their timers, and nothing else.

Finds the call of each message by its Call-ID, hands it over, sends what the call wants
sent and tells the call's listener the rest. Hears only the trunk's own addresses and those
the trunk itself named as next hop of an answered call; strangers get silence.

Source: RFC 3261 section 18; RFC 3581 (rport); `ip(7)` for IP_RECVERR.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress

from callwright.errors import Unavailable
from callwright.telephony.sip.actions import Action, Answered, Ended, How, Send
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.fields import Address, SipMalformed, format_host_port, is_ip_address
from callwright.telephony.sip.message import SipRequest, parse_message, render, response_lines
from callwright.telephony.sip.requests import ALLOWED
from callwright.telephony.sip.timers import Timers
from callwright.telephony.trunk import TrunkSettings

_log = logging.getLogger(__name__)

_BUFFER_BYTES = 8 * 1024 * 1024
_DATAGRAM = 65_536
_AT_ONCE = 64
"""Datagrams taken before the loop may see to audio again."""
# Linux; not in Python's `socket` before 3.14.
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_OUR_TAG = "callwright"

Heard = Callable[[Action], None]
"""Gets a call's actions other than `Send`, in order."""


class SipEndpoint:
    """The socket of `trunk`. `open` before anything else; all methods in the loop's thread."""

    def __init__(self, trunk: TrunkSettings) -> None:
        self.trunk = trunk
        self.target: Address = ("", 0)
        """Where INVITEs go: the trunk's first address."""
        self.local: Address = ("", 0)
        self._addresses: frozenset[str] = frozenset()
        self._hops: dict[str, int] = {}
        """Next hops outside the trunk's addresses, with the number of calls that use them."""
        self._calls: dict[str, tuple[OutgoingCall, Heard]] = {}
        self._hop_of: dict[str, str] = {}
        self._sock: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: Timers[OutgoingCall] | None = None

    @property
    def sent_by(self) -> str:
        """`host:port` of our Via."""
        return format_host_port(self.local)

    async def open(self, *, port: int | None = None) -> None:
        """Find the trunk's host, once, and bind. `port` overrides the settings' port.

        Raises:
            Unavailable: the host has no address, or the port cannot be bound.
        """
        self._loop = asyncio.get_running_loop()
        host, target_port = self.trunk.target()
        found = await _resolve(self._loop, host, target_port, self.trunk)
        self.target = found[0]
        self._addresses = frozenset(address for address, _ in found)
        wanted = self.trunk.local_port if port is None else port
        local_address = self.trunk.local_address or _route_to(self.target, self.trunk)
        self._sock = _bind(local_address, wanted, self.trunk)
        name = self._sock.getsockname()
        self.local = (name[0], name[1])
        self._timers = Timers(self._loop, self._on_timer)
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def close(self) -> None:
        """Release the socket; calls still known are forgotten without a word."""
        if self._sock is not None and self._loop is not None:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
            self._sock = None
        if self._timers is not None:
            self._timers.stop()
        self._calls.clear()

    def add(self, call: OutgoingCall, heard: Heard) -> None:
        """Begin to hear for `call`. Its first actions go through `perform`.

        Raises:
            SipMalformed: its Call-ID is in use.
        """
        if call.call_id in self._calls:
            raise SipMalformed("the Call-ID is in use")
        self._calls[call.call_id] = (call, heard)

    def perform(self, call: OutgoingCall, actions: list[Action]) -> None:
        """Send what `actions` want sent, tell the rest, and set the call's timer."""
        entry = self._calls.get(call.call_id)
        if entry is None:
            return
        for action in actions:
            if type(action) is Send:
                self._send(action.data, action.to)
            else:
                if type(action) is Answered:
                    self._note_hop(call.call_id, action.dialog.next_hop[0])
                entry[1](action)
        if call.is_over:
            self._forget(call.call_id)
        elif self._timers is not None:
            self._timers.reschedule(call)

    def drop(self, call: OutgoingCall) -> None:
        """Forget a call that went wrong; nothing is sent for it any more."""
        self._forget(call.call_id)

    def _note_hop(self, call_id: str, host: str) -> None:
        if host not in self._addresses:
            self._hop_of[call_id] = host
            self._hops[host] = self._hops.get(host, 0) + 1

    def _forget(self, call_id: str) -> None:
        self._calls.pop(call_id, None)
        host = self._hop_of.pop(call_id, None)
        if host is not None:
            self._hops[host] -= 1
            if not self._hops[host]:
                del self._hops[host]

    # In

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if self._sock is None:
                return
            try:
                data, source = self._sock.recvfrom(_DATAGRAM)
            except BlockingIOError:
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
                _log.debug("unreadable SIP", extra={"trunk": self.trunk.name, "why": str(exc)})
            return
        entry = self._calls.get(message.call_id)
        now = self._now()
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
            _log.debug("unusable SIP", extra={"trunk": self.trunk.name, "why": str(exc)})
        except Exception:
            self._give_up_on(call)

    def _on_stray_request(self, request: SipRequest, source: Address) -> None:
        if request.method == "ACK":
            return
        extra: list[str] = []
        if request.to_tag or request.method in ("BYE", "CANCEL"):
            status, phrase = 481, "Call/Transaction Does Not Exist"
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
        """What ICMP said, from the socket's error queue: which packets found nobody."""
        assert self._sock is not None
        for _ in range(_AT_ONCE):
            try:
                data, _, _, _ = self._sock.recvmsg(_DATAGRAM, 1024, socket.MSG_ERRQUEUE)
            except OSError:
                return
            with suppress(SipMalformed):
                message = parse_message(data)
                entry = self._calls.get(message.call_id)
                if entry is not None and message.method in ("INVITE", "BYE"):
                    self.perform(entry[0], entry[0].on_not_listening(self._now()))

    def _on_timer(self, call: OutgoingCall, now: float) -> None:
        try:
            self.perform(call, call.on_timer(now))
        except Exception:
            self._give_up_on(call)

    def _give_up_on(self, call: OutgoingCall) -> None:
        """A fault of ours: this call ends, all others go on."""
        _log.exception("a call broke", extra={"trunk": self.trunk.name, "call_id": call.call_id})
        entry = self._calls.get(call.call_id)
        if entry is None:
            return
        said = call.has_ended
        try:
            farewell = call.hang_up(self._now())
            for action in farewell:
                if type(action) is Send:
                    self._send(action.data, action.to)
        except Exception:
            _log.exception("nor could it be hung up", extra={"call_id": call.call_id})
        self._forget(call.call_id)
        if not said:
            entry[1](Ended(How.BROKEN))

    # Out

    def _send(self, data: bytes, to: Address) -> None:
        if self._sock is None:
            return
        for _ in range(2):
            try:
                self._sock.sendto(data, to)
            except BlockingIOError:
                return  # the buffer is full: as if the network had lost it; it is repeated
            except OSError:
                # Tells of an earlier packet's ICMP error, once; this one was not sent yet.
                continue
            return

    def _now(self) -> float:
        assert self._loop is not None
        return self._loop.time()


async def _resolve(
    loop: asyncio.AbstractEventLoop, host: str, port: int, trunk: TrunkSettings
) -> list[Address]:
    family = socket.AF_UNSPEC
    if trunk.local_address:
        family = socket.AF_INET6 if ":" in trunk.local_address else socket.AF_INET
    elif not is_ip_address(host):
        # One socket, one family; names that have both are reached by IPv4.
        family = socket.AF_INET
    try:
        infos = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
    except OSError as exc:
        raise Unavailable(
            f"trunk {trunk.name}: the host {host} has no address that can be used "
            f"({exc.strerror or exc}); check trunks.{trunk.name}.address and the DNS"
        ) from exc
    found = [(str(info[4][0]), int(info[4][1])) for info in infos]
    if not found:
        raise Unavailable(f"trunk {trunk.name}: the host {host} has no address")
    return list(dict.fromkeys(found))


def _route_to(target: Address, trunk: TrunkSettings) -> str:
    """The address of ours from which packets to `target` leave."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(target)
        except OSError as exc:
            raise Unavailable(
                f"trunk {trunk.name}: no route to {target[0]} ({exc.strerror})"
            ) from exc
        return str(probe.getsockname()[0])


def _bind(address: str, port: int, trunk: TrunkSettings) -> socket.socket:
    is_v6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        with suppress(OSError):
            # So that "nobody listens there" is heard on a socket that is not connected.
            if is_v6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        sock.bind((address, port))
    except OSError as exc:
        sock.close()
        raise Unavailable(
            f"trunk {trunk.name}: cannot use {format_host_port((address, port))} for SIP "
            f"({exc.strerror}); see trunks.{trunk.name}.local_address"
        ) from exc
    return sock
