"""`/v1/calls`: queue one, look through them, cancel, hang up, call again."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from callwright.domain.account import Product
from callwright.domain.call import CallDetails
from callwright.domain.ids import BatchId, CallId, DeploymentId
from callwright.domain.lifecycle import CallState
from callwright.ports.control import CallsFound, CallsSought
from callwright.ports.repeats import Answer
from callwright.ports.store import ReadTx, WriteTx
from callwright.service.find_owned import find_batch, find_call, see_deployment, whose
from callwright.service.fit_window import OnOverflow
from callwright.service.idempotency import Given, answer_once
from callwright.service.quarantine_calls import release_call
from callwright.service.queue_calls import queue_call
from callwright.service.retry_call import RetryOrder, retry_call
from callwright.service.stop_calls import cancel_call
from callwright.web.native.contacts import read_contact
from callwright.web.native.desk import Controller, Desk, Queuer, Reader, answer
from callwright.web.native.dry_run import dry_run_reply, find_target
from callwright.web.native.models.calls import (
    Call,
    CallSummary,
    DryRun,
    QueuedCall,
    call_summary,
    whole_call,
)
from callwright.web.native.models.lists import Page
from callwright.web.native.models.orders import CallOrder, RetryCallOrder
from callwright.web.native.preferences import is_dry_run, read_preferences
from callwright.web.native.repeats import repeatable_order, told_before
from callwright.web.native.wire import (
    PREFIX,
    Cursor,
    Limit,
    Moment,
    NumberEnd,
    PathId,
    QueryId,
    read_cursor,
    write_cursor,
)
from callwright.web.overflow import fit_check, fit_headers, join_applied
from callwright.web.repeats import answer_of, reply_with

router = APIRouter(prefix=PREFIX, tags=["Calls"])


@router.post(
    "/calls",
    status_code=201,
    response_model=Call | QueuedCall,
    responses={200: {"model": DryRun, "description": "Dry run: what would happen"}},
    summary="Queue a call",
)
async def queue(order: CallOrder, desk: Queuer) -> Response:
    """Queue one call. It is on disk when the answer comes, and dialled as soon as its window
    and the trunk allow. `Prefer: return=minimal` answers with the id alone; `X-Dry-Run: true`
    makes every check and stores nothing. With an `Idempotency-Key` the call is queued once,
    however often it is asked for."""
    dry_run, minimal = is_dry_run(desk.request), read_preferences(desk.request).minimal
    asked = None
    if not dry_run:
        asked = repeatable_order(desk, order, minimal)
        if (reply := await told_before(desk, asked)) is not None:
            return reply
    now = desk.now
    deployment_id = DeploymentId(order.deployment_id)
    target = await desk.read(lambda tx: find_target(tx, desk, deployment_id, now))
    schedule = order.schedule(desk.user, now)
    contact = read_contact(order, target.deployment, desk)
    if dry_run:
        return await dry_run_reply(desk, target, schedule, calls=1)

    fit = fit_check(desk.request, desk.parts.pacing, desk.parts.clock, field="closes_at")
    late = None
    if fit.wish is not OnOverflow.TAKE:
        late = await desk.read(lambda tx: fit.call(tx, target.deployment, schedule))
    fitting = fit_headers(fit, late)

    def queue(tx: WriteTx) -> CallId:
        return queue_call(tx, desk.user, target.deployment, schedule, contact, now)

    if asked is None:
        response = await _queued(desk, await desk.write(queue), fitting)
    else:
        given = await desk.write(
            lambda tx: answer_once(
                tx,
                asked,
                now,
                desk.parts.loader.is_loading,
                lambda: answer_of(_queued_in(tx, desk, queue(tx), fitting)),
            )
        )
        response = reply_with(given)
        if given.is_replay:
            return response
    desk.parts.metrics.calls_queued(target.deployment.program.product, 1)
    return response


@router.get("/calls", response_model=Page[CallSummary], summary="Look through calls")
async def look_through(
    desk: Reader,
    batch_id: QueryId = None,
    deployment_id: QueryId = None,
    state: Annotated[CallState | None, Query()] = None,
    number_ends: Annotated[
        NumberEnd | None, Query(description="The last digits of the number, 2 to 6")
    ] = None,
    quarantined: Annotated[
        bool | None, Query(description="Only those that wait for a person, or only others")
    ] = None,
    queued_from: Annotated[Moment | None, Query()] = None,
    queued_before: Annotated[Moment | None, Query()] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Your own calls, or, for an admin, those of the account; newest first."""
    sought = CallsSought(
        whose=whose(desk.user),
        batch_id=None if batch_id is None else BatchId(batch_id),
        deployment_id=None if deployment_id is None else DeploymentId(deployment_id),
        state=state,
        number_ends=number_ends or "",
        is_quarantined=quarantined,
        queued_from=queued_from,
        queued_before=queued_before,
    )
    return await list_calls(desk, sought, limit, cursor)


