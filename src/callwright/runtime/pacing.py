"""How many calls may start now: calls a second, calls at once, and a trunk's health.

Pure: callers pass monotonic seconds. `free_starts` answers for anybody from what their limits
are, what is in flight and when the last calls started (`runtime.rate`); `Pacer` adds what is
particular to a trunk.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from callwright.domain.limits import Limits
from callwright.domain.pace import TrunkStanding
from callwright.runtime.rate import NEVER, Starts, free_now, wait_s

TROUBLE_AFTER = 3
"""Trunk failures in a row that count as an outage. One alone may be about one number."""

PROBE_EVERY_S = 5.0
MAX_RETRY_AFTER_S = 300.0

RAMP_FROM = 0.1
"""The share of its calls a second that a trunk gets when an outage is just over."""


def free_starts(
    limits: Limits, in_flight: int, last: Starts, now: float, *, quantum_s: float = 0.0
) -> int | None:
    """How many calls may start now, None = as many as you like; `quantum_s` as in `free_now`."""
    free: int | None = None
    if limits.calls_per_second is not None:
        free = free_now(last, limits.calls_per_second, now, quantum_s=quantum_s)
    if limits.max_calls is not None:
        slots = max(0, limits.max_calls - in_flight)
        free = slots if free is None else min(free, slots)
    return free


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

    def changed(self, to: Limits) -> "TrunkLimits":
        """The same, but for what `to` says; None = as it is."""
        rate, most = to.calls_per_second, to.max_calls
        return replace(
            self,
            calls_per_second=self.calls_per_second if rate is None else rate,
            max_calls=self.max_calls if most is None else most,
        )


class Pacer:
    """The starts one trunk still has. Holds no calls; the caller counts what is in flight."""

    def __init__(self, limits: TrunkLimits) -> None:
        self.limits = limits
        """Those of this moment."""
        self._of_settings = limits
        self._last = Starts()
        self._probed_at = NEVER
        self._failures = 0
        self._failed_at = self._worked_at = NEVER
        """When the last call started that is known to have met trouble, or an answer."""
        self._closed_until = NEVER
        self._out_until = NEVER
        """Until then it is known that no call has a chance there."""
        self._out_failed = False
        """And something failed; else nobody has answered yet."""
        self._ramps_from = NEVER
        """When the trunk was first heard of again after an outage."""

    @property
    def in_trouble(self) -> bool:
        """The trunk failed several times in a row and gets only a probe now and then."""
        return self._failures >= TROUBLE_AFTER

    def limit(self, changed: Limits) -> None:
        """From now on these limits hold, and those of the settings where they are None. What
        is in flight stays there."""
        self.limits = self._of_settings.changed(changed)

    def calls_per_second(self, now: float) -> float:
        """The limit of this moment: less than that of the settings while the trunk recovers."""
        recovered_s = now - self._ramps_from
        share = 1.0
        if recovered_s < self.limits.ramp_up_s:
            share = RAMP_FROM + (1 - RAMP_FROM) * max(0.0, recovered_s) / self.limits.ramp_up_s
        return share * self.limits.calls_per_second

    def free_starts(self, now: float, in_flight: int, *, quantum_s: float = 0.0) -> int:
        """How many calls may start now; `quantum_s` as in `rate.free_now`."""
        if self.wait_s(now) > 0 or self.is_out(now):
            return 0
        limits = _limits(self.calls_per_second(now), self.limits.max_calls)
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

    def standing(self, now: float) -> TrunkStanding:
        """What it lets go; who counts what is in flight adds that."""
        probe_in_s = None
        if self.in_trouble:
            probe_in_s = max(0.0, self._probed_at + PROBE_EVERY_S - now)
        rate = self.calls_per_second(now)
        return TrunkStanding(
            name=self.limits.name,
            names=(self.limits.name,),
            calls_per_second=self.limits.calls_per_second,
            share=rate / self.limits.calls_per_second,
            max_calls=self.limits.max_calls,
            retries_first=self.limits.retries_first,
            wait_s=wait_s(self._last, rate, now),
            closed_for_s=max(0.0, self._closed_until - now),
            probe_in_s=probe_in_s,
        )

    def trunk_failed(self, now: float, retry_after_s: float = 0.0, *, asked_at: float) -> bool:
        """The trunk refused or was silent to what it was asked then; True when this begins an
        outage. What it did to a later question says more, if that is known already."""
        if retry_after_s > 0:
            until = now + min(retry_after_s, MAX_RETRY_AFTER_S)
            self._closed_until = max(self._closed_until, until)
            self._ramps_from = max(self._ramps_from, until)
        if asked_at < self._worked_at:
            return False
        self._failed_at = max(self._failed_at, asked_at)
        self._failures += 1
        return self._failures == TROUBLE_AFTER

    def trunk_answered(self, now: float, *, asked_at: float) -> bool:
        """The trunk did its part (any answer that is the callee's) when it was asked then; True
        when this ends an outage. A call from before the trouble that rings at last does not."""
        if asked_at < self._failed_at:
            return False
        self._worked_at = max(self._worked_at, asked_at)
        was_in_trouble = self.in_trouble
        self._failures = 0
        if was_in_trouble:
            self._ramps_from = max(self._ramps_from, now)
        return was_in_trouble

    def is_out(self, now: float) -> bool:
        """It is known that no call has a chance there."""
        return now < self._out_until

    def out(self, until: float, *, failed: bool) -> None:
        """It is known that no call has a chance until then, unless `back` is said before. Where
        something `failed`, that is an outage."""
        self._out_until = until
        self._out_failed = self._out_failed or failed

    def back(self, now: float) -> bool:
        """Calls may go again; after an outage, which is told by True, a few at first."""
        was_outage = self._out_failed
        if was_outage:
            self._ramps_from = max(self._ramps_from, now)
        self._out_until, self._out_failed = NEVER, False
        return was_outage

    def pause(self, now: float, seconds: float) -> None:
        """No start for so long: the trunk refuses us for how we are configured."""
        self._closed_until = max(self._closed_until, now + seconds)


@lru_cache(maxsize=64)
def _limits(calls_per_second: float, max_calls: int) -> Limits:
    """The same object for the same limits: a trunk that is not recovering asks with these alone."""
    return Limits(calls_per_second=calls_per_second, max_calls=max_calls)
