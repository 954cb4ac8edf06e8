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

_FEW = 1_000
"""So many entries that nobody needs any more may stay in a heap, whatever its size."""

S = TypeVar("S", bound=Sleeper)


class _Entry(Generic[S]):
    """When somebody is to be looked at; nobody, once an earlier entry has taken its place."""

    __slots__ = ("order", "owner", "when")

    def __init__(self, when: float, order: int, owner: S) -> None:
        self.when = when
        self.order = order
        self.owner: S | None = owner

    def __lt__(self, other: "_Entry[S]") -> bool:
        return (self.when, self.order) < (other.when, other.order)


class Timers(Generic[S]):
    """Calls `wake(owner, now)` once an owner's `wakes_at` has come, in the loop's time.

    All whose times fall into one span of `span_s` are looked at together, at its end; 0 = each
    at its own time. A wake-up costs a busy process more than what is done in it, and most times
    have been moved when they come.

    After anything that may have changed `wakes_at`, tell `reschedule`; tell `forget` of who is
    not to be woken any more. Nobody is kept alive by a time that was moved: a call may be over
    in a minute that might have lasted an hour.
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
        self._heap: list[_Entry[S]] = []
        self._entered: dict[int, _Entry[S]] = {}
        """By id of the owner: where it stands in the heap."""
        self._woken: S | None = None
        """Who is being woken now, unless forgotten meanwhile."""
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = inf

    def reschedule(self, owner: S) -> None:
        """Make sure that `owner` is looked at by its `wakes_at`."""
        when = owner.wakes_at
        entry = self._entered.get(id(owner))
        if when < (inf if entry is None else entry.when):
            if entry is not None:
                self._vacate(entry)
            self._entered[id(owner)] = entry = _Entry(when, next(self._order), owner)
            heapq.heappush(self._heap, entry)
            if when < self._armed_for - self._span_s:
                self._arm(when)

    def forget(self, owner: S) -> None:
        """Wake `owner` no more, and keep nothing of it."""
        entry = self._entered.pop(id(owner), None)
        if entry is not None:
            self._vacate(entry)
        if self._woken is owner:
            self._woken = None

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._heap.clear()
        self._entered.clear()

    def _vacate(self, entry: _Entry[S]) -> None:
        entry.owner = None
        if len(self._heap) > 2 * len(self._entered) + _FEW:
            self._heap = [each for each in self._heap if each.owner is not None]
            heapq.heapify(self._heap)

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
        while self._heap and self._heap[0].when <= now:
            owner = heapq.heappop(self._heap).owner
            if owner is None:
                continue  # entered again for an earlier time, and looked at then; or forgotten
            del self._entered[id(owner)]
            self._woken = owner
            if owner.wakes_at <= now:
                self._wake(owner, now)
            if self._woken is owner:
                self.reschedule(owner)
        self._woken = None
        if self._heap and self._heap[0].when < self._armed_for - self._span_s:
            self._arm(self._heap[0].when)
