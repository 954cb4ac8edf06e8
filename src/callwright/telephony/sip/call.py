"""One outgoing call in SIP, from the INVITE to the last straggler, as a pure machine.

Joins the transactions and the dialog of one Call-ID: answers challenges, cancels, hangs
up, acknowledges every 2xx however often it comes, says goodbye to every fork but the
first, and answers what the other end asks inside the dialog. It reads no clock and sends
nothing: it is told what came and when, and returns `Action`s; `wakes_at` is the next time
it wants `on_timer`.

Source: RFC 3261, sections 9.1, 12, 13.2.2, 13.3.1.4 and 15; RFC 6026 for late 2xx. What
rings is `early`'s, our other requests are `own_requests`', keeping the session alive is
`session_refresh`'s.
"""

from math import inf

from callwright.telephony.sip import requests
from callwright.telephony.sip.actions import (
    Action,
    Answered,
    EarlyMedia,
    Ended,
    How,
    Rang,
    Renegotiated,
    Send,
    TargetFailed,
)
from callwright.telephony.sip.answers import DialogAnswers, no_such_call
from callwright.telephony.sip.dialog import Dialog, dialog_from_answer, is_in_dialog
from callwright.telephony.sip.early import MAX_FORKS, EarlyDialog, EarlyDialogs
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.inviting import Inviting
from callwright.telephony.sip.media_keys import MediaKeys
from callwright.telephony.sip.message import SipRequest, SipResponse
from callwright.telephony.sip.outcomes import outcome_of, reason_of, refusal
from callwright.telephony.sip.own_requests import OwnRequest, OwnRequests
from callwright.telephony.sip.requests import CallSetup
from callwright.telephony.sip.session_refresh import SessionRefresh
from callwright.telephony.sip.transaction import GIVE_UP_S, T4_S, Phase

BYE_PATIENCE_S = 4.0
"""How long the end of a call waits for the answer to our BYE; repeating goes on after it."""


