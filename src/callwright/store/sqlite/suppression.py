"""Numbers that an account never calls again."""

from collections.abc import Collection, Sequence, Set
from datetime import datetime

from callwright.domain.ids import AccountId, CallId, SuppressionId
from callwright.domain.phone import PhoneNumber
from callwright.ports.suppression import Suppression
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import json_list, to_micros, to_time

HIGHEST = 2**63 - 1


class SuppressionQuestions(Session):
    """Looking numbers up."""

    def is_suppressed(self, account_id: AccountId, number: PhoneNumber) -> bool:
        return self._row("suppression", account=account_id, number=number.e164) is not None

    def suppressed_among(
        self, account_id: AccountId, numbers: Collection[PhoneNumber]
    ) -> Set[PhoneNumber]:
        if self._row("any_suppression", account=account_id) is None:
            return frozenset()
        sought = json_list(number.e164 for number in numbers)
        rows = self._rows("suppressed_among", account=account_id, numbers=sought)
        return {PhoneNumber(number) for (number,) in rows}

    def suppressions(
        self, account_id: AccountId, *, below: SuppressionId | None, limit: int
    ) -> Sequence[Suppression]:
        return [
            Suppression(
                id=SuppressionId(number_id),
                number=PhoneNumber(number),
                at=to_time(at),
                call_id=None if call is None else CallId(call),
            )
            for number_id, number, at, call in self._find_all(
                "suppressions",
                account=account_id,
                below=HIGHEST if below is None else below,
                limit=limit,
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
