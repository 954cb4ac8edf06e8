"""The built-in callee: a SIP server whose phones do what their number says.

One UDP socket, any number of calls. Finds the call a message belongs to, makes new ones,
keeps the log; what a phone does is `leg.py`'s. Talks to whoever calls it, so it belongs on
loopback or a laboratory's network. The password of numbers that ask for one is "phones"
unless told otherwise; any user name will do.
"""

import asyncio
import logging
import socket
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from urllib.parse import unquote

from callwright.clock import Clock, SystemClock
from callwright.errors import Unavailable
from callwright.ports.speech import Speech
from callwright.telephony.phones.behaviour import Behaviour, built_in
from callwright.telephony.phones.calls import PhoneCall, PhoneEvent
from callwright.telephony.phones.challenge import Doorkeeper, Verdict
from callwright.telephony.phones.handset import Handset
from callwright.telephony.phones.incoming import IncomingCall
from callwright.telephony.phones.leg import Leg
from callwright.telephony.phones.script import PhoneScript
from callwright.telephony.phones.sounds import Sounds, make_sounds
from callwright.telephony.rtp import MediaPlane
from callwright.telephony.sip.fields import (
    Address,
    HostPort,
    SipMalformed,
    bare_uri,
    format_host_port,
    parse_uri,
)
from callwright.telephony.sip.message import SipRequest, parse_message, render, response_lines
from callwright.telephony.sip.requests import ALLOWED
from callwright.telephony.sip.timers import Timers

log = logging.getLogger(__name__)

DEFAULT_PASSWORD = "phones"

_RTP_PORTS = range(20000, 30000)
_LOG_SIZE = 10_000
_NUMBERS_KEPT = 100_000
_BUFFER_BYTES = 8 * 1024 * 1024
_DATAGRAM = 65_536
_AT_ONCE = 64
_GOODBYE_S = 1.0
_GOODBYE_STEP_S = 0.02
_TAG = "phones"


