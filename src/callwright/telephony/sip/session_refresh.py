"""Confirms an answered call to the other end in time, where the two agreed that we do.

By UPDATE where the other end takes it, else by a re-INVITE with the description that stands.
Says when a session has not been confirmed in time, or is not known there any more: then the
call has to be hung up.

Source: RFC 4028 sections 7.2 and 10; RFC 3261 section 14.1; RFC 3311.
"""

from contextlib import suppress

from callwright.telephony.sip.actions import Action, Renegotiated, Send
from callwright.telephony.sip.answers import DialogAnswers
from callwright.telephony.sip.dialog import (
    Dialog,
    accept_target_refresh,
    acknowledge,
    request_in_dialog,
)
from callwright.telephony.sip.digest import Challenges
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipResponse
from callwright.telephony.sip.own_requests import OwnRequests
from callwright.telephony.sip.requests import CallSetup
from callwright.telephony.sip.sdp import SdpUnusable, read_description
from callwright.telephony.sip.session_timer import read_minimum
from callwright.telephony.sip.transaction import InviteTransaction, Phase

GLARE_WAIT_S = 3.0
"""Between the 2.1 s and 4 s of whoever chose the Call-ID (RFC 3261 section 14.1)."""
_GONE = (408, 481)
"""The answers after which the dialog is no more (RFC 3261 section 12.2.1.2)."""


class SessionRefresh:
    """The refreshing half of one answered call. `counts` are its nonces'."""

    __slots__ = ("_answers", "_challenges", "_counts", "_dialog", "_invite", "_lines", "_requests")

    def __init__(
        self,
        dialog: Dialog,
        requests: OwnRequests,
        answers: DialogAnswers,
        counts: dict[str, int],
    ) -> None:
        self._dialog = dialog
        self._requests = requests
        self._answers = answers
        self._counts = counts
        self._invite: InviteTransaction | None = None
        self._challenges: Challenges | None = None
        self._lines: list[str] = []
        """What the re-INVITE answered a challenge with."""

    @property
    def wakes_at(self) -> float:
        """When `on_timer` wants to be called; `inf` = never."""
        timer = self._answers.timer
        wakes_at = min(timer.refresh_at, timer.expires_at)
        return wakes_at if self._invite is None else min(wakes_at, self._invite.wakes_at)

    def on_timer(self, now: float) -> tuple[bool, list[Action]]:
        """Whether the session is lost, and what to send."""
        timer = self._answers.timer
        if timer.expires_at <= now:
            timer.cease()
            return True, []
        actions: list[Action] = []
        if self._invite is not None:
            data, gave_up = self._invite.on_timer(now)
            if data:
                actions.append(Send(data, self._dialog.next_hop))
            if gave_up:
                return True, actions
        if timer.refresh_at <= now:
            actions += self._refresh(now)
        return False, actions

    def on_update_answered(self, response: SipResponse, now: float) -> tuple[bool, list[Action]]:
        """The final answer to our UPDATE: whether the session is lost, and what to send."""
        if response.status in (405, 501):
            self._dialog.takes_update = False
            return False, self._refresh(now)
        return self._on_final(response, now)

    def on_invite_response(self, response: SipResponse, now: float) -> tuple[bool, list[Action]]:
        """A response to our re-INVITE: whether the session is lost, and what to send."""
        invite, dialog = self._invite, self._dialog
        if invite is None or response.cseq != invite.cseq or response.branch != invite.branch:
            return False, []
        was_over = invite.phase in (Phase.COMPLETED, Phase.TERMINATED)
        data, _ = invite.on_response(response.status, response.first("to"), now)
        actions: list[Action] = [Send(data, dialog.next_hop)] if data else []
        if response.status < 200 or (was_over and response.status >= 300):
            return False, actions
        if response.status >= 300:
            self._answers.offering = False
            if response.status in (401, 407) and self._try_with_password(response):
                return False, actions + self._reinvite(now)
            lost, more = self._on_final(response, now)
            return lost, actions + more
        if was_over:
            return False, [Send(dialog.ack, dialog.next_hop)]
        self._answers.offering = False
        accept_target_refresh(dialog, response)
        acknowledge(dialog, response.cseq, self._lines)
        actions.append(Send(dialog.ack, dialog.next_hop))
        if self._answers.hears_new(response.body):
            # Where nothing could be played to, what was agreed before goes on.
            with suppress(SdpUnusable):
                media = read_description(response.body, self._answers.media_keys)
                actions.append(Renegotiated(media))
        return False, actions + self._on_final(response, now)[1]

    def say_again(self, to: Address) -> list[Action]:
        """Repeat a re-INVITE that was lost with its connection, perhaps unheard."""
        if self._invite is None or self._invite.to != to:
            return []
        data = self._invite.say_again()
        return [Send(data, to)] if data else []

    def _refresh(self, now: float) -> list[Action]:
        timer = self._answers.timer
        timer.refresh_at = timer.expires_at  # until its answer says otherwise
        self._challenges, self._lines = None, []
        if not self._dialog.takes_update:
            return self._reinvite(now)
        name = f"r{self._dialog.cseq + 1}"
        return [self._requests.send_inside(self._dialog, "UPDATE", name, now, self._asks())]

    def _reinvite(self, now: float) -> list[Action]:
        dialog = self._dialog
        dialog.cseq += 1
        cseq = dialog.cseq
        branch = f"{dialog.setup.branch}.r{cseq}"
        body = self._answers.local_description
        if self._challenges is not None:
            self._lines = self._challenges.lines("INVITE", dialog.remote_target, body)
        data = request_in_dialog(
            dialog,
            "INVITE",
            branch=branch,
            cseq=cseq,
            extra=[*self._asks(), *self._lines],
            body=body,
        )

        def make_ack(to: str) -> bytes:
            return request_in_dialog(dialog, "ACK", branch=branch, cseq=cseq)

        self._invite = InviteTransaction(
            dialog.setup,
            data=data,
            branch=branch,
            cseq=cseq,
            to=dialog.next_hop,
            make_ack=make_ack,
        )
        self._answers.offering = True
        return [Send(self._invite.start(now), dialog.next_hop)]

    def _asks(self) -> list[str]:
        setup: CallSetup = self._dialog.setup
        return [
            f"Contact: {setup.contact}",
            "Supported: timer",
            f"Session-Expires: {self._answers.timer.interval_s};refresher=uac",
        ]

    def _try_with_password(self, response: SipResponse) -> bool:
        if self._challenges is None:
            self._challenges = Challenges(self._dialog.setup.credentials, self._counts)
        return self._challenges.meet(response)

    def _on_final(self, response: SipResponse, now: float) -> tuple[bool, list[Action]]:
        timer, status = self._answers.timer, response.status
        if status < 300:
            timer.on_answer(response, now)
        elif status in _GONE:
            return True, []
        else:
            if status == 422:
                timer.interval_s = max(timer.interval_s, read_minimum(response))
            # Glare, or something else that may pass: once more, till the session runs out.
            timer.refresh_at = now + GLARE_WAIT_S
        return False, []
