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


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

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
