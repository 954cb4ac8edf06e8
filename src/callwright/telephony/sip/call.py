"""One outgoing call in SIP, from the INVITE to the last straggler, as a pure machine.

Joins the transactions and the dialog of one Call-ID: answers challenges, cancels, hangs
up, acknowledges every 2xx however often it comes, says goodbye to every fork but the
first, and answers what the other end asks inside the dialog. It reads no clock and sends
nothing: it is told what came and when, and returns `Action`s; `wakes_at` is the next time
it wants `on_timer`.

Source: RFC 3261, sections 9.1, 12, 13.2.2, 13.3.1.4 and 15; RFC 6026 for late 2xx.
"""

from math import inf

from callwright.telephony.sip import requests
from callwright.telephony.sip.actions import (
    Action,
    Answered,
    Ended,
    How,
    Rang,
    Send,
    TargetFailed,
)
from callwright.telephony.sip.answers import DialogAnswers, no_such_call
from callwright.telephony.sip.dialog import (
    Dialog,
    dialog_from_answer,
    is_in_dialog,
    request_in_dialog,
)
from callwright.telephony.sip.digest import answer_challenge
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.inviting import Inviting
from callwright.telephony.sip.message import SipRequest, SipResponse
from callwright.telephony.sip.outcomes import outcome_of, refusal
from callwright.telephony.sip.requests import CallSetup
from callwright.telephony.sip.transaction import (
    GIVE_UP_S,
    Phase,
    RequestTransaction,
)

BYE_PATIENCE_S = 4.0
"""How long the end of a call waits for the answer to our BYE; repeating goes on after it."""
MAX_FORKS = 16
_ANSWERED_CHALLENGE = ".auth"


