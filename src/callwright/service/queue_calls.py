"""Taking calls on: one, or a list, accepted when they are on disk and not before."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice

from callwright.domain.account import Deployment, User
from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import BatchId, CallId
from callwright.ports.store import Lane, Store, WriteTx

SLICE = 500
"""Rows written in one transaction of an import: small enough that other writes hardly wait."""


def queue_call(
    tx: WriteTx,
    user: User,
    deployment: Deployment,
    schedule: Schedule,
    contact: Contact,
    now: datetime,
) -> CallId:
    """The id of the call, which is dialled as soon as its window and the pacing allow."""
    return tx.add_call(deployment.id, user.id, schedule, contact, now)


async def queue_list(
    store: Store,
    user: User,
    deployment: Deployment,
    schedule: Schedule,
    contacts: Iterable[Contact],
    now: datetime,
) -> int:
    """How many calls were queued: all of `contacts`, or none if anything fails.

    Slices are stored under a batch that nobody sees; one tiny transaction at the end makes
    it live. If this process dies in between, the batch is purged at the next start.
    """
    batch = await store.write(
        lambda tx: tx.open_batch(deployment.id, user.id, schedule, now), lane=Lane.INTAKE
    )
    try:
        rest = iter(contacts)
        while rows := list(islice(rest, SLICE)):
            await store.write(partial(_add_slice, batch, rows), lane=Lane.IMPORT)
        return await store.write(lambda tx: tx.go_live(batch, now), lane=Lane.INTAKE)
    except BaseException:
        await store.write(lambda tx: tx.drop_batch(batch), lane=Lane.IMPORT)
        raise


def _add_slice(batch: BatchId, rows: Sequence[Contact], tx: WriteTx) -> None:
    tx.add_calls(batch, rows)
