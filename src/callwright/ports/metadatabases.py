"""What a database keeps for surveys' metadatabases: named tables of what is known of people.

Part of `ports.store`, whose transactions offer all of this. A survey names the metadatabase
whose columns its calls may bring as variables; records are added to it by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callwright.domain.account import Metadatabase
from callwright.domain.ids import AccountId, MetadatabaseId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadatabaseRecord:
    """One record of a metadatabase."""

    id: int
    user_id: UserId
    """Who added it."""
    at: datetime
    values: Mapping[str, object]
    """Scalars by column; columns that were left out are not there."""


class MetadatabaseQuestions(Protocol):
    """Looking them up."""

    def metadatabase_by_name(self, account_id: AccountId, name: str) -> Metadatabase | None:
        """Names are compared without case."""
        ...

    def metadatabases(self, account_id: AccountId) -> Sequence[Metadatabase]:
        """In the order they were added."""
        ...

    def metadatabase_records(
        self, metadatabase_id: MetadatabaseId, *, after: int, limit: int
    ) -> Sequence[MetadatabaseRecord]:
        """Up to `limit` records with ids above `after`, the lowest first."""
        ...


class MetadatabaseChanges(Protocol):
    """Adding to them."""

    def add_metadatabase(
        self, account_id: AccountId, name: str, columns: Sequence[str], now: datetime
    ) -> MetadatabaseId | None:
        """None: the account has one of that name."""
        ...

    def add_record(
        self,
        metadatabase_id: MetadatabaseId,
        user_id: UserId,
        values: Mapping[str, object],
        now: datetime,
    ) -> None: ...
