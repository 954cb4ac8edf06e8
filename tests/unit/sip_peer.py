"""Peers made of the bytes they would send, for tests of machines that speak SIP."""

from typing import Any

import msgspec

from callwright.telephony.sip.actions import Action, Ended, Send, SipCall
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipRequest, SipResponse, parse_message
from callwright.telephony.sip.requests import CallSetup, make_setup
from callwright.telephony.sip.sdp import build_offer

TRUNK = ("192.0.2.7", 5060)
SDP = build_offer("192.0.2.7", 6000, 9)


class Driven:
    """A machine, the clock it is told of, what it sent and what it told besides."""

    def __init__(self, machine: SipCall, now: float = 0.0) -> None:
        self.machine = machine
        self.now = now
        self.sent: list[tuple[float, SipRequest | SipResponse, Address]] = []
        self.news: list[Action] = []

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self.sent.append((self.now, parse_message(action.data), action.to))
            else:
                self.news.append(action)

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.machine.wakes_at <= until:
            self.now = max(self.now, self.machine.wakes_at)
            self.take(self.machine.on_timer(self.now))
        self.now = until

    def requests(self, method: str = "") -> list[SipRequest]:
        """Those it sent."""
        requests = [each for _, each, _ in self.sent if isinstance(each, SipRequest)]
        return [each for each in requests if method in ("", each.method)]

    def reply_to(self, request: SipRequest, status: int, **of: Any) -> None:
        """The peer answers a request; `of` as in `reply`."""
        self.take(self.machine.on_response(reply(request, status, **of), self.now))


def reply(
    request: SipRequest,
    status: int,
    *,
    tag: str = "pt",
    cseq: str = "",
    extra: str = "",
    body: bytes = b"",
) -> SipResponse:
    """A response to `request`; `cseq` makes it one to another of the same branch."""
    to = request.first("to")
    if status > 100 and not request.to_tag:
        to += f";tag={tag}"
    head = (
        f"SIP/2.0 {status} Phrase\r\nVia: {request.first('via')}\r\n"
        f"From: {request.first('from')}\r\nTo: {to}\r\nCall-ID: {request.call_id}\r\n"
        f"CSeq: {cseq or f'{request.cseq} {request.method}'}\r\n"
        f"{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    message = parse_message(head.encode() + body)
    assert isinstance(message, SipResponse)
    return message


def a_setup(**changes: Any) -> CallSetup:
    """A call from us to `TRUNK`, but for `changes`."""
    values: dict[str, Any] = {
        "call_id": "c1@example",
        "from_tag": "ft",
        "branch": "z9hG4bKb",
        "cseq": 1,
        "number": "+15551230100",
        "caller_id": "+15550000",
        "trunk_host": "192.0.2.7:5060",
        "from_host": "192.0.2.1",
        "sent_by": "192.0.2.1:5070",
        "target": TRUNK,
    }
    return make_setup(**(values | changes))


class Peer(Driven):
    """The other end of one outgoing call, which answers as told."""

    def __init__(
        self,
        *,
        user: str = "",
        ring_timeout_s: float = 60.0,
        max_length_s: float = 100.0,
        **changes: Any,
    ) -> None:
        setup = a_setup(
            credentials=Credentials(user=user, password="secret") if user else None,
            offer=build_offer("192.0.2.1", 30000, 1),
        )
        self.call = OutgoingCall(
            msgspec.structs.replace(setup, **changes),
            ring_timeout_s=ring_timeout_s,
            max_length_s=max_length_s,
        )
        self.call.set_local_media("192.0.2.1", 30000)
        super().__init__(self.call, 1000.0)
        self.take(self.call.start(self.now))

    def take(self, actions: list[Action]) -> None:
        super().take(actions)
        for invite in self.requests("INVITE"):
            self.invite = invite

    def methods(self) -> list[str]:
        """What was sent since the last look: methods of requests, codes of responses."""
        seen = [str(m.status) if isinstance(m, SipResponse) else m.method for _, m, _ in self.sent]
        self.sent.clear()
        return seen

    def last(self) -> SipRequest:
        message = self.sent[-1][1]
        assert isinstance(message, SipRequest)
        return message

    def reply(self) -> SipResponse:
        """Our answer to the peer's last question."""
        message = self.sent[-1][1]
        assert isinstance(message, SipResponse)
        return message

    def answer(
        self,
        status: int,
        *,
        tag: str = "pt",
        to: SipRequest | None = None,
        extra: str = "",
        body: bytes = b"",
    ) -> None:
        """A response to `to`, or to the last INVITE sent."""
        self.reply_to(to or self.invite, status, tag=tag, extra=extra, body=body)

    def ask(
        self,
        method: str,
        cseq: int,
        *,
        tag: str = "pt",
        to_tag: str = "ft",
        extra: str = "",
        body: bytes = b"",
        source: tuple[str, int] = TRUNK,
    ) -> None:
        head = (
            f"{method} sip:callwright@192.0.2.1:5070 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKp{cseq};rport\r\n"
            f"From: <sip:+15551230100@192.0.2.7>;tag={tag}\r\nTo: <sip:x@y>;tag={to_tag}\r\n"
            f"Call-ID: c1@example\r\nCSeq: {cseq} {method}\r\n"
            f"{extra}Content-Length: {len(body)}\r\n\r\n"
        )
        message = parse_message(head.encode() + body)
        assert isinstance(message, SipRequest)
        self.take(self.call.on_request(message, source, self.now))

    def pick_up(self, extra: str = "", tag: str = "pt") -> None:
        self.answer(200, tag=tag, extra=f"Contact: <sip:u@192.0.2.7:5060>\r\n{extra}", body=SDP)

    def ended(self) -> Ended | None:
        ends = [each for each in self.news if isinstance(each, Ended)]
        assert len(ends) <= 1
        return ends[0] if ends else None
