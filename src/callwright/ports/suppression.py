"""What a database keeps of numbers that an account never calls again.

Part of `ports.store`, whose transactions offer all of this.
"""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callwright.domain.ids import AccountId, CallId, SuppressionId
from callwright.domain.phone import PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """A number that is not called again, and since when."""

    id: SuppressionId
    number: PhoneNumber
    at: datetime
    call_id: CallId | None
    """The call in which the callee asked for it; None = an operator entered it."""


class SuppressionQuestions(Protocol):
    """Looking numbers up."""

    def is_suppressed(self, account_id: AccountId, number: PhoneNumber) -> bool: ...

    def suppressed_among(
        self, account_id: AccountId, numbers: Collection[PhoneNumber]
    ) -> Set[PhoneNumber]:
        """Those of the numbers that are on the account's list. Costs next to nothing while
        that is empty."""
        ...

    def suppressions(
        self, account_id: AccountId, *, below: SuppressionId | None, limit: int
    ) -> Sequence[Suppression]:
        """Up to `limit` of an account's list with ids below `below`, the latest first."""
        ...


class SuppressionChanges(Protocol):
    """Putting numbers on the list and taking them off."""

    def suppress(
        self, account_id: AccountId, number: PhoneNumber, call_id: CallId | None, now: datetime
    ) -> bool:
        """False: it was on the list already, and the first time still counts."""
        ...

    def unsuppress(self, account_id: AccountId, number: PhoneNumber) -> bool:
        """False: it was not on the list."""
        ...
