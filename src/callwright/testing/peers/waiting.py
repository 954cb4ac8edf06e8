"""Waiting for something outside this process, for a bounded time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


def wait_for(
    what: str,
    look: Callable[[], T | None],
    *,
    within_s: float,
    on_failure: Callable[[], str] = str,
) -> T:
    """What `look` gives as soon as that is true.

    Raises:
        AssertionError: it did not within `within_s`; the text has `what` and `on_failure()`.
    """
    until = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > until:
            raise AssertionError(f"no {what} within {within_s:g} s\n{on_failure()}".rstrip())
        time.sleep(POLL_S)
