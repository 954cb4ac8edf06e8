"""How many calls a caller may start: limits of accounts, deployments and batches.

They hold beside those of the trunk. Pure: what is in flight, and when the rate lets the next
call go, are the business of whoever paces.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from callwright.domain.ids import AccountId, BatchId, DeploymentId

MOST_PER_SECOND = 10_000.0
LEAST_PER_SECOND = 0.001
MOST_CALLS = 1_000_000


class LimitKind(StrEnum):
    """What limits may be set for."""

    ACCOUNT = "account"
    DEPLOYMENT = "deployment"
    BATCH = "batch"


class Limited(NamedTuple):
    """Somebody who has limits, or might have: one account, deployment or batch."""

    kind: LimitKind
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What somebody may do; None = without limit."""

    calls_per_second: float | None = None
    """New calls in any second, spread evenly over it."""
    max_calls: int | None = None
    """Calls at once: being dialled or talking."""

    def __post_init__(self) -> None:
        rate, most = self.calls_per_second, self.max_calls
        if rate is not None and not LEAST_PER_SECOND <= rate <= MOST_PER_SECOND:
            raise ValueError(f"calls_per_second must be {LEAST_PER_SECOND} to 10000, got {rate}")
        if most is not None and not 1 <= most <= MOST_CALLS:
            raise ValueError(f"max_calls must be 1 to {MOST_CALLS}, got {most}")


UNLIMITED = Limits()


# Asked of each queue each time that somebody looks what waits.
@lru_cache(maxsize=4096)
def limited_by(
    account_id: AccountId, deployment_id: DeploymentId, batch_id: BatchId | None = None
) -> tuple[Limited, ...]:
    """Everybody whose limits hold for a call, from the largest to the smallest."""
    everybody = (
        Limited(LimitKind.ACCOUNT, account_id),
        Limited(LimitKind.DEPLOYMENT, deployment_id),
    )
    return everybody if batch_id is None else (*everybody, Limited(LimitKind.BATCH, batch_id))


class Room:
    """How many calls each who is limited may start now; taken down as calls are taken."""

    def __init__(self, left: Mapping[Limited, int] | None = None) -> None:
        self._left = dict(left or {})

    def of(self, whose: Iterable[Limited], most: int) -> int:
        """How many calls may start, up to `most`, that all of these limits hold for."""
        if not self._left:
            return most
        for one in whose:
            most = min(most, self._left.get(one, most))
        return max(0, most)

    def take(self, whose: Iterable[Limited], count: int) -> None:
        """So many calls are starting."""
        if self._left:
            for one in whose:
                if one in self._left:
                    self._left[one] -= count
