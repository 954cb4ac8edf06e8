"""`/v1/batches`: queue lists, follow them, cancel, pause, resume."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from callwright.domain.ids import BatchId, DeploymentId
from callwright.domain.lifecycle import CallState
from callwright.errors import NotFound
from callwright.ports import control
from callwright.ports.control import BatchState, CallsSought
from callwright.ports.repeats import Answer
from callwright.ports.store import ReadTx, RejectedList, WriteTx
from callwright.service.find_owned import find_batch, see_deployment, whose
from callwright.service.idempotency import SAME_FILE_WITHIN, Given, ListOnce
from callwright.service.load_list import QueuedList
from callwright.service.pause_calls import pause_batch, resume_batch, settle_pauses
from callwright.service.rejected_rows import rejected_csv
from callwright.service.retry_batch import retry_batch
from callwright.service.retry_call import RetryOrder
from callwright.service.stop_calls import cancel_batch
from callwright.web.native.desk import Controller, Desk, Queuer, Reader, answer
from callwright.web.native.dry_run import dry_run_reply, find_target
from callwright.web.native.imports import FailedImport
from callwright.web.native.list_body import read_list
from callwright.web.native.list_document import LIST_BODY
from callwright.web.native.list_loading import accepted, check_list, load_later, load_list
from callwright.web.native.models.batches import (
    Batch,
    BatchSummary,
    QueuedBatch,
    RetryBatchOrder,
    batch_summary,
    whole_batch,
)
from callwright.web.native.models.calls import CallSummary, DryRun
from callwright.web.native.models.lists import Page
from callwright.web.native.preferences import is_dry_run, read_preferences
from callwright.web.native.problems import describe_refusal
from callwright.web.native.repeats import repeatable_order, told_before
from callwright.web.native.routes.calls import list_calls
from callwright.web.native.wire import (
    PREFIX,
    Cursor,
    Limit,
    PathId,
    QueryId,
    read_cursor,
    write_cursor,
)
from callwright.web.repeats import answer_of, key_of, repeatable, reply_with
from callwright.web.spool import received_body

router = APIRouter(prefix=PREFIX, tags=["Batches"])


@router.post(
    "/batches",
    status_code=201,
    response_model=QueuedBatch,
    responses={
        200: {"model": DryRun, "description": "Dry run: what would happen"},
        202: {"model": QueuedBatch, "description": "Being loaded (`Prefer: respond-async`)"},
    },
    openapi_extra={"requestBody": LIST_BODY},
    summary="Queue a list",
)
async def queue(desk: Queuer) -> Response:
    """Queue a list: contacts in JSON, or a CSV file with a column `phone_number` (or
    `destination`) and one for each variable. All or nothing: one bad row refuses the list,
    unless `Prefer: handling=lenient`, which keeps the bad rows at `.../rejected`.
    `Prefer: respond-async` answers as soon as the list is taken in, to be followed at its
    `Location`. `X-Dry-Run: true` checks every row and stores nothing. With an
    `Idempotency-Key` the list is queued once, however often it is sent."""
    request, parts = desk.request, desk.parts
    dry_run, wish = is_dry_run(request), read_preferences(request)
    has_key = not dry_run and key_of(request) is not None
    async with AsyncExitStack() as stack:
        body = await stack.enter_async_context(
            received_body(request, parts.config.limits.csv_bytes, parts.spool_folder)
        )
        order = await read_list(body, request.headers.get("content-type"))
        asked = None
        if has_key:
            what = await asyncio.to_thread(order.asked)
            asked = repeatable(request, desk.user, what, wish.lenient, wish.respond_async)
            while_loading = partial(accepted, wish=wish) if wish.respond_async else None
            if (reply := await told_before(desk, asked, while_loading)) is not None:
                return reply
        deployment_id = DeploymentId(order.deployment_id)
        target = await desk.read(lambda tx: find_target(tx, desk, deployment_id, desk.now))
        schedule = order.schedule.schedule(desk.user, desk.now)
        if dry_run:
            seen = await check_list(desk, order, target, lenient=wish.lenient)
            return await dry_run_reply(
                desk, target, schedule, calls=seen.calls, rejected=seen.rejected
            )
        load = partial(load_list, desk, order, target, schedule, wish=wish, asked=asked)
        if not wish.respond_async:
            return reply_with(await load())
        opened: asyncio.Future[BatchId] = asyncio.get_running_loop().create_future()
        batch_id = await load_later(desk, load(opened=opened), opened, target, stack)
    return reply_with(Given(answer=accepted(batch_id, wish)))


@router.get("/batches", response_model=Page[BatchSummary], summary="Look through lists")
async def look_through(
    desk: Reader,
    deployment_id: QueryId = None,
    state: Annotated[BatchState | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Your own lists, or, for an admin, those of the account; newest first. Single calls,
    each of which is a batch of its own, are left out."""
    below = read_cursor("batch", cursor)
    aim = None if deployment_id is None else DeploymentId(deployment_id)

    def look(tx: ReadTx) -> list[control.Batch]:
        if aim is not None:
            see_deployment(tx, desk.user, aim)
        found = tx.batches(
            whose(desk.user),
            deployment_id=aim,
            state=state,
            below=None if below is None else BatchId(below),
            limit=limit + 1,
        )
        return list(found)

    found = await desk.read(look)
    more = len(found) > limit
    page = Page[BatchSummary](
        items=[batch_summary(batch) for batch in found[:limit]],
        next=write_cursor("batch", found[limit - 1].id) if more else None,
    )
    return desk.show(page)


