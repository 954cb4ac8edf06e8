"""Conversations that are over: what call logs and survey reports are made of.

Part of `ports.store`, whose transactions offer all of this.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from callwright.domain.ids import CallId, ProgramId, UserId
from callwright.domain.phone import PhoneNumber
from callwright.domain.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitsSought:
    """Which conversations to look for; None = any."""

    program_ids: Sequence[ProgramId]
    user_id: UserId | None = None
    """Who queued the call."""
    number: PhoneNumber | None = None
    """Who was called."""
    answered_from: datetime | None = None
    answered_before: datetime | None = None
    """Not included."""


class VisitQuestions(Protocol):
    """Looking through them."""

    def count_visits(self, sought: VisitsSought) -> int: ...

    def visits(self, sought: VisitsSought, *, offset: int, limit: int) -> Sequence[Visit]:
        """Up to `limit` of them after the first `offset`, the latest first."""
        ...


class EndedVisit(NamedTuple):
    """An attempt that is over; a visit, if it was answered."""

    call_id: CallId
    attempt: int
    finished: bool


class VisitChanges(Protocol):
    """Adding them."""

    def add_visits(self, ended: Sequence[EndedVisit]) -> None:
        """Note those of these attempts that were answered. Their ends stand in their rows
        already, and none is noted twice."""
        ...
