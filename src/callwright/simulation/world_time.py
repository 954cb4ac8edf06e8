"""The time of a simulated world: true seconds, and the wall clock that a server reads.

True time only goes forward, at one second a second, through every death and restart. The
wall clock is set by people and by NTP, so it can be stepped.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from callwright.clock import SystemClock
from callwright.simulation.virtual_loop import VirtualLoop


class WallClock:
    """What the machine's wall clock shows at a true second."""

    def __init__(self, started_at: datetime) -> None:
        self._started_at = started_at
        self._stepped_s = 0.0
        self._shown = (0.0, started_at)
        """The last true second that was asked for, and what the clock showed."""
        self.on_set: Callable[[float], None] = lambda by_s: None

    @property
    def stepped_s(self) -> float:
        """How far it is ahead of where it would be by itself."""
        return self._stepped_s

    def at(self, true_s: float) -> datetime:
        if self._shown[0] != true_s:
            at = self._started_at + timedelta(seconds=true_s + self._stepped_s)
            self._shown = (true_s, at)
        return self._shown[1]

    def step(self, seconds: float) -> None:
        """Set it forward or back."""
        self._stepped_s += seconds
        self._shown = (-1.0, self._started_at)
        self.on_set(seconds)


RESOLUTION_S = 1e-6
"""The shortest wait. Even shorter ones would be lost in a float, and time stand still."""


def _time_is_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)


class VirtualClock(SystemClock):
    """A `Clock` on a loop's own time; it waits as the system's does, in skipped time."""

    def __init__(self, loop: VirtualLoop, wall: WallClock) -> None:
        self._loop = loop
        self._wall = wall

    def now(self) -> datetime:
        return self._wall.at(self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        if timeout_s is None or timeout_s <= 0 or event.is_set():
            return await super().wait(event, timeout_s)
        # What `asyncio.timeout` around `event.wait()` does, in a third of the time: the loops of
        # a server wait more often than they do anything else.
        waiter: asyncio.Future[bool] = self._loop.create_future()
        timer = self._loop.call_later(max(timeout_s, RESOLUTION_S), _time_is_up, waiter)
        waiters = event._waiters
        waiters.append(waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            waiters.remove(waiter)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(max(seconds, RESOLUTION_S) if seconds > 0 else seconds)

    async def when_set(self) -> float:
        was_set: asyncio.Future[float] = self._loop.create_future()

        def tell(by_s: float) -> None:
            if not was_set.done() and not self._loop.is_closed():
                was_set.set_result(by_s)

        self._wall.on_set = tell
        return await was_set
