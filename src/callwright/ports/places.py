"""Where calls stand among those that wait, and what is left of a batch: to explain and foretell.

Part of `ports.store`, whose transactions offer all of this. Counting stops where it is told
to, so that an answer costs about the same however much waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callwright.domain.ids import AccountId, BatchId, CallId, DeploymentId
from callwright.domain.limits import Limited, limited_by
from callwright.domain.outcome import Outcome
from callwright.ports.queues import WaitingQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call waits."""

    call_id: CallId
    account_id: AccountId
    deployment_id: DeploymentId
    batch_id: BatchId
    lane: BatchId | None
    """Its batch, where that has a queue of its own."""
    trunk: str
    next_at: datetime
    is_tried: bool
    live_seq: int
    segment: int | None
    """The part of a list it stands in; None = it waits singly."""
    before_in_list: int
    """Calls of its own list that go before it; 0 if it waits singly."""
    quarantined_at: datetime | None
    batch_paused_at: datetime | None
    deployment_paused_at: datetime | None
    is_settling: bool
    """It is passed by until a pause that was lifted, or a limit, is sorted out."""

    @property
    def limited_by(self) -> tuple[Limited, ...]:
        return limited_by(self.account_id, self.deployment_id, self.batch_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptSum:
    """Attempts that came to the same."""

    count: int
    seconds: float
    """What they lasted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWork:
    """What is left to do of a live batch."""

    untried: int
    """Calls that wait for their first attempt."""
    tried: Mapping[int, int]
    """How many wait for another attempt, by how many they have used."""
    last_due_at: datetime | None
    """When the last of those is due."""
    in_motion: Mapping[int, int]
    """How many are in motion, by how many attempts they will have used."""
    quarantined: int
    attempts: Mapping[Outcome, AttemptSum]
    """What the latest attempts of it came to."""


class PlaceQuestions(Protocol):
    """Where calls stand."""

    def place_of(self, call_id: CallId) -> Place | None:
        """None: it does not wait."""
        ...

    def next_of_batch(self, batch_id: BatchId, now: datetime) -> CallId | None:
        """The call of a batch that goes next, or that holds it; None: none waits."""
        ...

    def next_of_deployment(self, deployment_id: DeploymentId, now: datetime) -> CallId | None:
        """The same of all that waits on a deployment."""
        ...

    def count_first(
        self, queue: WaitingQueue, now: datetime, most: int, *, before: Place | None = None
    ) -> int:
        """How many calls of a queue could go now, and, if another's place is named, would go
        before that one by their time or list; `most` if there are more."""
        ...

    def batch_work(self, batch_id: BatchId, *, look_back: int) -> BatchWork:
        """What is left of a batch, and what its `look_back` latest attempts came to."""
        ...
