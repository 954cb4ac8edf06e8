"""Asks a trunk's servers by OPTIONS whether they are there; a pure machine, as `call` is one.

One that failed is asked once its time of rest is over, and only its answer brings calls back to
it. Where nobody is left there is no rest: they are asked every few seconds. The others are
asked at an interval, if there is one. Any answer but 503 will do, which is
noticed by whoever hears answers: here it is only told who failed.

Source: RFC 3261 section 11.
"""

from math import inf

from callwright.telephony.sip.actions import Action, Send, TargetFailed
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipRequest, SipResponse
from callwright.telephony.sip.own_setup import options
from callwright.telephony.sip.requests import CallSetup
from callwright.telephony.sip.targets import Target, Targets
from callwright.telephony.sip.transaction import Phase, RequestTransaction

PROBE_EVERY_S = 5.0
"""How often each is asked while none of them is there."""


class Pinging:
    """For `targets`, with the headers that `setup` has; `every_s` 0 = only those that failed."""

    has_ended = False
    is_over = False

    def __init__(self, setup: CallSetup, targets: Targets, *, every_s: float) -> None:
        self._setup = setup
        self._targets = targets
        self._every_s = every_s
        self._asked: dict[Address, RequestTransaction] = {}
        self._asked_at: dict[Address, float] = {}
        self._cseq = 0
        self.wakes_at = inf

    @property
    def call_id(self) -> str:
        """By which the answers are known."""
        return self._setup.call_id

    def plan(self, now: float) -> list[Action]:
        """Ask whom it is time to ask; to be called when a server failed, too."""
        actions: list[Action] = []
        wake = inf
        addresses = {target.located.address for target in self._targets}
        for gone in self._asked.keys() - addresses:
            del self._asked[gone], self._asked_at[gone]
        for target in self._targets:
            due_at = self.asks_at(target)
            if due_at <= now and not self._is_asked(target):
                actions.append(self._ask(target.located.address, now))
                due_at = self.asks_at(target)
            wake = min(wake, due_at)
        self.wakes_at = wake
        return actions

    def asks_at(self, target: Target) -> float:
        """When it is asked next, or the same once more; `inf` = not at all."""
        address = target.located.address
        if self._is_asked(target):
            return self._asked[address].wakes_at
        asked_at = self._asked_at.get(address, -inf)
        if target.is_up:
            return asked_at + self._every_s if self._every_s else inf
        if self._targets.are_unheard:
            return asked_at + PROBE_EVERY_S
        return max(target.held_until, asked_at + 1.0)

    def on_response(self, response: SipResponse, now: float) -> list[Action]:
        """An answer."""
        for address, transaction in self._asked.items():
            if transaction.branch == response.branch:
                if not transaction.on_response(response.status, now):
                    return []
                transaction.stop()
                self._targets.answered_ping(address, now)
                if response.status == 503:
                    why = f"503 {response.phrase}".strip()
                    return [TargetFailed(address, why, is_there=True)]
                return self.plan(now)
        return []

    def on_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """Nobody asks anything here."""
        return []

    def on_not_listening(self, now: float, branch: str = "", why: str = "") -> list[Action]:
        """Nobody is there."""
        for address, transaction in self._asked.items():
            if transaction.branch == branch and transaction.phase is not Phase.TERMINATED:
                transaction.stop()
                return [TargetFailed(address, why or "connection refused")]
        return []

    def on_connection_lost(self, now: float, to: Address) -> list[Action]:
        """It is asked again when nobody answers."""
        return []

    def on_timer(self, now: float) -> list[Action]:
        """Whatever has come due."""
        actions: list[Action] = []
        has_failed = False
        for address, transaction in self._asked.items():
            data, gave_up = transaction.on_timer(now)
            if data:
                actions.append(Send(data, address))
            if gave_up:
                has_failed = True
                actions.append(TargetFailed(address, "no reply to OPTIONS", is_silent=True))
        # Whoever is told of a failure plans anew, once that is known.
        return actions if has_failed else actions + self.plan(now)

    def hang_up(self, now: float) -> list[Action]:
        """Nothing is to be taken back."""
        return []

    def _is_asked(self, target: Target) -> bool:
        transaction = self._asked.get(target.located.address)
        return transaction is not None and transaction.phase is not Phase.TERMINATED

    def _ask(self, address: Address, now: float) -> Send:
        setup = self._setup
        self._cseq += 1
        self._asked_at[address] = now
        branch = f"{setup.branch}.{self._cseq}"
        data = options(setup, branch=branch, cseq=self._cseq, to=address)
        transaction = self._asked[address] = RequestTransaction(
            method="OPTIONS", data=data, branch=branch, cseq=self._cseq, to=address
        )
        return Send(transaction.start(now), address)
