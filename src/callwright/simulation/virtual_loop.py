"""An event loop without a network, whose time passes only when nothing is left to do.

When every callback has run, the loop's clock jumps to the next timer. One thread, no
sockets, no real time: the same work gives the same order of events, and a day passes as fast
as its events can be handled.
"""

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Stalled(RuntimeError):
    """Everything waits, and for nothing that will ever happen."""


class _Jumps(selectors.BaseSelector):
    """Watches nothing; adds up what the loop would have waited."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = selectors.SelectorKey(fileobj, fd, events, data)
        self._keys[fd] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stalled("nothing is left to happen, and something still waits")
        self.now += max(timeout, 0.0)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """The standard loop on time of its own, which starts at `now` seconds."""

    def __init__(self, now: float = 0.0) -> None:
        self._jumps = _Jumps(now)
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.now

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        # There is one thread, and nobody reads the pipe that wakes a loop from another.
        return self.call_soon(callback, *args, context=context)

    def abandon(self) -> None:
        """Close the loop in the middle of things, as the end of its process would.

        What its tasks would still do on their way out has to be without effect already.
        """
        self.set_exception_handler(lambda loop, context: None)
        for task in asyncio.all_tasks(self):
            with contextlib.suppress(Exception, SystemExit):
                task.get_coro().close()
        self.close()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on a `VirtualLoop`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
