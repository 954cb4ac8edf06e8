"""Saves what became of an attempt: in the order in which it happened, until the store takes it."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from callwright.clock import Clock
from callwright.errors import StoreUnavailable
from callwright.ports.store import Store, WriteTx

log = structlog.get_logger()
T = TypeVar("T")

SAVE_AGAIN_S = 0.5


async def saved_in_turn(
    store: Store,
    clock: Clock,
    before: asyncio.Task[Any] | None,
    work: Callable[[WriteTx], T],
) -> T:
    """What `work` returned, however often the store has to be asked, once `before` is over.

    A store that fails must not turn the order of things around: an end that overtakes its
    answer would be the end of another call. Each work has to be guarded by the claim it
    expects, so that a second time changes nothing: a commit that failed may have landed.
    """
    if before is not None and not before.done():
        await asyncio.wait({before})
    while True:
        try:
            return await store.write(work)
        except StoreUnavailable as exc:
            log.error("result not saved yet; trying again", reason=str(exc))
            await clock.sleep(SAVE_AGAIN_S)
