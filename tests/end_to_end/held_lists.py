"""Lists that are held while they load, and waiting for what a server does in its own time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from callwright.service.list_reader import ListReaders


def hold_lists(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let every list wait for this event before its first row is read."""
    read, go_on = ListReaders.read, asyncio.Event()

    async def wait_and_read(self: ListReaders, *given: object, **more: object) -> AsyncIterator:  # type: ignore[type-arg]
        await go_on.wait()
        async for piece in read(self, *given, **more):  # type: ignore[arg-type]
            yield piece

    monkeypatch.setattr(ListReaders, "read", wait_and_read)
    return go_on


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Return when `true` is, which it soon will be."""
    for _ in range(2000):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 20 s")
