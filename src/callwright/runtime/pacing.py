"""How many calls a trunk may start now: calls a second, calls at once, and its health.

Pure: callers pass monotonic seconds. Starts are spread evenly (one every 1/rate), so that
no one-second span holds more than the limit; a pause is never made up for by a burst.
"""

from dataclasses import dataclass

MARGIN = 1.02
"""Gaps are this much wider than 1/rate. A start passes two commits and a pipe before it is
on the wire; the margin keeps their jitter from squeezing one more into a second."""

TROUBLE_AFTER = 3
"""Trunk failures in a row that count as an outage. One alone may be about one number."""

PROBE_EVERY_S = 5.0
MAX_RETRY_AFTER_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkLimits:
    name: str
    calls_per_second: float
    max_calls: int


class Pacer:
    """The starts one trunk still has. Holds no calls; the caller counts what is in flight."""

    def __init__(self, limits: TrunkLimits) -> None:
        self.limits = limits
        self._next_at = float("-inf")
        self._next_probe_at = float("-inf")
        self._failures = 0
        self._closed_until = float("-inf")

    @property
    def in_trouble(self) -> bool:
        """The trunk failed several times in a row and gets only a probe now and then."""
        return self._failures >= TROUBLE_AFTER

    def free_starts(self, now: float, in_flight: int, *, quantum_s: float = 0.0) -> int:
        """How many calls may start now; `quantum_s` looks ahead by so much, to take a few at
        once where the rate is higher than a loop can turn."""
        slots = self.limits.max_calls - in_flight
        if slots <= 0 or self.wait_s(now) > 0:
            return 0
        if self.in_trouble:
            return 1
        return max(0, min(slots, 1 + int(quantum_s * self.limits.calls_per_second)))

    def started(self, now: float, count: int) -> None:
        """`count` calls were started at `now`."""
        gap = MARGIN / self.limits.calls_per_second
        self._next_at = max(self._next_at, now) + count * gap
        self._next_probe_at = now + PROBE_EVERY_S

    def wait_s(self, now: float) -> float:
        """Seconds until a start is free as far as rate and health are concerned."""
        next_at = max(self._next_at, self._closed_until)
        if self.in_trouble:
            next_at = max(next_at, self._next_probe_at)
        return max(0.0, next_at - now)

    def trunk_failed(self, now: float, retry_after_s: float = 0.0) -> bool:
        """The trunk refused or was silent; True when this begins an outage."""
        self._failures += 1
        if retry_after_s > 0:
            until = now + min(retry_after_s, MAX_RETRY_AFTER_S)
            self._closed_until = max(self._closed_until, until)
        return self._failures == TROUBLE_AFTER

    def trunk_answered(self) -> bool:
        """The trunk did its part (any answer that is the callee's); True when this ends an
        outage."""
        was_in_trouble = self.in_trouble
        self._failures = 0
        return was_in_trouble

    def pause(self, now: float, seconds: float) -> None:
        """No start for so long: the trunk refuses us for how we are configured."""
        self._closed_until = max(self._closed_until, now + seconds)
