"""An event loop that does not wait: when nothing is ready, its clock jumps to the next timer.

Lets tests run minutes of SIP timers and 20 ms audio over real loopback sockets in
milliseconds. A datagram sent on loopback is readable before `sendto` returns, so inside one
process nothing is skipped that real time would have seen. With no timer set it blocks, so
threads and subprocesses work as long as nothing else is scheduled meanwhile.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _SkippingSelector(selectors.DefaultSelector):
    """Never sleeps for a timer; adds up what it would have slept."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.skipped_s += max(timeout, 0.0)
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """The standard loop on a clock that stands still while code runs."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Seconds waited since the loop was made, none of them real."""
        return self._skipping.skipped_s


def run_skipping(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on a `SkippingLoop`."""
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(main)
