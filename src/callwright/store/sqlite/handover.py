"""Work on its way from the event loop to a database thread, and what came of it on its way back.

Results leave a thread in one call to their loop: waking a loop costs more than a short
question does.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True, eq=False)
class Waiting:
    """One piece of work, and then what came of it."""

    work: Callable[[Any], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


def hand_back(done: Sequence[Waiting]) -> None:
    """Tell everybody, from any thread, in one call to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
    for waiting in done:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, its_own in by_loop.items():
        # A loop that was closed meanwhile has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, its_own)


def deliver(done: Sequence[Waiting]) -> None:
    """Tell everybody, from within the one event loop that they all wait in."""
    for waiting in done:
        if waiting.future.done():  # its caller was cancelled
            continue
        if waiting.error is not None:
            waiting.future.set_exception(waiting.error)
        else:
            waiting.future.set_result(waiting.result)
