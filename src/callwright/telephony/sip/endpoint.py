"""One trunk on the wire: carries the calls' bytes and their timers, by UDP, TCP and TLS.

Finds the call of each message by its Call-ID, hands it over, sends what the call wants
sent and tells the call's listener the rest. Hears only the trunk's own addresses and those
the trunk itself named as next hop of an answered call; strangers get silence.

Source: RFC 3261 section 18; RFC 3581 (rport).
"""

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

from callwright.ports.line import LegIdentity
from callwright.telephony.sip.actions import Action, Ended, How, Send, SipCall, TargetFailed
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.connections import Connections
from callwright.telephony.sip.datagrams import Datagrams
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import (
    Address,
    HostPort,
    SipMalformed,
    StreamAddress,
    format_host_port,
)
from callwright.telephony.sip.message import (
    SipRequest,
    SipResponse,
    parse_message,
)
from callwright.telephony.sip.neighbours import Neighbours
from callwright.telephony.sip.own_setup import in_uri
from callwright.telephony.sip.requests import CallSetup, make_setup
from callwright.telephony.sip.servers import Servers
from callwright.telephony.sip.sockets import family_of, route_to, usual_address
from callwright.telephony.sip.strays import answer_to_stray
from callwright.telephony.sip.targets import Targets
from callwright.telephony.sip.timers import TOGETHER_S, Timers
from callwright.telephony.trunk import TrunkSettings, check_trunk

log = logging.getLogger(__name__)

_OUR_CALL_ID = re.compile(rb"\r\nCall-ID: ([^\r\n]+)\r\n")
_OUR_BRANCH = re.compile(rb";branch=([^\r\n;]+)")


Seen = Callable[[bytes, Address, Address], None]
"""Gets each message that was sent or heard: its bytes, where it came from, where it went."""

Heard = Callable[[Action], None]
"""Gets a call's actions other than `Send` and `TargetFailed`, in order."""


def _nobody(action: Action) -> None:
    """Hears for a call whose end was told."""


