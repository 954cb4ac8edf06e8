"""Calls a second: when the next may start, by when the last did. Pure; monotonic seconds.

Two rules hold at once. Starts are spread evenly, one every 1/rate: that makes the second smooth.
And no span of `SPAN_S` holds more starts than the rate: that makes it exact, whatever a slow
disk has done to the spacing. A pause is never made up for by a burst.
"""

import math
from dataclasses import dataclass

SPAN_S = 1.02
"""A second, and what the way from here to the wire may differ from one start to the next."""

LATE_S = 0.05
"""A start may be so much behind the even spacing without slowing those after it: that much of a
busy machine's doing is made up for. Whoever is later than that had nothing to start."""

NEVER = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """The last calls that somebody started. From these and the rate of the moment the next free
    moment follows, whatever the rate was before."""

    at: float = NEVER
    """When the last of them had their turn."""
    count: int = 0
    groups: tuple[tuple[float, int], ...] = ()
    """Each moment of the last `SPAN_S` at which some started, and how many."""

    def after(self, now: float, count: int, calls_per_second: float | None) -> "Starts":
        """What they are once `count` more start at `now`."""
        turn = now if calls_per_second is None else _next_turn(self, calls_per_second)
        at = turn if turn >= now - LATE_S else now
        recent = tuple(group for group in self.groups if group[0] + SPAN_S > now)
        return Starts(at=at, count=count, groups=(*recent, (now, count)))


def wait_s(last: Starts, calls_per_second: float | None, now: float) -> float:
    """Seconds until the rate lets another call start."""
    if calls_per_second is None:
        return 0.0
    free_at = _next_turn(last, calls_per_second)
    room = _most(calls_per_second)
    # From the latest group back to the one that has to be out of the span first.
    for at, count in reversed(last.groups):
        room -= count
        if room <= 0:
            free_at = max(free_at, at + SPAN_S)
            break
    return max(0.0, free_at - now)


def free_now(last: Starts, calls_per_second: float, now: float, *, quantum_s: float) -> int:
    """How many calls the rate lets start now; `quantum_s` looks ahead by so much, to take a few
    at once where the rate is higher than a loop can turn."""
    if wait_s(last, calls_per_second, now) > 0:
        return 0
    behind_s = now - _next_turn(last, calls_per_second)
    if behind_s > LATE_S:
        behind_s = 0.0
    in_turn = 1 + int((quantum_s + behind_s) * calls_per_second / SPAN_S)
    recent = sum(count for at, count in last.groups if at + SPAN_S > now)
    return min(in_turn, _most(calls_per_second) - recent)


def _next_turn(last: Starts, calls_per_second: float) -> float:
    """When the even spacing has a place for the next."""
    return last.at + last.count * SPAN_S / calls_per_second if last.count else NEVER


def _most(calls_per_second: float) -> int:
    """How many calls may start in a span."""
    return math.ceil(calls_per_second)
