"""Time as an argument: what every loop asks instead of the operating system.

Pure rules take `now`; loops take a `Clock`; queries take `:now`. `SystemClock` is the
only place where the package reads real time. The clock that tests turn by hand lives in
`callwright.testing`.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for decisions that people see, monotonic time for measuring spans."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never steps."""
        ...

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        """Until `event` is set (True) or `timeout_s` seconds pass (False). Clears nothing."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Until `seconds` have passed on this clock."""
        ...

    async def when_set(self) -> float:
        """Until somebody sets the wall clock; how many seconds forward, or back if negative.
        What is due then may be due now, and was waited for by the span that it seemed."""
        ...


def machine_seconds() -> float:
    """Seconds since the machine was started, its sleep included; the same for all its
    processes. The usual monotonic clock stands still while a machine is suspended."""
    return time.clock_gettime(_MACHINE_CLOCK)


_MACHINE_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LOOK_EVERY_S = 0.5
_SET_S = 0.5
"""NTP moves a clock by far less in that time, without setting it."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return machine_seconds()

    async def wait(self, event: asyncio.Event, timeout_s: float | None) -> bool:
        if event.is_set():
            return True
        if timeout_s is not None and timeout_s <= 0:
            await asyncio.sleep(0)
            return event.is_set()
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return False
        return True

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def when_set(self) -> float:
        # Against the clock that stands still in sleep: a machine that wakes up is told too.
        ahead_s = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            by_s = time.time() - time.monotonic() - ahead_s
            if abs(by_s) >= _SET_S:
                return by_s
            ahead_s += by_s
