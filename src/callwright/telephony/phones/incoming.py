"""One call at the called end, as a pure machine: from its INVITE to the last repeated BYE.

Told what came and what time it is, it says what to send and what became of the call. What
the phone wants (ring, answer, refuse, hang up) is asked of it by `leg.py`; sockets are
`server.py`'s.

Source: RFC 3261 sections 8.2, 9.2, 12.1.1, 13.3 and 15.
"""

import secrets
from enum import StrEnum
from math import inf

import msgspec

from callwright.telephony.phones.behaviour import PHRASES
from callwright.telephony.phones.invite_reply import InviteReply
from callwright.telephony.sip.actions import Action as SipAction
from callwright.telephony.sip.actions import Send
from callwright.telephony.sip.answers import DialogAnswers, no_such_call
from callwright.telephony.sip.dialog import Dialog, request_in_dialog
from callwright.telephony.sip.fields import (
    SIP_PORT,
    Address,
    SipMalformed,
    bare_uri,
    checked_call_id,
    is_ip_address,
    parse_uri,
)
from callwright.telephony.sip.message import SipRequest, SipResponse, render, response_lines
from callwright.telephony.sip.requests import ALLOWED, CallSetup
from callwright.telephony.sip.transaction import GIVE_UP_S, Phase, RequestTransaction


class How(StrEnum):
    """How a call ended, as the called end saw it."""

    REFUSED = "refused"
    CANCELED = "canceled by the caller"
    CALLER_HUNG_UP = "caller hung up"
    HUNG_UP = "hung up"
    NOT_ACKNOWLEDGED = "answer never acknowledged"


class Acknowledged(msgspec.Struct, frozen=True, gc=False):
    """The ACK of our 2xx came; `sdp` is its body, an answer where we made the offer."""

    sdp: bytes


class Over(msgspec.Struct, frozen=True, gc=False):
    """The call is over. Said once; repeats and stragglers are still answered."""

    how: How


Action = SipAction | Acknowledged | Over


