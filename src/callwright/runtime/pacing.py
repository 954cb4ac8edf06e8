"""How many calls may start now: calls a second, calls at once, and a trunk's health.

Pure: callers pass monotonic seconds. Starts are spread evenly (one every 1/rate), so that
no one-second span holds more than the limit; a pause is never made up for by a burst.

`free_starts`, `wait_s` and `held_by` answer for anybody from what their limits are, what is in
flight and when the last calls started; `Pacer` adds what is particular to a trunk.
"""

from dataclasses import dataclass
from enum import StrEnum

from callwright.domain.limits import Limits

MARGIN = 1.02
"""Gaps are this much wider than 1/rate. A start passes two commits and a pipe before it is
on the wire; the margin keeps their jitter from squeezing one more into a second."""

TROUBLE_AFTER = 3
"""Trunk failures in a row that count as an outage. One alone may be about one number."""

PROBE_EVERY_S = 5.0
MAX_RETRY_AFTER_S = 300.0

RAMP_FROM = 0.1
"""The share of its calls a second that a trunk gets when an outage is just over."""

NEVER = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """The last calls that somebody started: from these, and the rate, the next free moment
    follows, whatever the rate was before."""

    at: float = NEVER
    """When the first of them could start."""
    count: int = 0

    def after(self, now: float, count: int, calls_per_second: float | None) -> "Starts":
        """What they are once `count` more start at `now`."""
        free_at = now + wait_s(self, calls_per_second, now)
        return Starts(at=free_at, count=count)


class LimitHit(StrEnum):
    """Which limit holds a call back."""

    CALLS_PER_SECOND = "calls_per_second"
    """Until a moment that is known."""
    MAX_CALLS = "max_calls"
    """Until one of the calls in flight has ended."""


def wait_s(last: Starts, calls_per_second: float | None, now: float) -> float:
    """Seconds until the rate lets another call start."""
    if calls_per_second is None or not last.count:
        return 0.0
    return max(0.0, last.at + last.count * MARGIN / calls_per_second - now)


def free_starts(
    limits: Limits, in_flight: int, last: Starts, now: float, *, quantum_s: float = 0.0
) -> int | None:
    """How many calls may start now, None = as many as you like; `quantum_s` looks ahead by so
    much, to take a few at once where the rate is higher than a loop can turn."""
    free: int | None = None
    if limits.calls_per_second is not None:
        if wait_s(last, limits.calls_per_second, now) > 0:
            return 0
        free = 1 + int(quantum_s * limits.calls_per_second)
    if limits.max_calls is not None:
        slots = max(0, limits.max_calls - in_flight)
        free = slots if free is None else min(free, slots)
    return free


def held_by(limits: Limits, in_flight: int, last: Starts, now: float) -> LimitHit | None:
    """Which of the limits forbids a start now; None = neither."""
    if limits.max_calls is not None and in_flight >= limits.max_calls:
        return LimitHit.MAX_CALLS
    if wait_s(last, limits.calls_per_second, now) > 0:
        return LimitHit.CALLS_PER_SECOND
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkLimits:
    """What a trunk may be given."""

    name: str
    calls_per_second: float
    max_calls: int
    ramp_up_s: float = 60.0
    """How long it takes from a tenth of the calls a second to all of them after an outage."""
    retries_first: bool = True
    """Whether calls that wait for another attempt are dialled in their turn, or after all
    that were never tried."""


class Pacer:
    """The starts one trunk still has. Holds no calls; the caller counts what is in flight."""

    def __init__(self, limits: TrunkLimits) -> None:
        self.limits = limits
        self._last = Starts()
        self._probed_at = NEVER
        self._failures = 0
        self._closed_until = NEVER
        self._ramps_from = NEVER
        """When the trunk was first heard of again after an outage."""

    @property
    def in_trouble(self) -> bool:
        """The trunk failed several times in a row and gets only a probe now and then."""
        return self._failures >= TROUBLE_AFTER

    def calls_per_second(self, now: float) -> float:
        """The limit of this moment: less than that of the settings while the trunk recovers."""
        recovered_s = now - self._ramps_from
        share = 1.0
        if recovered_s < self.limits.ramp_up_s:
            share = RAMP_FROM + (1 - RAMP_FROM) * max(0.0, recovered_s) / self.limits.ramp_up_s
        return share * self.limits.calls_per_second

    def free_starts(self, now: float, in_flight: int, *, quantum_s: float = 0.0) -> int:
        """How many calls may start now; `quantum_s` as in `pacing.free_starts`."""
        if self.wait_s(now) > 0:
            return 0
        limits = Limits(
            calls_per_second=self.calls_per_second(now), max_calls=self.limits.max_calls
        )
        free = free_starts(limits, in_flight, self._last, now, quantum_s=quantum_s)
        assert free is not None
        return min(free, 1) if self.in_trouble else free

    def started(self, now: float, count: int) -> None:
        """`count` calls were started at `now`."""
        self._last = self._last.after(now, count, self.calls_per_second(now))
        self._probed_at = now

    def wait_s(self, now: float) -> float:
        """Seconds until a start is free as far as rate and health are concerned."""
        wait = max(wait_s(self._last, self.calls_per_second(now), now), self._closed_until - now)
        if self.in_trouble:
            wait = max(wait, self._probed_at + PROBE_EVERY_S - now)
        return max(0.0, wait)

    def trunk_failed(self, now: float, retry_after_s: float = 0.0) -> bool:
        """The trunk refused or was silent; True when this begins an outage."""
        self._failures += 1
        if retry_after_s > 0:
            until = now + min(retry_after_s, MAX_RETRY_AFTER_S)
            self._closed_until = max(self._closed_until, until)
            self._ramps_from = max(self._ramps_from, until)
        return self._failures == TROUBLE_AFTER

    def trunk_answered(self, now: float) -> bool:
        """The trunk did its part (any answer that is the callee's); True when this ends an
        outage."""
        was_in_trouble = self.in_trouble
        self._failures = 0
        if was_in_trouble:
            self._ramps_from = max(self._ramps_from, now)
        return was_in_trouble

    def pause(self, now: float, seconds: float) -> None:
        """No start for so long: the trunk refuses us for how we are configured."""
        self._closed_until = max(self._closed_until, now + seconds)