class Phones:
    """`start`, then let it be called at `address`; `stop` hangs up every phone.

    `listen` port 0 takes any free one. `calls` holds the last `log_size` calls, live ones
    included; `on_event` hears each `PhoneEvent` in the loop's thread and must not block.
    `speech` says the voicemail's greeting; without it the greeting is hummed.
    """

    def __init__(
        self,
        listen: HostPort = ("127.0.0.1", 5070),
        *,
        script: PhoneScript | None = None,
        password: str = DEFAULT_PASSWORD,
        speech: Speech | None = None,
        rtp_ports: range = _RTP_PORTS,
        log_size: int = _LOG_SIZE,
        on_event: Callable[[PhoneEvent], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.address = listen
        self.clock = clock or SystemClock()
        self._behaviour = script.behaviour if script is not None else built_in
        self._door = Doorkeeper(password)
        self._speech = speech
        self._plane = MediaPlane(listen[0], rtp_ports)
        self._sounds: Sounds | None = None
        self._on_event = on_event
        self._log: deque[PhoneCall] = deque(maxlen=log_size)
        self._tries: OrderedDict[str, int] = OrderedDict()
        self._by_branch: dict[tuple[str, str], Leg] = {}
        self._by_tag: dict[tuple[str, str], Leg] = {}
        self._sock: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: Timers[Leg] | None = None

    @property
    def calls(self) -> Sequence[PhoneCall]:
        """The last calls, oldest first."""
        return tuple(self._log)

    async def start(self) -> None:
        """Bind and answer from now on.

        Raises:
            Unavailable: the address cannot be bound.
        """
        self._sounds = await make_sounds(self._speech)
        self._loop = asyncio.get_running_loop()
        self._sock = _bound(self.address)
        name = self._sock.getsockname()
        self.address = (name[0], name[1])
        self._timers = Timers(self._loop, self._on_timer)
        self._loop.add_reader(self._sock.fileno(), self._readable)

    async def stop(self) -> None:
        """Hang up every phone, give the callers a second to hear it, and free the ports."""
        if self._sock is None or self._loop is None or self._timers is None:
            return
        for leg in tuple(self._by_tag.values()):
            if not leg.call.has_ended:
                leg.hang_up("the phones were switched off")
        for _ in range(round(_GOODBYE_S / _GOODBYE_STEP_S)):
            if not any(leg.call.is_saying_goodbye for leg in self._by_tag.values()):
                break
            await asyncio.sleep(_GOODBYE_STEP_S)
        for leg in self._by_tag.values():
            leg.drop()
        self._timers.stop()
        self._plane.close()
        self._by_branch.clear()
        self._by_tag.clear()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()
        self._sock = None

    # What the legs ask for

    def monotonic(self) -> float:
        """The event loop's time."""
        assert self._loop is not None
        return self._loop.time()

    def lift(self, offer: bytes, caller: Address) -> Handset:
        """See `leg.Exchange`."""
        assert self._sounds is not None
        return Handset(self._plane, self._sounds, self._host_for(caller), offer)

    def send(self, data: bytes, to: Address) -> None:
        """One datagram; what cannot be sent is as lost on the way, and repeated."""
        if self._sock is not None:
            with suppress(OSError):
                self._sock.sendto(data, to)

    def reschedule(self, leg: Leg) -> None:
        """See `leg.Exchange`."""
        if self._timers is not None:
            self._timers.reschedule(leg)

    def tell(self, event: PhoneEvent) -> None:
        """See `leg.Exchange`."""
        if self._on_event is not None:
            self._on_event(event)

    # What comes

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if self._sock is None:
                return
            try:
                data, source = self._sock.recvfrom(_DATAGRAM)
            except OSError:
                return
            self._on_datagram(data, (source[0], source[1]))

    def _on_datagram(self, data: bytes, source: Address) -> None:
        try:
            message = parse_message(data)
        except SipMalformed:
            return
        now = self.monotonic()
        if not isinstance(message, SipRequest):
            leg = self._by_tag.get((message.call_id, message.from_tag))
            if leg is not None:
                leg.perform(leg.call.on_response(message, now))
            return
        leg = self._leg_of(message)
        try:
            if leg is not None:
                leg.perform(leg.call.on_request(message, source, now))
            elif message.method == "INVITE" and not message.to_tag:
                self._take(message, source, now)
            else:
                self._on_stray(message, source)
        except SipMalformed:
            self._answer(message, source, 400, "Bad Request")
        except Exception:
            # One call's fault must not silence the other phones.
            log.exception("a phone broke", extra={"call_id": message.call_id})
            if leg is not None:
                self._forget(leg)

    def _leg_of(self, request: SipRequest) -> Leg | None:
        if request.to_tag:
            return self._by_tag.get((request.call_id, request.to_tag))
        if request.method in ("INVITE", "CANCEL"):
            return self._by_branch.get((request.call_id, request.branch))
        return None

    def _take(self, invite: SipRequest, source: Address, now: float) -> None:
        """A new call."""
        number = _user_of(invite.uri)
        call = IncomingCall(invite, source, self._sent_by(source))
        behaviour: Behaviour = self._behaviour(number, self._tries.get(number, 0))
        record = PhoneCall(
            number=number,
            caller=_user_of(bare_uri(invite.first("from"))),
            call_id=invite.call_id,
            began_at=self.clock.now(),
            behaviour=behaviour.name,
        )
        leg = Leg(self, call, behaviour, record, source)
        self._by_branch[invite.call_id, invite.branch] = leg
        self._by_tag[invite.call_id, call.tag] = leg
        if behaviour.challenge:
            values = invite.headers.get("proxy-authorization", [])
            wall = record.began_at.timestamp()
            algorithm = behaviour.challenge
            verdict = self._door.judge(values, algorithm, "INVITE", invite.uri, wall)
            if verdict is not Verdict.RIGHT:
                stale = verdict is Verdict.STALE
                leg.challenge(self._door.challenge(algorithm, wall, stale=stale), now)
                return
        self._count_try(number)
        self._log.append(record)
        leg.begin(now)

    def _on_stray(self, request: SipRequest, source: Address) -> None:
        if request.method == "ACK":
            return
        if request.to_tag or request.method in ("BYE", "CANCEL"):
            self._answer(request, source, 481, "Call/Transaction Does Not Exist")
        elif request.method == "OPTIONS":
            self._answer(request, source, 200, "OK", [f"Allow: {ALLOWED}"])
        else:
            self._answer(request, source, 405, "Method Not Allowed", [f"Allow: {ALLOWED}"])

    def _answer(
        self,
        request: SipRequest,
        source: Address,
        status: int,
        phrase: str,
        extra: Sequence[str] = (),
    ) -> None:
        """Without remembering it: a repeated request gets it again."""
        with suppress(SipMalformed):
            lines = response_lines(request, status, phrase, _TAG, source)
            self.send(render([*lines, *extra]), source)

    def _on_timer(self, leg: Leg, now: float) -> None:
        try:
            leg.on_timer(now)
        except Exception:
            log.exception("a phone broke", extra={"call_id": leg.record.call_id})
            self._forget(leg)
            return
        if leg.call.is_forgettable:
            self._forget(leg)

    def _forget(self, leg: Leg) -> None:
        leg.drop()
        if self._timers is not None:
            self._timers.forget(leg)
        invite = leg.call.invite
        self._by_branch.pop((invite.call_id, invite.branch), None)
        self._by_tag.pop((invite.call_id, leg.call.tag), None)

    def _count_try(self, number: str) -> None:
        self._tries[number] = self._tries.get(number, 0) + 1
        self._tries.move_to_end(number)
        if len(self._tries) > _NUMBERS_KEPT:
            self._tries.popitem(last=False)

    def _host_for(self, caller: Address) -> str:
        host = self.address[0]
        return _route_to(caller) if host in ("0.0.0.0", "::") else host

    def _sent_by(self, caller: Address) -> str:
        return format_host_port((self._host_for(caller), self.address[1]))


def _user_of(uri: str) -> str:
    """The user of a URI without its parameters; "" if there is none.

    Raises:
        SipMalformed: it is no SIP URI.
    """
    return unquote(parse_uri(uri).user.partition(";")[0])


@lru_cache(maxsize=1024)
def _route_to(target: Address) -> str:
    """The address of ours from which packets to `target` leave."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(target)
        return str(probe.getsockname()[0])


def _bound(address: HostPort) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        sock.bind(address)
    except OSError as exc:
        sock.close()
        raise Unavailable(
            f"the phones cannot listen on {format_host_port(address)}: {exc.strerror or exc}"
        ) from exc
    return sock