class IncomingCall:
    """The called end of the call that `invite` begins.

    `sent_by` is `host:port` of our Contact and Via.

    Raises:
        SipMalformed: the INVITE has no Contact we could ever send a BYE to.
    """

    def __init__(self, invite: SipRequest, source: Address, sent_by: str) -> None:
        self.tag = secrets.token_hex(8)
        self.invite = invite
        self.has_ended = False
        self.is_answered = False
        self.is_forgettable = False
        """Nothing more can come for it."""
        self._source = source
        self._contact = f"Contact: <sip:phones@{sent_by}>"
        self._reply = InviteReply()
        self._answers = DialogAnswers(secrets.randbits(31))
        self._dialog = _dialog(invite, source, self.tag, sent_by)
        self._bye: RequestTransaction | None = None
        self._bye_waits_for_ack = False
        self._is_acknowledged = False
        self._forget_at = inf

    @property
    def wakes_at(self) -> float:
        """When `on_timer` is due."""
        bye_at = inf if self._bye is None else self._bye.wakes_at
        return min(self._reply.wakes_at, self._answers.wakes_at, bye_at, self._forget_at)

    @property
    def is_saying_goodbye(self) -> bool:
        """Whether a BYE of ours has still to be sent or answered."""
        if self._bye is None:
            return self._bye_waits_for_ack and not self.has_ended
        return self._bye.phase in (Phase.CALLING, Phase.PROCEEDING)

    # What the phone wants

    def provisional(self, status: int, phrase: str, sdp: bytes = b"") -> list[Action]:
        """Send a 1xx, with early media if `sdp` says where."""
        extra = [self._contact, f"Allow: {ALLOWED}"] if status > 100 else []
        data = self._response(status, phrase, extra, sdp, tag=self.tag if status > 100 else "")
        return self._sent(self._reply.provisional(data))

    def refuse(self, status: int, now: float, extra: list[str] | None = None) -> list[Action]:
        """Answer with `status` (300 or more); the call is over."""
        if self.is_answered or self.has_ended:
            return []
        data = self._response(status, PHRASES.get(status, "Refused"), extra or [])
        return self._sent(self._reply.final(data, status, now)) + self._over(How.REFUSED, now)

    def answer(self, sdp: bytes, address: Address, now: float) -> list[Action]:
        """Take the call; `sdp` describes our audio, which is at `address`."""
        if self.is_answered or self.has_ended:
            return []
        self.is_answered = True
        self._answers.set_local_media(*address)
        data = self._response(200, "OK", [self._contact, f"Allow: {ALLOWED}"], sdp)
        return self._sent(self._reply.final(data, 200, now))

    def hang_up(self, now: float) -> list[Action]:
        """Say goodbye. Before the ACK has come a BYE may not be sent: then after it."""
        if self.has_ended:
            return []
        if not self.is_answered:
            return self.refuse(480, now)
        if not self._is_acknowledged:
            self._bye_waits_for_ack = True
            return []
        return self._say_goodbye(now) + self._over(How.HUNG_UP, now)

    # What comes

    def on_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """A request with this call's tags, its INVITE again, or the CANCEL of it."""
        if request.method == "INVITE" and not request.to_tag:
            return self._sent(self._reply.on_repeat())
        if request.method == "ACK" and request.cseq == self.invite.cseq:
            return self._on_ack(request, now)
        if request.method == "CANCEL" and not request.to_tag:
            return self._on_cancel(request, source, now)
        if not self.is_answered:
            return [no_such_call(request, source)] if request.method != "ACK" else []
        if request.method == "BYE":
            yes = self._answers.say_yes(request, self._dialog, source)
            return [yes, *self._over(How.CALLER_HUNG_UP, now)]
        if self.has_ended:
            return [no_such_call(request, source)] if request.method != "ACK" else []
        return list(self._answers.on_request(request, self._dialog, source, now))

    def on_response(self, response: SipResponse, now: float) -> list[Action]:
        """A response to our BYE."""
        if self._bye is not None and response.branch == self._bye.branch:
            self._bye.on_response(response.status, now)
        return []

    def on_timer(self, now: float) -> list[Action]:
        """What is due by `now`."""
        actions: list[Action] = list(self._answers.on_timer(now))
        data, gave_up = self._reply.on_timer(now)
        actions += self._sent(data)
        if gave_up and self.is_answered and not self.has_ended:
            actions += self._say_goodbye(now) + self._over(How.NOT_ACKNOWLEDGED, now)
        if self._bye is not None:
            data, _ = self._bye.on_timer(now)
            actions += self._sent(data, self._dialog.next_hop)
        if now >= self._forget_at:
            self._forget_at = inf
            self.is_forgettable = True
        return actions

    def _on_ack(self, request: SipRequest, now: float) -> list[Action]:
        if not self._reply.on_ack(now) or not self.is_answered:
            return []
        self._is_acknowledged = True
        actions: list[Action] = [Acknowledged(request.body)]
        if self._bye_waits_for_ack and not self.has_ended:
            actions += self._say_goodbye(now) + self._over(How.HUNG_UP, now)
        return actions

    def _on_cancel(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        lines = response_lines(request, 200, "OK", self.tag, source)
        actions: list[Action] = [Send(render(lines), source)]
        if not self.is_answered and not self.has_ended:
            data = self._response(487, PHRASES[487], [])
            actions += self._sent(self._reply.final(data, 487, now))
            actions += self._over(How.CANCELED, now)
        return actions

    def _say_goodbye(self, now: float) -> list[Action]:
        dialog = self._dialog
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        data = request_in_dialog(dialog, "BYE", branch=branch, cseq=dialog.cseq)
        self._bye = RequestTransaction(
            method="BYE", data=data, branch=branch, cseq=dialog.cseq, to=dialog.next_hop
        )
        dialog.cseq += 1
        return self._sent(self._bye.start(now), dialog.next_hop)

    def _over(self, how: How, now: float) -> list[Action]:
        if self.has_ended:
            return []
        self.has_ended = True
        self._answers.stop()
        # Long enough to answer every repeat the caller can still send (timers F, H and J).
        self._forget_at = now + GIVE_UP_S + 1.0
        return [Over(how)]

    def _response(
        self, status: int, phrase: str, extra: list[str], sdp: bytes = b"", tag: str | None = None
    ) -> bytes:
        to_tag = self.tag if tag is None else tag
        lines = response_lines(self.invite, status, phrase, to_tag, self._source) + extra
        if sdp:
            lines.append("Content-Type: application/sdp")
        return render(lines, sdp)

    def _sent(self, data: bytes, to: Address | None = None) -> list[Action]:
        return [Send(data, to or self._source)] if data else []


def _dialog(invite: SipRequest, source: Address, tag: str, sent_by: str) -> Dialog:
    """The dialog an answer to `invite` opens, seen from the called end.

    A next hop that is a name would need a look-up: such a request goes back to where the
    INVITE came from.
    """
    checked_call_id(invite.call_id)
    contacts = invite.listed("contact")
    if not contacts:
        raise SipMalformed("an INVITE without a Contact")
    remote_target = bare_uri(contacts[0])
    route_set = tuple(invite.listed("record-route"))
    hop = parse_uri(bare_uri(route_set[0]) if route_set else remote_target)
    host = hop.host.strip("[]")
    next_hop = (host, hop.port or SIP_PORT) if is_ip_address(host) else source
    setup = CallSetup(
        call_id=invite.call_id,
        from_tag=tag,
        branch="",
        cseq=1,
        request_uri=remote_target,
        from_value=f"{invite.first('to')};tag={tag}",
        to_value=invite.first("from"),
        contact=f"<sip:phones@{sent_by}>",
        sent_by=sent_by,
        target=source,
    )
    return Dialog(
        setup=setup,
        remote_tag=invite.from_tag,
        to_value=invite.first("from"),
        remote_target=remote_target,
        route_set=route_set,
        cseq=1,
        next_hop=next_hop,
        remote_cseq=invite.cseq,
    )
