"""One event-loop timer for any number of calls.

A heap of wake-up times with lazy rescheduling: an owner whose `wakes_at` moved later is
looked at when its old time comes and put back; one that moved earlier is entered again.
Cheaper than a loop handle per timer, because most SIP timers are moved and never fire.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from math import ceil, inf
from typing import Generic, Protocol, TypeVar


class Sleeper(Protocol):
    """Something with a next time to be woken, `inf` = never."""

    wakes_at: float


_RESOLUTION_S = 0.001
"""uvloop tells and keeps time in whole milliseconds; what is due within one is due now."""

TOGETHER_S = 0.02
"""A span that is right for SIP, none of whose timers is as fine as that."""

S = TypeVar("S", bound=Sleeper)


class Timers(Generic[S]):
    """Calls `wake(owner, now)` once an owner's `wakes_at` has come, in the loop's time.

    All whose times fall into one span of `span_s` are looked at together, at its end; 0 = each
    at its own time. A wake-up costs a busy process more than what is done in it, and most times
    have been moved when they come.

    After anything that may have changed `wakes_at`, tell `reschedule`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wake: Callable[[S, float], None],
        *,
        span_s: float = 0.0,
    ) -> None:
        self._span_s = span_s
        self._loop = loop
        self._wake = wake
        self._heap: list[tuple[float, int, S]] = []
        self._entered: dict[int, float] = {}
        """By id of the owner: the earliest time at which it stands in the heap."""
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = inf

    def reschedule(self, owner: S) -> None:
        """Make sure that `owner` is looked at by its `wakes_at`."""
        when = owner.wakes_at
        if when < self._entered.get(id(owner), inf):
            self._entered[id(owner)] = when
            heapq.heappush(self._heap, (when, next(self._order), owner))
            if when < self._armed_for - self._span_s:
                self._arm(when)

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._heap.clear()
        self._entered.clear()

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        span_s = self._span_s
        self._armed_for = ceil(when / span_s) * span_s if span_s else when
        self._handle = self._loop.call_at(self._armed_for, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._armed_for = inf
        now = self._loop.time() + _RESOLUTION_S
        heap = self._heap
        while heap and heap[0][0] <= now:
            when, _, owner = heapq.heappop(heap)
            if self._entered.get(id(owner)) != when:
                continue  # entered again for an earlier time, and looked at then
            del self._entered[id(owner)]
            if owner.wakes_at <= now:
                self._wake(owner, now)
            self.reschedule(owner)
        if heap and heap[0][0] < self._armed_for - self._span_s:
            self._arm(heap[0][0])