@router.get("/batches/{batch_id}", response_model=Batch, summary="Show a batch")
async def show(batch_id: PathId, desk: Reader) -> Response:
    """How a batch stands: calls by state, or how many are stored while it is loading."""
    failed = desk.imports.failed(BatchId(batch_id))
    if failed is None:
        try:
            return desk.show(await desk.read(lambda tx: _whole(tx, desk, BatchId(batch_id))))
        except NotFound:
            failed = await desk.imports.gone(BatchId(batch_id))
    if failed is None or failed.user_id != desk.user.id:
        raise NotFound("batch")
    return desk.show(_failed(failed))


@router.get(
    "/batches/{batch_id}/calls", response_model=Page[CallSummary], summary="Calls of a batch"
)
async def show_calls(
    batch_id: PathId,
    desk: Reader,
    state: Annotated[CallState | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The calls of a batch, the last of the list first."""
    sought = CallsSought(whose=whose(desk.user), batch_id=BatchId(batch_id), state=state)
    return await list_calls(desk, sought, limit, cursor)


@router.get(
    "/batches/{batch_id}/rejected",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    summary="Rows that were left out",
)
async def show_rejected(batch_id: PathId, desk: Reader) -> Response:
    """The rows that `Prefer: handling=lenient` left out, as they were sent, each with its line
    (of a JSON list, its place from 1) and what is wrong with it in front: mend them, and send
    this file again."""

    def look(tx: ReadTx) -> RejectedList:
        find_batch(tx, desk.user, BatchId(batch_id))
        rejected = tx.rejected_list(BatchId(batch_id))
        if rejected is None:
            raise NotFound("rejected row")
        return rejected

    rejected = await desk.read(look)
    pieces = rejected_csv(desk.parts.store, BatchId(batch_id), rejected)
    headers = {
        "Content-Disposition": f'attachment; filename="batch-{batch_id}-rejected.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(pieces, 200, headers, "text/csv; charset=utf-8")


@router.post("/batches/{batch_id}/cancel", response_model=Batch, summary="Cancel a batch")
async def cancel(batch_id: PathId, desk: Controller) -> Response:
    """End every call of the batch that waits. Those being dialled or talking finish as they
    are. Repeating it is harmless."""
    now = desk.now
    return await _change(desk, batch_id, lambda tx, id_: cancel_batch(tx, desk.user, id_, now))


@router.post(
    "/batches/{batch_id}/retry",
    status_code=201,
    response_model=QueuedBatch,
    summary="Call again whom a list did not reach",
)
async def retry(batch_id: PathId, desk: Queuer, order: RetryBatchOrder | None = None) -> Response:
    """Queue a new list with a call for each of the old one's that ended in one of `states`,
    but none that was called again before. The old ones stay as they are. With an
    `Idempotency-Key` the list is queued once, however often it is asked for."""
    wish, parts = order or RetryBatchOrder(), desk.parts
    asked = repeatable_order(desk, wish)
    if (reply := await told_before(desk, asked)) is not None:
        return reply
    old = await desk.read(lambda tx: find_batch(tx, desk.user, BatchId(batch_id)))

    def tell(tx: WriteTx, queued: QueuedList, same: BatchId | None) -> Answer:
        value = QueuedBatch(id=queued.id, calls=queued.calls)
        return answer_of(answer(value, 201, {"Location": f"/v1/batches/{queued.id}"}))

    once = ListOnce(
        asked=asked,
        deployment_id=old.deployment_id,
        file_hash=None,
        now=desk.now,
        is_loading=parts.loader.is_loading,
        tell=tell,
    )
    queued = await retry_batch(
        parts.store,
        parts.loader,
        desk.user,
        old.id,
        frozenset(wish.states),
        RetryOrder(opens_at=wish.opens_at, closes_at=wish.closes_at, retry=wish.policy),
        once.now,
        can_speak=parts.can_speak,
        at_open=once.at_open,
        at_end=once.at_end,
    )
    parts.on_change()
    parts.metrics.calls_queued(old.product, queued.calls)
    return reply_with(once.given)


@router.post("/batches/{batch_id}/pause", response_model=Batch, summary="Pause a batch")
async def pause(batch_id: PathId, desk: Controller) -> Response:
    """Dial no further call of the batch until it is resumed. Windows go on running."""
    now = desk.now
    reply = await _change(desk, batch_id, lambda tx, id_: pause_batch(tx, desk.user, id_, now))
    await settle_pauses(desk.parts.store)
    return reply


@router.post("/batches/{batch_id}/resume", response_model=Batch, summary="Resume a batch")
async def resume(batch_id: PathId, desk: Controller) -> Response:
    """Go on with the batch, unless its deployment is paused too."""
    reply = await _change(desk, batch_id, lambda tx, id_: resume_batch(tx, desk.user, id_))
    await settle_pauses(desk.parts.store)
    desk.parts.on_change()
    return reply


async def _change(
    desk: Desk, batch_id: int, change: Callable[[WriteTx, BatchId], control.Batch]
) -> Response:
    def work(tx: WriteTx) -> Batch:
        change(tx, BatchId(batch_id))
        return _whole(tx, desk, BatchId(batch_id))

    return answer(await desk.write(work))


def _whole(tx: ReadTx, desk: Desk, batch_id: BatchId) -> Batch:
    batch = find_batch(tx, desk.user, batch_id)
    rejected = tx.rejected_list(batch_id)
    return whole_batch(
        batch,
        dict(tx.batch_counts(batch_id, desk.now)),
        rejected=0 if rejected is None else rejected.rows,
        progress=desk.parts.loader.progress(batch_id)
        if batch.state is BatchState.LOADING
        else None,
        duplicate_of=tx.list_of_same_file(batch_id, SAME_FILE_WITHIN),
    )


def _failed(failed: FailedImport) -> Batch:
    return Batch(
        id=failed.id,
        deployment_id=failed.deployment_id,
        product=failed.product,
        user_id=failed.user_id,
        state="failed",
        is_list=True,
        queued_at=failed.at,
        calls=0,
        paused_at=None,
        canceled_at=None,
        counts={},
        is_over=True,
        rejected=0,
        loaded_share=None,
        problem=describe_refusal(failed.problem),
    )
