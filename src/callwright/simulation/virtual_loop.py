"""An event loop without a network, whose time passes only when nothing is left to do.

When every callback has run, the loop's clock jumps to the next timer. One thread, no
sockets, no real time: the same work gives the same order of events, and a day passes as fast
as its events can be handled.

Its handles and timers are its own: on the standard ones a third of a simulated day went into
selectors, handles and the order of timers.
"""

import asyncio
import contextlib
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar

T = TypeVar("T")


class Stalled(RuntimeError):
    """Everything waits, and for nothing that will ever happen."""


class _Handle:
    """A callback that is to run, as whoever asked for it sees it."""

    __slots__ = ("args", "callback", "context", "when_s")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
        when_s: float,
    ) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.when_s = when_s

    def cancel(self) -> None:
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.callback is None

    def when(self) -> float:
        return self.when_s


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio on time of its own, which starts at `now` seconds."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._to_run: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle]] = []
        self._timers_set = 0
        """Timers of one moment go off in the order in which they were set."""
        self._runs = False
        self._shall_stop = False
        super().__init__()

    def time(self) -> float:
        return self._now

    def skip(self, seconds: float) -> None:
        """Stand still for so long, as a machine does that is stopped: everything is late."""
        self._now += seconds

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, context, self._now)
        self._to_run.append(handle)
        return handle  # type: ignore[return-value]

    # There is one thread: nobody has to be woken.
    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = _Handle(callback, args, context, when)
        self._timers_set += 1
        heapq.heappush(self._timers, (when, self._timers_set, handle))
        return handle  # type: ignore[return-value]

    def run_forever(self) -> None:
        """Until `stop` is called.

        Raises:
            Stalled: something still waits, and nothing is left to happen.
            SystemExit, KeyboardInterrupt: as a callback raised it.
        """
        to_run, timers = self._to_run, self._timers
        self._runs = True
        events._set_running_loop(self)
        try:
            while not self._shall_stop:
                if not to_run:
                    self._jump(timers)
                handle = to_run.popleft()
                if handle.callback is None:
                    continue
                try:
                    handle.context.run(handle.callback, *handle.args)
                except Exception as exc:  # noqa: BLE001 - told as asyncio tells it
                    message = f"exception in callback {handle.callback!r}"
                    self.call_exception_handler({"message": message, "exception": exc})
        finally:
            self._shall_stop = False
            self._runs = False
            events._set_running_loop(None)

    def stop(self) -> None:
        self._shall_stop = True

    def is_running(self) -> bool:
        return self._runs

    def close(self) -> None:
        self._to_run.clear()
        self._timers.clear()
        super().close()

    def abandon(self) -> None:
        """Close the loop in the middle of things, as the end of its process would.

        What its tasks would still do on their way out has to be without effect already.
        """
        self.set_exception_handler(lambda loop, context: None)
        for task in asyncio.all_tasks(self):
            with contextlib.suppress(Exception, SystemExit):
                task.get_coro().close()
        self.close()

    def _jump(self, timers: list[tuple[float, int, _Handle]]) -> None:
        """To the moment of the next timer that was not cancelled."""
        while timers:
            when_s, _, handle = heapq.heappop(timers)
            if handle.callback is None:
                continue
            self._now = max(self._now, when_s)
            self._to_run.append(handle)
            while timers and timers[0][0] <= self._now:
                self._to_run.append(heapq.heappop(timers)[2])
            return
        raise Stalled("nothing is left to happen, and something still waits")


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on a `VirtualLoop`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