class OutgoingCall:
    """A call we place. Methods take the monotonic time and return what is to be done.

    `ring_timeout_s` counts from the INVITE, `max_length_s` from the answer.
    """

    def __init__(
        self, setup: CallSetup, *, ring_timeout_s: float, max_length_s: float, session: int = 1
    ) -> None:
        self.call_id = setup.call_id
        """By which the endpoint finds this call."""
        self._setup = setup
        self._ring_timeout_s = ring_timeout_s
        self._max_length_s = max_length_s
        self.wakes_at = inf
        self._nonce_counts: dict[str, int] = {}
        self._inviting = Inviting(setup, self._nonce_counts)
        self._requests = OwnRequests(setup, self._nonce_counts)
        self._early = EarlyDialogs(self._requests)
        self._dialog: Dialog | None = None
        self._forks: dict[str, Dialog] = {}
        self._answers = DialogAnswers(session)
        self._refresh: SessionRefresh | None = None
        self._rang = False
        self._cancelled = False
        self._ended = False
        self._how: How | None = None
        """Why we want the call to end, once we do."""
        self._turn_by = inf
        """Ring timeout while it rings, the longest length while it talks."""
        self._end_by = inf
        """When the end is declared although the other end has not confirmed it."""
        self._forget_at = inf

    @property
    def target(self) -> Address:
        """Where the INVITE went last."""
        return self._inviting.setup.target

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be sent or answered: the call may be forgotten."""
        return self._ended and self._forget_at == inf and self.wakes_at == inf

    @property
    def has_ended(self) -> bool:
        """Whether `Ended` was said."""
        return self._ended

    # What the leg wants

    def start(self, now: float) -> list[Action]:
        """Send the first INVITE."""
        self._turn_by = now + self._ring_timeout_s
        return self._settled(self._inviting.start(now), now)

    def hang_up(self, now: float, how: How | None = None) -> list[Action]:
        """End it: CANCEL while it rings (once anything was heard), BYE once it talks."""
        if self._ended or self._how is not None:
            return []
        if self._dialog is not None:
            self._how = how or How.HUNG_UP_TALKING
            self._turn_by = inf
            self._end_by = now + BYE_PATIENCE_S
            self._answers.timer.cease()
            return self._settled([self._say_bye(self._dialog, "b", now)], now)
        self._how = how or How.HUNG_UP_RINGING
        self._turn_by = inf
        return self._settled(self._cancel_if_heard(now), now)

    def set_local_media(self, address: str, port: int, keys: MediaKeys | None = None) -> None:
        """Where our audio is, and its keys, for the answer to a later re-INVITE."""
        self._answers.set_local_media(address, port, keys)

    # What the network brought

    def on_response(self, response: SipResponse, now: float) -> list[Action]:
        """A response with our Call-ID. One that fits no request of ours gives no action."""
        if response.from_tag != self._setup.from_tag:
            return []
        if response.method == "INVITE":
            return self._settled(self._on_invite_response(response, now), now)
        own, actions = self._requests.on_response(response, now)
        if own is not None:
            actions += self._on_own_answered(own, response, now)
        return self._settled(actions, now)

    def on_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """A request with our Call-ID; one without both our tags changes nothing."""
        dialog = self._dialog
        if dialog is None or not is_in_dialog(dialog, request):
            return self._settled(self._on_other_request(request, source, now), now)
        if request.method == "BYE":
            actions: list[Action] = [self._answers.say_yes(request, dialog, source)]
            if not self._ended:
                actions.append(self._end(How.PEER_HUNG_UP, now))
            return self._settled(actions, now)
        if self._ended and request.method != "ACK":
            return [no_such_call(request, source)]
        return self._settled(self._answers.on_request(request, dialog, source, now), now)

    def on_not_listening(self, now: float, branch: str = "", why: str = "") -> list[Action]:
        """The network says that nobody listens where we sent to (ICMP, or no connection)."""
        if self._ended:
            return []
        invite = self._inviting.last
        is_about_invite = branch in ("", invite.branch)
        if is_about_invite and invite.phase is Phase.CALLING and self._dialog is None:
            invite.give_up()
            failure = Ended(How.NOT_LISTENING, phrase=why)
            return self._settled(self._on_target_failed(failure, now), now)
        if self._dialog is not None and self._how is not None:
            # Our BYE finds nobody: there is no one left to wait for.
            self._requests.stop()
            return self._settled([self._end(self._how, now)], now)
        return []

    def on_connection_lost(self, now: float, to: Address) -> list[Action]:
        """Say again, by a new connection, what may not have been heard; once."""
        if self._inviting.is_lost_for_good(to) and not self._ended and self._dialog is None:
            failure = Ended(How.NOT_LISTENING, phrase="connection lost")
            return self._settled(self._on_target_failed(failure, now), now)
        again = self._inviting.say_again(to) + self._requests.say_again(to)
        return again if self._refresh is None else again + self._refresh.say_again(to)

    def on_timer(self, now: float) -> list[Action]:
        """Whatever has come due by `now`."""
        actions, is_given_up = self._inviting.on_timer(now)
        if is_given_up and not self._ended:
            actions += self._on_target_failed(Ended(How.NO_REPLY), now)
        given_up, repeats = self._requests.on_timer(now)
        actions += repeats
        actions += self._answers.on_timer(now)
        lost = self._answers.was_never_acknowledged or any(x.method == "UPDATE" for x in given_up)
        if self._refresh is not None:
            expired, refreshing = self._refresh.on_timer(now)
            actions += refreshing
            lost = lost or expired
        if lost:
            actions += self.hang_up(now, How.SESSION_LOST)
        if self._turn_by <= now:
            self._turn_by = inf
            how = How.RING_TIMEOUT if self._dialog is None else How.MAX_LENGTH
            actions += self.hang_up(now, how)
        if self._end_by <= now and not self._ended and self._how is not None:
            actions.append(self._end(self._how, now))
        if self._forget_at <= now:
            self._forget_at = inf
        return self._settled(actions, now)

    # INVITE

    def _on_target_failed(self, failure: Ended, now: float) -> list[Action]:
        """Go on to the next target, unless this one has rung somebody, or nobody wants it to."""
        if self._rang:
            return [self._end(failure.how, now, failure)]
        why = outcome_of(failure)[1]
        failed = TargetFailed(
            self.target,
            why,
            failure.retry_after_s,
            is_there=failure.how is How.REFUSED,
            is_silent=failure.how is How.NO_REPLY,
        )
        if self._how is None:
            again = self._inviting.move_on(now)
            if again:
                return [failed, *again]
        elif failure.how is How.NO_REPLY and self._how is How.HUNG_UP_RINGING:
            # Nobody heard of it, and nobody wants it any more.
            failure = Ended(How.HUNG_UP_RINGING)
        return [failed, self._end(failure.how, now, failure)]

    def _on_invite_response(self, response: SipResponse, now: float) -> list[Action]:
        transaction = self._inviting.find(response)
        if transaction is None:
            return self._on_reinvite_response(response, now)
        status = response.status
        data, heard = transaction.on_response(status, response.first("to"), now)
        actions: list[Action] = [Send(data, transaction.to)] if data else []
        if 200 <= status < 300:
            return actions + self._on_success(response, now, transaction.setup)
        if not heard or self._ended or self._dialog is not None:
            return actions
        if transaction is not self._inviting.last:
            return actions  # of a target that was given up
        if status < 200:
            return actions + self._on_provisional(response, now)
        return actions + self._on_failure(response, now)

    def _on_provisional(self, response: SipResponse, now: float) -> list[Action]:
        if self._how is not None:
            return self._cancel_if_heard(now)
        if response.status == 100:
            return []
        counts, actions = self._early.hear(response, self._inviting.setup, now)
        if counts and not self._rang:
            self._rang = True
            actions.append(Rang(response.status, response.to_tag))
        if counts and response.body:
            actions.append(EarlyMedia(response.body))
        return actions

    def _on_success(self, response: SipResponse, now: float, setup: CallSetup) -> list[Action]:
        tag = response.to_tag
        known = self._forks.get(tag)
        if known is not None:
            return [Send(known.ack, known.next_hop)]
        if len(self._forks) >= MAX_FORKS:
            return []
        early = self._early.find(tag)
        dialog = dialog_from_answer(setup, response, self._inviting.authorization)
        if early is not None and early.made is not None:
            # Both ends have counted on since the INVITE: PRACK, UPDATE.
            dialog.cseq, dialog.remote_cseq = early.made.cseq, early.made.remote_cseq
        self._forks[tag] = dialog
        actions: list[Action] = [Send(dialog.ack, dialog.next_hop)]
        if self._dialog is not None or self._ended:
            # A fork that answered too, or an answer after we had given up.
            self._forget_at = now + GIVE_UP_S
            return [*actions, self._say_bye(dialog, f"f{len(self._forks)}", now)]
        self._dialog = dialog
        self._forget_at = now + GIVE_UP_S
        self._turn_by = inf
        self._inviting.give_up()
        if self._how is not None:
            # The answer crossed our CANCEL, or came while we waited for a chance to send one.
            self._end_by = now + BYE_PATIENCE_S
            self._requests.stop()
            return [*actions, self._say_bye(dialog, "b", now)]
        self._turn_by = now + self._max_length_s
        sdp = response.body or self._early.last_sdp
        if early is not None and early.sdp and (early.is_agreed or not response.body):
            sdp = early.sdp
        self._early.forget_idle()
        self._answers.begin(setup.offer, sdp)
        self._answers.timer.on_answer(response, now)
        self._refresh = SessionRefresh(dialog, self._requests, self._answers, self._nonce_counts)
        actions.append(Answered(dialog, sdp))
        return actions

    def _on_reinvite_response(self, response: SipResponse, now: float) -> list[Action]:
        if self._refresh is None or response.to_tag not in self._forks:
            return []
        lost, actions = self._refresh.on_invite_response(response, now)
        return actions + (self.hang_up(now, How.SESSION_LOST) if lost else [])

    def _on_failure(self, response: SipResponse, now: float) -> list[Action]:
        status = response.status
        again = self._inviting.bring_what_it_asks(response, now) if self._how is None else []
        if again:
            return again
        how = How.REFUSED
        # After our CANCEL a 487 is the answer to it; any other code is news of the callee,
        # unless someone wanted the call gone, whatever the callee has to say.
        wanted = self._how is How.HUNG_UP_RINGING
        if self._how is not None and (wanted or status in (487, 408, 480, 401, 407)):
            how = self._how
        self._requests.stop()  # neither a CANCEL nor a PRACK is of use any more
        ended = refusal(response, how)
        if status == 503:
            return self._on_target_failed(ended, now)
        return [self._end(how, now, ended)]

    def _cancel_if_heard(self, now: float) -> list[Action]:
        invite = self._inviting.last
        if self._cancelled or invite.phase is not Phase.PROCEEDING:
            # RFC 3261 9.1: not before a provisional. The wish is remembered in `_how`.
            invite.hush()
            return []
        self._cancelled = True
        self._end_by = now + GIVE_UP_S
        branch, cseq, reason = invite.branch, invite.cseq, reason_of(self._how or How.RING_TIMEOUT)
        data = requests.cancel(invite.setup, branch=branch, cseq=cseq, reason=reason)
        return [self._requests.send("CANCEL", data, branch, cseq, invite.to, now)]

    # Everything else

    def _say_bye(self, dialog: Dialog, name: str, now: float) -> Send:
        reason = reason_of(self._how or How.HUNG_UP_TALKING)
        return self._requests.send_inside(dialog, "BYE", name, now, [reason])

    def _on_own_answered(self, own: OwnRequest, response: SipResponse, now: float) -> list[Action]:
        if own.method == "UPDATE" and self._refresh is not None:
            lost, actions = self._refresh.on_update_answered(response, now)
            return actions + (self.hang_up(now, How.SESSION_LOST) if lost else [])
        ends = own.method == "BYE" and own.dialog is self._dialog and self._how is not None
        return [self._end(self._how, now)] if ends and not self._ended and self._how else []

    def _on_other_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """What comes in an early dialog or a fork that we left, or is none of our peer's."""
        if request.method == "ACK":
            return []
        tag = request.from_tag
        fork, early = self._forks.get(tag), self._early.find(tag)
        if fork is not None and is_in_dialog(fork, request) and request.method == "BYE":
            return [self._answers.say_yes(request, fork, source)]
        rings = self._dialog is None and not self._ended and request.method != "BYE"
        if rings and early is not None and is_in_dialog(early.dialog, request):
            return self._on_early_request(request, early, source, now)
        # Whoever guesses is not told whether the call is there.
        known = source == self._inviting.setup.target or any(
            x.next_hop == source for x in self._forks.values()
        )
        return [no_such_call(request, source)] if known else []

    def _on_early_request(
        self, request: SipRequest, early: EarlyDialog, source: Address, now: float
    ) -> list[Action]:
        # Our offer stands until it is answered: no other may cross it (RFC 3311 section 5.2).
        self._answers.offering = not early.is_agreed or request.method == "INVITE"
        actions = self._answers.on_request(request, early.dialog, source, now)
        self._answers.offering = False
        if any(isinstance(each, Renegotiated) for each in actions):
            early.sdp = request.body
        return [each for each in actions if isinstance(each, Send)]

    def _end(self, how: How, now: float, ended: Ended | None = None) -> Ended:
        self._ended = True
        self._turn_by = self._end_by = inf
        if self._dialog is None or how is How.PEER_HUNG_UP:
            self._forget_at = now + GIVE_UP_S
        else:
            # Repeated 2xx, and those of forks, come no longer than that after the first one (RFC
            # 3261 section 13.2.2.4), for which it was set then; it may be over.
            may_come_till = self._forget_at if self._forget_at < inf else now
            self._forget_at = max(may_come_till, now + T4_S)
        self._answers.stop()
        self._early.forget_idle()
        return ended or Ended(how)

    def _settled(self, actions: list[Action], now: float) -> list[Action]:
        """`actions`, after setting the next wake-up."""
        wake = min(
            self._turn_by,
            self._end_by,
            self._forget_at,
            self._answers.wakes_at,
            self._requests.wakes_at,
            self._inviting.wakes_at,
        )
        if self._refresh is not None:
            wake = min(wake, self._refresh.wakes_at)
        self.wakes_at = wake
        return actions
