"""Loading a list that a request brought: now, later, or only as if."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from callwright.dialects.bodies import Form
from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import BatchId
from callwright.ports.repeats import Answer, RepeatableRequest
from callwright.ports.store import Lane, ReadTx, WriteTx
from callwright.service.fit_window import FitCheck
from callwright.service.idempotency import Given, ListOnce
from callwright.service.load_list import QueuedList
from callwright.web.native.desk import Desk, answer
from callwright.web.native.dry_run import Target
from callwright.web.native.left_out import left_out
from callwright.web.native.list_body import ERRORS_SHOWN, ListOrder, Sifted, csv_of, open_file, sift
from callwright.web.native.models.batches import QueuedBatch
from callwright.web.native.preferences import Preferences
from callwright.web.native.problems import FieldProblem
from callwright.web.overflow import fit_check, fit_headers, join_applied
from callwright.web.repeats import answer_of, duplicate_header

SLICE = 500
"""Contacts of a JSON list that are stored in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What loading a list would come to."""

    calls: int
    rejected: int


async def check_list(desk: Desk, order: ListOrder, target: Target, *, lenient: bool) -> Checked:
    """What loading the list would come to. Nothing is stored.

    Raises:
        RequestRefused, Unavailable: as `load_list`.
    """
    if not isinstance(order.contacts, Form):
        sifted = sift(order.contacts, target.deployment, desk, lenient)
        calls = await asyncio.to_thread(lambda: sum(1 for _ in sifted.contacts()))
        return Checked(calls=calls, rejected=sifted.rejected)
    calls = rejected = 0
    async with AsyncExitStack() as stack:
        form = await stack.enter_async_context(csv_of(order, desk))
        ready = await asyncio.to_thread(open_file, form, target.deployment, desk)
        slices = desk.parts.loader.read(ready, lenient=lenient)
        async for piece in await stack.enter_async_context(aclosing(slices)):
            calls += piece.calls
            rejected += len(piece.rejected)
    return Checked(calls=calls, rejected=rejected)


async def load_list(
    desk: Desk,
    order: ListOrder,
    target: Target,
    schedule: Schedule,
    *,
    wish: Preferences,
    asked: RepeatableRequest | None,
    opened: asyncio.Future[BatchId] | None = None,
) -> Given:
    """The list, live, and what is answered to who waits for it; `opened` is told the batch's
    id before its first call is stored.

    Raises:
        RequestRefused: a row is wrong (leniently: all are); nothing was queued.
        StillRunning, KeyReused: a request with the same key was faster.
        Unavailable: the store failed, or what reads the list.
    """
    fit = fit_check(desk.request, desk.parts.pacing, desk.parts.clock, field="closes_at")
    sifted = None
    if not isinstance(order.contacts, Form):
        sifted = sift(order.contacts, target.deployment, desk, wish.lenient)
    once = ListOnce(
        asked=asked,
        deployment_id=target.deployment.id,
        file_hash=order.file_hash,
        now=desk.now,
        is_loading=desk.parts.loader.is_loading,
        tell=_teller(sifted, wish, fit),
    )
    loop = asyncio.get_running_loop()

    def at_open(tx: WriteTx, batch_id: BatchId) -> None:
        once.at_open(tx, batch_id)
        if opened is not None:
            loop.call_soon_threadsafe(opened.set_result, batch_id)

    aim = (desk.user, target.deployment, schedule)
    loader = desk.parts.loader
    if sifted is None:
        async with csv_of(order, desk) as form:
            ready = await asyncio.to_thread(open_file, form, target.deployment, desk)
            queued = await loader.load(
                *aim, ready, once.now, lenient=wish.lenient, at_open=at_open, at_end=once.at_end
            )
    else:
        queued = await loader.load_contacts(
            *aim,
            _slices(sifted.contacts()),
            once.now,
            left_out=lambda: left_out(sifted.refused),
            at_open=at_open,
            at_end=once.at_end,
        )
    desk.parts.on_change()
    desk.parts.metrics.calls_queued(target.deployment.program.product, queued.calls)
    return once.given


async def load_later(
    desk: Desk,
    load: Coroutine[Any, Any, Given],
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


def accepted(batch_id: BatchId, wish: Preferences) -> Answer:
    """The answer to a list that is still being loaded: the same whenever it is given."""
    return _told(QueuedBatch(id=batch_id, calls=0), 202, wish, "respond-async")


def _teller(
    sifted: Sifted | None, wish: Preferences, fit: FitCheck
) -> Callable[[WriteTx, QueuedList, BatchId | None], Answer]:
    def tell(tx: WriteTx, queued: QueuedList, same: BatchId | None) -> Answer:
        fitting = fit_headers(fit, fit.batch(tx, queued.id))
        if wish.respond_async:
            return accepted(queued.id, wish)
        value = QueuedBatch(
            id=queued.id,
            calls=queued.calls,
            rejected=queued.rejected,
            errors=_first_rejected(tx, queued) if sifted is None else sifted.errors,
            duplicate_of=same,
        )
        return _told(value, 201, wish, headers={**fitting, **duplicate_header(same)})

    return tell


def _told(
    value: QueuedBatch,
    status: int,
    wish: Preferences,
    *applied: str,
    headers: dict[str, str] | None = None,
) -> Answer:
    words = ("handling=lenient", *applied) if wish.lenient else applied
    given = {"Location": f"/v1/batches/{value.id}", **join_applied(headers or {}, *words)}
    return answer_of(answer(value, status, given))


async def _slices(contacts: Iterator[Contact]) -> AsyncIterator[list[Contact]]:
    # In a thread: each contact is made as it is asked for.
    while rows := await asyncio.to_thread(lambda: list(islice(contacts, SLICE))):
        yield rows


def _first_rejected(tx: ReadTx, queued: QueuedList) -> list[FieldProblem]:
    if not queued.rejected:
        return []
    rows = tx.rejected_rows(queued.id, 0, ERRORS_SHOWN)
    return [FieldProblem(detail=row.problem, line=row.line) for row in rows]
