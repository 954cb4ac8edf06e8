"""The requests of one call, its INVITE apart: sent, repeated, and sent again with a password.

A call holds one `OwnRequests` and hears of each request once, when it is answered for good or
given up. Requests inside a dialog get the dialog's next number; a challenge is answered here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from callwright.telephony.sip.actions import Action, Send
from callwright.telephony.sip.dialog import Dialog, request_in_dialog
from callwright.telephony.sip.digest import Challenges
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipResponse
from callwright.telephony.sip.requests import CallSetup
from callwright.telephony.sip.transaction import Phase, RequestTransaction


@dataclass(slots=True)
class OwnRequest:
    """One request under way. `dialog` None: it stands outside of any (a CANCEL)."""

    transaction: RequestTransaction
    dialog: Dialog | None = None
    extra: Sequence[str] = ()
    challenges: Challenges | None = None

    @property
    def method(self) -> str:
        """Of the request."""
        return self.transaction.method


class OwnRequests:
    """The requests under way in the call that `setup` describes."""

    __slots__ = ("_all", "_counts", "_setup")

    def __init__(self, setup: CallSetup, counts: dict[str, int]) -> None:
        self._setup = setup
        self._counts = counts
        self._all: list[OwnRequest] = []

    @property
    def wakes_at(self) -> float:
        """When `on_timer` wants to be called; `inf` = never.

        Not for timer K: what is answered is forgotten when there is something else to do.
        """
        wake = inf
        for each in self._all:
            transaction = each.transaction
            if transaction.wakes_at < wake and transaction.phase is not Phase.COMPLETED:
                wake = transaction.wakes_at
        return wake

    @property
    def are_answered(self) -> bool:
        """Whether each has its final answer."""
        return all(each.transaction.phase is Phase.COMPLETED for each in self._all)

    def send(
        self, method: str, data: bytes, branch: str, cseq: int, to: Address, now: float
    ) -> Send:
        """Begin with a request that is made already."""
        return self._begin(OwnRequest(_transaction(method, data, branch, cseq, to)), now)

    def send_inside(
        self, dialog: Dialog, method: str, name: str, now: float, extra: Sequence[str] = ()
    ) -> Send:
        """Begin with a request inside `dialog`; `name` tells its branch from all others."""
        return self._send_inside(dialog, method, f"{self._setup.branch}.{name}", now, extra)

    def on_response(
        self, response: SipResponse, now: float
    ) -> tuple[OwnRequest | None, list[Action]]:
        """The request that this response ends, if it ends one, and what to send."""
        for own in self._all:
            transaction = own.transaction
            if transaction.branch == response.branch and transaction.method == response.method:
                if not transaction.on_response(response.status, now):
                    return None, []
                again = self._answer_challenge(own, response, now)
                return (None, [again]) if again is not None else (own, [])
        return None, []

    def on_timer(self, now: float) -> tuple[list[OwnRequest], list[Action]]:
        """Those that nobody has answered in 32 s, and what to send again."""
        given_up: list[OwnRequest] = []
        actions: list[Action] = []
        over = False
        for own in self._all:
            data, gave_up = own.transaction.on_timer(now)
            if data:
                actions.append(Send(data, own.transaction.to))
            if gave_up:
                given_up.append(own)
            over = over or own.transaction.phase is Phase.TERMINATED
        if over:
            self._all = [x for x in self._all if x.transaction.phase is not Phase.TERMINATED]
        return given_up, actions

    def say_again(self, to: Address) -> list[Action]:
        """Repeat by a new connection what was lost with the old one, perhaps unheard."""
        here = [own.transaction for own in self._all if own.transaction.to == to]
        again = [each.say_again() for each in here]
        return [Send(data, to) for data in again if data]

    def stop(self) -> None:
        """Repeat none of them any more."""
        self._all.clear()

    def _send_inside(
        self,
        dialog: Dialog,
        method: str,
        branch: str,
        now: float,
        extra: Sequence[str],
        challenges: Challenges | None = None,
    ) -> Send:
        dialog.cseq += 1
        lines = extra
        if challenges is not None:
            lines = [*extra, *challenges.lines(method, dialog.remote_target)]
        data = request_in_dialog(dialog, method, branch=branch, cseq=dialog.cseq, extra=lines)
        transaction = _transaction(method, data, branch, dialog.cseq, dialog.next_hop)
        return self._begin(OwnRequest(transaction, dialog, extra, challenges), now)

    def _begin(self, own: OwnRequest, now: float) -> Send:
        self._all.append(own)
        return Send(own.transaction.start(now), own.transaction.to)

    def _answer_challenge(self, own: OwnRequest, response: SipResponse, now: float) -> Send | None:
        if response.status not in (401, 407) or own.dialog is None:
            return None
        challenges = own.challenges or Challenges(self._setup.credentials, self._counts)
        if not challenges.meet(response):
            return None
        branch = f"{own.transaction.branch}.auth"
        return self._send_inside(own.dialog, own.method, branch, now, own.extra, challenges)


def _transaction(
    method: str, data: bytes, branch: str, cseq: int, to: Address
) -> RequestTransaction:
    return RequestTransaction(method=method, data=data, branch=branch, cseq=cseq, to=to)
