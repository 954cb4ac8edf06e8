"""Numbers that an account never calls again."""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.ids import AccountId, CallId
from callwright.domain.phone import PhoneNumber
from callwright.ports.suppression import Suppression
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import to_micros, to_time


class SuppressionQuestions(Session):
    """Looking numbers up."""

    def is_suppressed(self, account_id: AccountId, number: PhoneNumber) -> bool:
        return self._row("suppression", account=account_id, number=number.e164) is not None

    def suppressions(
        self, account_id: AccountId, *, after: str, limit: int
    ) -> Sequence[Suppression]:
        return [
            Suppression(
                number=PhoneNumber(number),
                at=to_time(at),
                call_id=None if call is None else CallId(call),
            )
            for number, at, call in self._find_all(
                "suppressions", account=account_id, after=after, limit=limit
            )
        ]


class SuppressionChanges(SuppressionQuestions):
    """Putting numbers on the list and taking them off."""

    def suppress(
        self, account_id: AccountId, number: PhoneNumber, call_id: CallId | None, now: datetime
    ) -> bool:
        changed = self._change(
            "suppress", account=account_id, number=number.e164, call=call_id, now=to_micros(now)
        )
        return changed == 1

    def unsuppress(self, account_id: AccountId, number: PhoneNumber) -> bool:
        return self._change("unsuppress", account=account_id, number=number.e164) == 1
