"""The queues that calls wait in, and who is limited, as claiming asks it of a database.

Part of `ports.store`, whose transactions offer all of this. Every deployment has queues of
its own, and so has every batch with limits of its own: whoever claims chooses among them,
and no queue is looked through to find out what stands in another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Protocol

from callwright.domain.ids import AccountId, BatchId, DeploymentId, OwnerId
from callwright.domain.limits import Limited, Limits, limited_by
from callwright.ports.motion import Claim


class QueueKind(IntEnum):
    """What waits in a queue."""

    NEW = 0
    """Single calls that were never tried; the earliest due first."""
    RETRIES = 1
    """Calls that wait for another attempt; the earliest due first."""
    SINGLES = 2
    """Both of these in one order."""
    LISTS = 3
    """Calls that their lists have not handed out; lists by the moment they went live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingQueue:
    """Calls that wait for a trunk, of which the same limits hold for all."""

    trunk: str
    account_id: AccountId
    deployment_id: DeploymentId
    batch_id: BatchId | None
    """Set where a batch has limits of its own."""
    kind: QueueKind
    first_at: datetime
    """When the first of them may be tried."""
    live_seq: int = 0
    """Of the first list: the lower, the earlier it went live."""

    @property
    def limited_by(self) -> tuple[Limited, ...]:
        return limited_by(self.account_id, self.deployment_id, self.batch_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """All that waits for some trunks."""

    queues: Sequence[WaitingQueue]
    """Those in which something stands; by deployment."""
    opens_at: datetime | None
    """When a list opens that is in no queue yet, or something is left to settle."""
    limits_version: int

    @property
    def next_at(self) -> datetime | None:
        """The earliest moment at which something of it may be tried, which may be over."""
        moments = [queue.first_at for queue in self.queues]
        return min(moments if self.opens_at is None else [self.opens_at, *moments], default=None)


class QueueQuestions(Protocol):
    """Who waits."""

    def waiting(self, trunks: Sequence[str]) -> Waiting:
        """What waits under these trunk names. The cost does not grow with how many wait."""
        ...

    def limits_version(self) -> int:
        """A higher number whenever anybody's limits have changed, or a trunk's."""
        ...

    def limits_of(self, limited: Limited) -> Limits: ...

    def all_limits(self) -> Mapping[Limited, Limits]:
        """Of everybody who has any."""
        ...

    def trunk_limits(self) -> Mapping[str, Limits]:
        """Of each trunk of which any was changed, what it was changed to; None = it was not."""
        ...


class QueueChanges(Protocol):
    """Taking calls out, and limiting who may."""

    def open_queues(self, trunks: Sequence[str], now: datetime) -> None:
        """Let lists be claimed whose window has opened, and do a slice of what pauses and
        limits have left to do."""
        ...

    def take_calls(
        self, owner: OwnerId, queue: WaitingQueue, limit: int, now: datetime
    ) -> Sequence[Claim]:
        """Take up to `limit` calls of a queue whose time has come; each is handed out once.

        Calls that were cancelled, or whose window is over or not yet open, are never taken.
        """
        ...

    def set_limits(self, limited: Limited, limits: Limits) -> None:
        """Limit somebody from now on, or no more; calls that wait keep their places."""
        ...

    def set_trunk_limits(self, trunk: str, limits: Limits) -> None:
        """What a trunk may do from now on; where None, what its settings say."""
        ...