async def list_calls(desk: Desk, sought: CallsSought, limit: int, cursor: str | None) -> Response:
    """A page of the calls sought."""
    below = read_cursor("call", cursor)
    now = desk.now

    def look(tx: ReadTx) -> tuple[CallsFound, frozenset[BatchId], frozenset[CallId]]:
        # 404 and 403 as for the things themselves, rather than an empty list
        if sought.batch_id is not None:
            find_batch(tx, desk.user, sought.batch_id)
        if sought.deployment_id is not None:
            see_deployment(tx, desk.user, sought.deployment_id)
        found = tx.find_calls(
            sought, below=None if below is None else CallId(below), limit=limit, now=now
        )
        paused = tx.paused_batches(sorted({call.batch_id for call in found.calls}))
        return found, paused, tx.quarantined_calls([call.id for call in found.calls])

    found, paused, quarantined = await desk.read(look)
    page = Page[CallSummary](
        items=[
            call_summary(
                call, is_paused=call.batch_id in paused, is_quarantined=call.id in quarantined
            )
            for call in found.calls
        ],
        next=None if found.looked_to is None else write_cursor("call", found.looked_to),
    )
    return desk.show(page)


@router.get("/calls/{call_id}", response_model=Call, summary="Show a call")
async def show(call_id: PathId, desk: Reader) -> Response:
    """Everything known of a call: each attempt with what SIP said of it, each event, what the
    callee keyed, its callback."""
    return desk.show(await desk.read(lambda tx: _whole(tx, desk, CallId(call_id))))


@router.post("/calls/{call_id}/cancel", response_model=Call, summary="Cancel a call")
async def cancel(call_id: PathId, desk: Controller) -> Response:
    """End a call that waits. One that is being dialled or talks finishes as it is and gets no
    further attempt. Repeating it is harmless."""
    now = desk.now

    def work(tx: WriteTx) -> Call:
        details = cancel_call(tx, desk.user, CallId(call_id), now)
        return whole_call(details, tx.call_facts(details.id))

    return answer(await desk.write(work))


@router.post("/calls/{call_id}/hang-up", status_code=202, response_model=Call, summary="Hang up")
async def hang_up(call_id: PathId, desk: Controller) -> Response:
    """Cancel a call and end it at once even if it rings or talks. The answer comes before the
    line has hung up."""
    now = desk.now

    def work(tx: WriteTx) -> Call:
        details = cancel_call(tx, desk.user, CallId(call_id), now)
        return whole_call(details, tx.call_facts(details.id))

    value = await desk.write(work)
    desk.parts.hang_up(CallId(call_id))
    return answer(value, 202)


@router.post("/calls/{call_id}/release", response_model=Call, summary="Release from quarantine")
async def release(call_id: PathId, desk: Controller) -> Response:
    """Let a call go on that is quarantined because it was in motion whenever the server died.
    It is due at once, and its deaths are forgotten."""
    now = desk.now

    def work(tx: WriteTx) -> Call:
        details = release_call(tx, desk.user, CallId(call_id), now)
        return whole_call(details, tx.call_facts(details.id))

    return answer(await desk.write(work))


@router.post(
    "/calls/{call_id}/retry",
    status_code=201,
    response_model=Call | QueuedCall,
    summary="Call again",
)
async def retry(call_id: PathId, desk: Queuer, order: RetryCallOrder | None = None) -> Response:
    """Queue a new call to the same number with the same variables, after a call has ended.
    The old one stays as it is; the new one names it in `retry_of`. With an `Idempotency-Key` it
    is queued once, however often it is asked for."""
    wish = order or RetryCallOrder()
    asked = repeatable_order(desk, wish, read_preferences(desk.request).minimal)
    if (reply := await told_before(desk, asked)) is not None:
        return reply
    now = desk.now
    changes = RetryOrder(opens_at=wish.opens_at, closes_at=wish.closes_at, retry=wish.policy)
    products: list[Product] = []

    def again(tx: WriteTx) -> Answer:
        can_speak = desk.parts.can_speak
        new = retry_call(tx, desk.user, CallId(call_id), changes, now, can_speak=can_speak)
        products[:] = [find_call(tx, desk.user, new, now).product]
        return answer_of(_queued_in(tx, desk, new))

    def work(tx: WriteTx) -> Given:
        if asked is None:
            return Given(answer=again(tx))
        return answer_once(tx, asked, now, desk.parts.loader.is_loading, lambda: again(tx))

    given = await desk.write(work)
    if not given.is_replay:
        desk.parts.metrics.calls_queued(products[0], 1)
    return reply_with(given)


async def _queued(
    desk: Desk, call_id: CallId, headers: Mapping[str, str] | None = None
) -> Response:
    if read_preferences(desk.request).minimal:
        return _told(QueuedCall(id=call_id), headers)
    return _told(await desk.read(lambda tx: _whole(tx, desk, call_id)), headers)


def _queued_in(
    tx: ReadTx, desk: Desk, call_id: CallId, headers: Mapping[str, str] | None = None
) -> Response:
    """The same within the transaction that queues the call."""
    if read_preferences(desk.request).minimal:
        return _told(QueuedCall(id=call_id), headers)
    return _told(_whole(tx, desk, call_id), headers)


def _told(call: Call | QueuedCall, headers: Mapping[str, str] | None) -> Response:
    applied = ("return=minimal",) if isinstance(call, QueuedCall) else ()
    given = join_applied(dict(headers or {}), *applied)
    return answer(call, 201, {"Location": f"/v1/calls/{call.id}", **given})


def _whole(tx: ReadTx, desk: Desk, call_id: CallId) -> Call:
    details: CallDetails = find_call(tx, desk.user, call_id, desk.now)
    return whole_call(details, tx.call_facts(call_id))
