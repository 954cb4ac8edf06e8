"""Taking a list on as a batch that its sender can follow by its id, while it loads and after."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from callwright.domain.account import Deployment, User
from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import BatchId
from callwright.errors import StoreUnavailable
from callwright.ports.store import Lane, Store, WriteTx
from callwright.service.queue_calls import SLICE


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedBatch:
    """A list that is live."""

    id: BatchId
    calls: int


async def queue_batch(
    store: Store,
    user: User,
    deployment: Deployment,
    schedule: Schedule,
    contacts: Iterable[Contact],
    now: datetime,
    *,
    on_open: Callable[[BatchId], None] = lambda batch: None,
) -> QueuedBatch:
    """All of `contacts` queued, or none if anything fails; as `queue_list`.

    `on_open` is told the batch's id once it can be looked up, before the first call is stored.
    """
    batch = await store.write(
        lambda tx: tx.open_batch(deployment.id, user.id, schedule, now), lane=Lane.INTAKE
    )
    try:
        on_open(batch)
        rest = iter(contacts)
        # In a thread: each contact is made as it is asked for.
        while rows := await asyncio.to_thread(lambda: list(islice(rest, SLICE))):
            await store.write(partial(_add_slice, batch, rows), lane=Lane.IMPORT)
        count = await store.write(lambda tx: tx.go_live(batch, now), lane=Lane.INTAKE)
    except BaseException:
        # ValueError: it went live after all; the commit that failed is on disk.
        with suppress(ValueError, StoreUnavailable):
            await store.write(lambda tx: tx.drop_batch(batch), lane=Lane.IMPORT)
        raise
    return QueuedBatch(id=batch, calls=count)


def _add_slice(batch: BatchId, rows: Sequence[Contact], tx: WriteTx) -> None:
    tx.add_calls(batch, rows)