class SipEndpoint:
    """The wire of `trunk`. `open` before anything else; all methods in the loop's thread."""

    def __init__(self, trunk: TrunkSettings, seen: Seen | None = None) -> None:
        self.trunk = trunk
        self._seen = seen
        self.servers = Servers(
            trunk,
            add=lambda call: self.add(call, _nobody),
            perform=self.perform,
            now=self.now,
            moved=self._on_moved,
        )
        self.targets: Targets = self.servers.targets
        self._is_beside = False  # and another looks after the servers
        self.local: HostPort = ("", 0)
        self._neighbours = Neighbours()
        self._calls: dict[str, tuple[SipCall, Heard]] = {}
        self._datagrams: Datagrams | None = None
        self._connections: Connections | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: Timers[SipCall] | None = None
        self.credentials = (
            Credentials(user=trunk.user, password=trunk.password) if trunk.user else None
        )

    @property
    def sent_by(self) -> str:
        """`host:port` of our Via."""
        return format_host_port(self.local)

    async def open(self) -> None:
        """Find the trunk's servers, and bind. Where none is found, they are looked for later.

        Raises:
            ConfigInvalid: the trunk's settings cannot be used.
            Unavailable: there is no route, or the port cannot be bound.
        """
        trunk = self.trunk
        check_trunk(trunk)
        first = await self.servers.find(family_of(trunk.local_address))
        local_address = trunk.local_address or (
            usual_address() if first is None else route_to((first[0], first[1]), trunk.name)
        )
        self._listen((local_address, trunk.local_port))
        self.servers.begin(self.sent_by, family_of(self.local[0]))

    def open_beside(self, local: HostPort) -> "SipEndpoint":
        """Another endpoint of the same trunk, on an address that an earlier process used.

        Raises:
            Unavailable: it cannot be bound.
        """
        twin = SipEndpoint(self.trunk, self._seen)
        twin.servers, twin.targets, twin._is_beside = self.servers, self.targets, True
        twin._neighbours.hosts = self._neighbours.hosts
        twin._listen(local)
        return twin

    def _listen(self, local: HostPort) -> None:
        self._loop = asyncio.get_running_loop()
        name = self.trunk.name
        self._datagrams = Datagrams(local, name, heard=self._on_bytes, unheard=self._on_unheard)
        self.local = self._datagrams.local
        self._connections = Connections(
            self.local,
            name,
            domain=self.trunk.proves_to_be(),
            tls=self.trunk.tls,
            heard=self._on_bytes,
            unheard=self._on_unheard,
            cut=self._on_cut,
            admits=self._neighbours.admits,
        )
        self._timers = Timers(self._loop, self._on_timer, span_s=TOGETHER_S)

    def close(self) -> None:
        """Release the sockets; calls still known are forgotten without a word."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._connections is not None:
            self._connections.close()
        if self._timers is not None:
            self._timers.stop()
        if not self._is_beside:
            self.servers.close()
        self._calls.clear()

    @cached_property
    def _domain(self) -> HostPort:
        """Host and port of the trunk's URIs, as these are written."""
        host, port = self.trunk.domain()
        return in_uri(host), port

    def setup(
        self,
        *,
        number: str,
        caller_id: str,
        identity: LegIdentity,
        signed_identity: str = "",
        offer: bytes = b"",
        sent_by: str = "",
        target: Address | None = None,
    ) -> CallSetup:
        """What a call on this trunk puts into its headers; `sent_by` "" = our own.

        An account at the trunk calls from the trunk's domain, anybody else from our address.

        Raises:
            SipMalformed: a value that may not stand in its header, or no server is known.
        """
        trunk = self.trunk
        if target is None and self.targets.are_unknown:
            raise SipMalformed("no server of the trunk is known")
        theirs, port = self._domain
        first, *others = (target,) if target is not None else self.targets.in_turn()
        return make_setup(
            call_id=identity.call_id,
            from_tag=identity.from_tag,
            branch=identity.branch,
            cseq=identity.cseq,
            number=number,
            caller_id=caller_id or trunk.caller_id,
            trunk_host=f"{theirs}:{port}" if port else theirs,
            from_host=theirs if trunk.user else in_uri(self.local[0]),
            sent_by=sent_by or self.sent_by,
            target=first,
            others=tuple(others),
            scheme="sips" if trunk.is_secure else "sip",
            route=trunk.route(),
            credentials=self.credentials,
            offer=offer,
            form=trunk.form,
            signed_identity=signed_identity,
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
                if action.to[0] not in self._neighbours.hosts:
                    self._neighbours.note(call.call_id, action.to[0])
                self._send(action.data, action.to)
            elif type(action) is TargetFailed:
                self._on_target_failed(action)
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

    def _forget(self, call_id: str) -> None:
        entry = self._calls.pop(call_id, None)
        if entry is not None and self._timers is not None:
            self._timers.forget(entry[0])
        self._neighbours.forget(call_id)

    def _on_moved(self) -> None:
        """The servers are at other addresses; calls that went to an old one go on there."""
        self._neighbours.hosts = self.targets.hosts
        for call_id, (call, _) in self._calls.items():
            if isinstance(call, OutgoingCall):
                self._neighbours.keep(call_id, call.target[0])

    def _on_bytes(self, data: bytes, source: Address) -> None:
        if not self._neighbours.admits(source[0]):
            return
        try:
            message = parse_message(data)
        except SipMalformed as exc:
            if data.strip(b"\r\n\0 "):  # else it only keeps a NAT open
                log.debug("unreadable SIP", extra={"trunk": self.trunk.name, "why": str(exc)})
            return
        if self._seen is not None:
            self._seen(data, source, self.local)
        if self.targets.has_failed and isinstance(message, SipResponse) and message.status != 503:
            self.servers.answered(source)
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
        with suppress(SipMalformed):
            answer = answer_to_stray(request, source, is_server=source in self.targets)
            if answer:
                self._send(answer, source)

    def _on_unheard(self, data: bytes, why: str) -> None:
        """A message of ours found nobody; `why` for people, "" = nobody listens there."""
        # An ACK is made up for by the next 2xx, a response by the next repeat of its request.
        found = None if data.startswith((b"ACK ", b"SIP/")) else _OUR_CALL_ID.search(data)
        entry = self._calls.get(found[1].decode("latin-1")) if found else None
        if entry is not None:
            branch = _OUR_BRANCH.search(data)
            name = branch[1].decode("latin-1") if branch else ""
            self._let(entry[0], lambda call: call.on_not_listening(self.now(), name, why))

    def _on_cut(self, to: StreamAddress) -> None:
        """A connection was lost, and with it perhaps what was under way."""
        for call, _ in tuple(self._calls.values()):
            self._let(call, lambda each: each.on_connection_lost(self.now(), to))

    def _on_timer(self, call: SipCall, now: float) -> None:
        self._let(call, lambda each: each.on_timer(now))
        self.servers.timer_ran(call)

    def _let(self, call: SipCall, act: Callable[[SipCall], list[Action]]) -> None:
        try:
            self.perform(call, act(call))
        except Exception:
            log.exception("a call broke", extra={"trunk": self.trunk.name})
            self._give_up_on(call)

    def _on_target_failed(self, failed: TargetFailed) -> None:
        if isinstance(failed.target, StreamAddress) and not failed.is_there:
            assert self._connections is not None
            self._connections.drop(failed.target)
        self.servers.failed(failed)

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

    def _send(self, data: bytes, to: Address) -> None:
        if type(to) is StreamAddress:
            if self._connections is not None:
                self._connections.send(data, to)
        elif self._datagrams is not None:
            self._datagrams.send(data, to)
        if self._seen is not None:
            self._seen(data, self.local, to)

    def now(self) -> float:
        """The time by which calls live: the event loop's."""
        assert self._loop is not None
        return self._loop.time()
