"""Loading a list that a request brought: now, later, or only as if."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from callwright.dialects.bodies import Form
from callwright.domain.call import Schedule
from callwright.domain.ids import BatchId
from callwright.ports.store import Lane, ReadTx, WriteTx
from callwright.service.queue_batch import queue_batch
from callwright.web.native.desk import Desk
from callwright.web.native.dry_run import Target
from callwright.web.native.list_body import ERRORS_SHOWN, ListOrder, open_file, sift
from callwright.web.native.problems import FieldProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A list that is live, or would be."""

    id: BatchId | None
    calls: int
    rejected: int
    errors: list[FieldProblem]
    """What is wrong with the first of those rejected."""


async def check_list(desk: Desk, order: ListOrder, target: Target, *, lenient: bool) -> Loaded:
    """What loading the list would come to. Nothing is stored.

    Raises:
        RequestRefused, Unavailable: as `load_list`.
    """
    if not isinstance(order.contacts, Form):
        sifted = sift(order.contacts, target.deployment, desk, lenient)
        calls = await asyncio.to_thread(lambda: sum(1 for _ in sifted.contacts()))
        return Loaded(id=None, calls=calls, rejected=sifted.rejected, errors=sifted.errors)
    ready = await asyncio.to_thread(open_file, order.contacts, target.deployment, desk)
    calls = rejected = 0
    errors: list[FieldProblem] = []
    async with aclosing(desk.parts.loader.read(ready, lenient=lenient)) as slices:
        async for piece in slices:
            calls += piece.calls
            rejected += len(piece.rejected)
            for line, problem, _ in piece.rejected[: ERRORS_SHOWN - len(errors)]:
                errors.append(FieldProblem(detail=problem, line=line))
    return Loaded(id=None, calls=calls, rejected=rejected, errors=errors)


async def load_list(
    desk: Desk,
    order: ListOrder,
    target: Target,
    schedule: Schedule,
    *,
    lenient: bool,
    opened: asyncio.Future[BatchId] | None = None,
) -> Loaded:
    """The list, live; `opened` is told the batch's id before its first call is stored.

    Raises:
        RequestRefused: a row is wrong (leniently: all are); nothing was queued.
        Unavailable: the store failed, or what reads the list.
    """
    if isinstance(order.contacts, Form):
        return await _load_file(desk, order.contacts, target, schedule, lenient, opened)
    sifted = sift(order.contacts, target.deployment, desk, lenient)
    queued = await queue_batch(
        desk.parts.store,
        desk.user,
        target.deployment,
        schedule,
        sifted.contacts(),
        desk.now,
        on_open=opened.set_result if opened else lambda batch: None,
    )
    _tell(desk, target, queued.calls)
    return Loaded(id=queued.id, calls=queued.calls, rejected=sifted.rejected, errors=sifted.errors)


async def load_later(
    desk: Desk,
    load: Coroutine[Any, Any, Loaded],
    opened: asyncio.Future[BatchId],
    target: Target,
    body: AsyncExitStack,
) -> BatchId:
    """The id of the batch that `load` goes on to fill; `body` is kept open for it.

    Raises:
        RequestRefused, Unavailable: there is none, for a reason that shows at once.
    """
    kept = body.pop_all()

    async def run() -> None:
        async with kept:
            await load

    batch_id = await desk.imports.begin(run(), opened, desk.user, target.deployment)
    # What is written after it is on disk after it: from here on the batch can be looked up.
    await desk.parts.store.write(lambda tx: None, lane=Lane.INTAKE)
    return batch_id


async def _load_file(
    desk: Desk,
    form: Form,
    target: Target,
    schedule: Schedule,
    lenient: bool,
    opened: asyncio.Future[BatchId] | None,
) -> Loaded:
    ready = await asyncio.to_thread(open_file, form, target.deployment, desk)
    loop = asyncio.get_running_loop()

    def at_open(tx: WriteTx, batch_id: BatchId) -> None:
        if opened is not None:
            loop.call_soon_threadsafe(opened.set_result, batch_id)

    queued = await desk.parts.loader.load(
        desk.user,
        target.deployment,
        schedule,
        ready,
        desk.now,
        lenient=lenient,
        at_open=at_open,
    )
    _tell(desk, target, queued.calls)
    errors: list[FieldProblem] = []
    if queued.rejected:
        errors = await desk.read(partial(_first_rejected, queued.id))
    return Loaded(id=queued.id, calls=queued.calls, rejected=queued.rejected, errors=errors)


def _first_rejected(batch_id: BatchId, tx: ReadTx) -> list[FieldProblem]:
    rows = tx.rejected_rows(batch_id, 0, ERRORS_SHOWN)
    return [FieldProblem(detail=row.problem, line=row.line) for row in rows]


def _tell(desk: Desk, target: Target, calls: int) -> None:
    desk.parts.on_change()
    desk.parts.metrics.calls_queued(target.deployment.program.product, calls)
