"""The clock that tests turn by hand: hours pass in microseconds, and never by themselves."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta


class ManualClock:
    """A `Clock` that stands still until `advance` moves it."""

    def __init__(self, now: datetime = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._set: asyncio.Future[float] | None = None

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), awake))
        await awake

    async def when_set(self) -> float:
        self._set = asyncio.get_running_loop().create_future()
        return await self._set

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        if event.is_set():
            return True
        waiting = asyncio.ensure_future(event.wait())
        if timeout_s is None:
            return await waiting
        sleeping = asyncio.ensure_future(self.sleep(timeout_s))
        try:
            await asyncio.wait({waiting, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waiting, sleeping):
                task.cancel()
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let so much time pass and wake, in order, whoever waited for it."""
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, _, awake = heapq.heappop(self._sleepers)
            if not awake.done():
                awake.set_result(None)

    def step(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP would: no time passes."""
        self._now += timedelta(seconds=seconds)
        if self._set is not None and not self._set.done():
            self._set.set_result(seconds)
