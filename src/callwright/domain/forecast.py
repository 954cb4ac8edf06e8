"""When a batch will be over, and how much of it will not fit into its window.

Pure, and an estimate: calls start as fast as rates and places allow, after what goes before
them; of each round of attempts a share, as measured, needs another one after the wait; what
would start at the closing of the window or later is not made. People who are called at
another hour than those before may behave otherwise, and calls that others queue meanwhile,
or have queued for later, are not foreseen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callwright.domain.outcome import Outcome
from callwright.domain.pace import LimitStanding, Measured, TrunkStanding, seconds_to_start
from callwright.domain.retry import NO_RULES, RetryRules

HALF_A_CALL = 0.5
"""Of what is less than that nothing is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is left to do of a batch."""

    untried: int
    """Calls that wait for their first attempt."""
    tried: Mapping[int, int]
    """How many wait for another one, by how many attempts they have left."""
    in_motion: Mapping[int, int]
    """How many are being dialled or talk, by how many they will have left."""
    max_attempts: int
    opens_at: datetime
    last_due_at: datetime | None
    """When the last of those that were tried is due."""
    closes_at: datetime | None
    wait: timedelta
    """Between attempts."""
    rules: RetryRules = NO_RULES
    """Those of the deployment, which go before `wait`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast it can go, and after whom."""

    trunk: TrunkStanding
    limits: Sequence[LimitStanding]
    measured: Measured
    before: int = 0
    """Calls of its deployment that go before it."""
    others: Sequence[int] = ()
    """How many calls could go now of each other deployment that waits for the trunk."""

    def started_at(self, count: float, opens_at: datetime, now: datetime) -> datetime:
        """When so many calls have been started, the first not before `opens_at`."""
        # Deployments take turns: of each other one no more calls go first than of this one.
        ahead = self.before + sum(min(each, self.before + count) for each in self.others)
        held_s = max(self.trunk.closed_for_s, self.trunk.wait_s)
        ahead_s = self._takes(ahead)
        begins_at = max(opens_at, now + timedelta(seconds=held_s + ahead_s))
        return begins_at + timedelta(seconds=self._takes(ahead + count) - ahead_s)

    def _takes(self, count: float) -> float:
        return max(0.0, seconds_to_start(count, self.trunk, self.limits, self.measured))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is to be expected of a batch."""

    at: datetime
    """When this was expected."""
    starts_at: datetime | None
    """When the next call of it starts; None: none waits."""
    ends_at: datetime | None
    """When the last call is over; None: all are."""
    attempts: int
    """Still to be made."""
    will_not_fit: int
    """Calls that are never dialled, because their window shuts first."""
    cut_short: int
    """Calls that are dialled, but whose window shuts before they have used their attempts."""


def foretell(work: Work, pace: Pace, now: datetime) -> Forecast:
    """What is to be expected, at the limits of this moment."""
    lasts = timedelta(seconds=pace.measured.mean_s)
    again = 1 - pace.measured.done_share
    waits = dict(work.tried)
    waits[work.max_attempts] = waits.get(work.max_attempts, 0) + work.untried
    left: dict[int, float] = {attempts: float(count) for attempts, count in waits.items() if count}
    moves = {attempts: count for attempts, count in work.in_motion.items() if count}
    ends_at = now + lasts if moves else None
    starts_at = began_at = over_at = None
    made = not_fitting = cut = 0.0
    for number in range(work.max_attempts + 1):
        count = sum(left.values())
        if count >= HALF_A_CALL:
            pause = lasts + work.rules.wait(Outcome.NO_ANSWER, max(number, 1), work.wait)
            first, last = _round(work, pace, made + count, (began_at, over_at), pause, now)
            late = _share_after(work.closes_at, first, last)
            made += count * (1 - late)
            untried = work.untried if number == 0 else 0
            not_fitting += untried * late
            cut += (count - untried) * late
            starts_at = starts_at or first
            began_at, over_at = first, last
            shut_at = work.closes_at if late else None
            done_at = None if late == 1 else _earlier(last, shut_at) + lasts
            ends_at = max(at for at in (ends_at, done_at, shut_at) if at)
            left = {n - 1: c * (1 - late) * again for n, c in left.items() if n > 1}
        else:
            left = {}
        if number == 0:
            for attempts, moving in moves.items():
                if attempts > 0:
                    left[attempts] = left.get(attempts, 0.0) + moving * again
            began_at, over_at = began_at or now, over_at or now
        if sum(left.values()) < HALF_A_CALL:
            break
    return Forecast(
        at=now,
        starts_at=starts_at,
        ends_at=ends_at,
        attempts=round(made),
        will_not_fit=round(not_fitting),
        cut_short=round(cut),
    )


def _round(
    work: Work,
    pace: Pace,
    count: float,
    before: tuple[datetime | None, datetime | None],
    pause: timedelta,
    now: datetime,
) -> tuple[datetime, datetime]:
    """When the first and the last attempt of a round start: as fast as can be, but each not
    before the pause after the start of the call's attempt of the round before."""
    opens_at = max(work.opens_at, now)
    last = pace.started_at(count, opens_at, now)
    began_at, over_at = before
    if began_at is None or over_at is None:
        return pace.started_at(0, opens_at, now), max(last, work.last_due_at or last)
    return began_at + pause, max(last, over_at + pause)


def _share_after(closes_at: datetime | None, first: datetime, last: datetime) -> float:
    """How much of what starts between two moments, evenly, starts too late."""
    if closes_at is None or last < closes_at:
        return 0.0
    return 1.0 if first >= closes_at else (last - closes_at) / (last - first)


def _earlier(at: datetime, other: datetime | None) -> datetime:
    return at if other is None else min(at, other)