class OutgoingCall:
    """A call we place. Methods take the monotonic time and return what is to be done.

    `ring_timeout_s` counts from the INVITE, `max_length_s` from the answer.
    """

    def __init__(
        self, setup: CallSetup, *, ring_timeout_s: float, max_length_s: float, session: int = 1
    ) -> None:
        self._setup = setup
        self._ring_timeout_s = ring_timeout_s
        self._max_length_s = max_length_s
        self.wakes_at = inf
        self._inviting = Inviting(setup)
        self._others: list[RequestTransaction] = []
        self._dialog: Dialog | None = None
        self._forks: dict[str, Dialog] = {}
        self._answers = DialogAnswers(session)
        self._early_sdp = b""
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
    def call_id(self) -> str:
        """The Call-ID, by which the endpoint finds this call."""
        return self._setup.call_id

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
            return self._settled(self._say_bye(self._dialog, "b", now), now)
        self._how = how or How.HUNG_UP_RINGING
        self._turn_by = inf
        return self._settled(self._cancel_if_heard(now), now)

    def set_local_media(self, address: str, port: int) -> None:
        """Where our audio is, for the answer to a later re-INVITE."""
        self._answers.set_local_media(address, port)

    # What the network brought

    def on_response(self, response: SipResponse, now: float) -> list[Action]:
        """A response with our Call-ID. One that fits no request of ours gives no action."""
        if response.from_tag != self._setup.from_tag:
            return []
        if response.method == "INVITE":
            return self._settled(self._on_invite_response(response, now), now)
        for transaction in self._others:
            if transaction.branch == response.branch and transaction.method == response.method:
                return self._settled(self._on_other_response(transaction, response, now), now)
        return []

    def on_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """A request with our Call-ID; one without both our tags gets a 481."""
        dialog = self._dialog
        if dialog is None or not is_in_dialog(dialog, request):
            return self._on_foreign_request(request, source)
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
            for other in self._others:
                other.stop()
            return self._settled([self._end(self._how, now)], now)
        return []

    def on_connection_lost(self, now: float, to: Address) -> list[Action]:
        """Say again, by a new connection, what may not have been heard."""
        again = [each.say_again() for each in self._others if each.to == to]
        return self._inviting.say_again(to) + [Send(data, to) for data in again if data]

    def on_timer(self, now: float) -> list[Action]:
        """Whatever has come due by `now`."""
        actions, is_given_up = self._inviting.on_timer(now)
        if is_given_up and not self._ended:
            actions += self._on_target_failed(Ended(How.NO_REPLY), now)
        for other in self._others:
            data, _ = other.on_timer(now)
            if data:
                actions.append(Send(data, other.to))
        actions += self._answers.on_timer(now)
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
        failed = TargetFailed(self._inviting.setup.target, why, failure.retry_after_s)
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
            return []
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
        if response.body:
            self._early_sdp = response.body
        if self._rang:
            return []
        self._rang = True
        return [Rang(response.status, response.to_tag)]

    def _on_success(self, response: SipResponse, now: float, setup: CallSetup) -> list[Action]:
        tag = response.to_tag
        known = self._forks.get(tag)
        if known is not None:
            return [Send(known.ack, known.next_hop)]
        if len(self._forks) >= MAX_FORKS:
            return []
        dialog = dialog_from_answer(setup, response)
        self._forks[tag] = dialog
        actions: list[Action] = [Send(dialog.ack, dialog.next_hop)]
        if self._dialog is not None or self._ended:
            # A fork that answered too, or an answer after we had given up.
            self._forget_at = now + GIVE_UP_S
            return actions + self._say_bye(dialog, f"f{len(self._forks)}", now)
        self._dialog = dialog
        self._forget_at = now + GIVE_UP_S
        self._turn_by = inf
        self._inviting.give_up()
        if self._how is not None:
            # The answer crossed our CANCEL, or came while we waited for a chance to send one.
            self._end_by = now + BYE_PATIENCE_S
            for other in self._others:
                other.stop()
            return actions + self._say_bye(dialog, "b", now)
        self._turn_by = now + self._max_length_s
        actions.append(Answered(dialog, response.body or self._early_sdp))
        self._early_sdp = b""
        return actions

    def _on_failure(self, response: SipResponse, now: float) -> list[Action]:
        status = response.status
        if status in (401, 407) and self._how is None:
            again = self._inviting.answer_challenge(response, now)
            if again:
                return again
        how = How.REFUSED
        # After our CANCEL a 487 is the answer to it; any other code is news of the callee,
        # unless someone wanted the call gone, whatever the callee has to say.
        wanted = self._how is How.HUNG_UP_RINGING
        if self._how is not None and (wanted or status in (487, 408, 480, 401, 407)):
            how = self._how
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
        data = requests.cancel(invite.setup, branch=invite.branch, cseq=invite.cseq)
        return self._send_other("CANCEL", data, invite.branch, invite.cseq, invite.to, now)

    # Everything else

    def _say_bye(self, dialog: Dialog, name: str, now: float, line: str = "") -> list[Action]:
        dialog.cseq += 1
        branch = f"{self._setup.branch}.{name}"
        data = request_in_dialog(dialog, "BYE", branch=branch, cseq=dialog.cseq, authorization=line)
        return self._send_other("BYE", data, branch, dialog.cseq, dialog.next_hop, now)

    def _send_other(
        self, method: str, data: bytes, branch: str, cseq: int, to: Address, now: float
    ) -> list[Action]:
        transaction = RequestTransaction(method=method, data=data, branch=branch, cseq=cseq, to=to)
        self._others.append(transaction)
        return [Send(transaction.start(now), to)]

    def _on_other_response(
        self, transaction: RequestTransaction, response: SipResponse, now: float
    ) -> list[Action]:
        final = transaction.on_response(response.status, now)
        if not final or transaction.method != "BYE":
            return []
        dialog = self._forks.get(response.to_tag) or self._dialog
        may_try_again = not transaction.branch.endswith(_ANSWERED_CHALLENGE)
        if response.status in (401, 407) and dialog is not None and may_try_again:
            line, _ = answer_challenge(
                response, self._setup.credentials, method="BYE", uri=dialog.remote_target
            )
            if line:
                name = transaction.branch.removeprefix(f"{self._setup.branch}.")
                return self._say_bye(dialog, name + _ANSWERED_CHALLENGE, now, line)
        if not self._ended and self._how is not None and dialog is self._dialog:
            return [self._end(self._how, now)]
        return []

    def _on_foreign_request(self, request: SipRequest, source: Address) -> list[Action]:
        if request.method == "ACK":
            return []
        fork = self._forks.get(request.from_tag)
        if fork is not None and is_in_dialog(fork, request) and request.method == "BYE":
            return [self._answers.say_yes(request, fork, source)]
        return [no_such_call(request, source)]

    def _end(self, how: How, now: float, ended: Ended | None = None) -> Ended:
        self._ended = True
        self._turn_by = self._end_by = inf
        # Late and repeated 2xx are acknowledged for as long as they may come.
        self._forget_at = now + GIVE_UP_S
        self._answers.stop()
        return ended or Ended(how)

    def _settled(self, actions: list[Action], now: float) -> list[Action]:
        """`actions`, after setting the next wake-up."""
        if self._others and any(each.phase is Phase.TERMINATED for each in self._others):
            self._others = [x for x in self._others if x.phase is not Phase.TERMINATED]
        wake = min(self._turn_by, self._end_by, self._forget_at, self._answers.wakes_at)
        wake = min(wake, self._inviting.wakes_at)
        for other in self._others:
            wake = min(wake, other.wakes_at)
        self.wakes_at = wake
        return actions
