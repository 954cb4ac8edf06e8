"""`/v1/callbacks`: what became of results that were posted, and posting one again."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from callwright.domain.ids import CallId, NoticeId
from callwright.domain.notice import NoticeState
from callwright.ports.control import NoticesFound
from callwright.ports.store import ReadTx, WriteTx
from callwright.service.find_owned import find_call, find_notice, whose
from callwright.service.replay_notice import replay_dead_notices, replay_notice
from callwright.web.native.desk import Controller, Desk, Reader, answer
from callwright.web.native.models.callbacks import (
    Callback,
    CallbackSummary,
    ReplayedCallbacks,
    ReplayOrder,
    callback_summary,
    whole_callback,
)
from callwright.web.native.models.lists import Page
from callwright.web.native.wire import (
    PREFIX,
    Cursor,
    Limit,
    PathId,
    QueryId,
    read_cursor,
    write_cursor,
)

router = APIRouter(prefix=PREFIX, tags=["Callbacks"])


@router.get("/callbacks", response_model=Page[CallbackSummary], summary="Look through callbacks")
async def look_through(
    desk: Reader,
    state: Annotated[NoticeState | None, Query()] = None,
    call_id: QueryId = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What was posted, or is owed, to the result URLs of your calls; newest first."""
    below = read_cursor("callback", cursor)
    now = desk.now

    def look(tx: ReadTx) -> NoticesFound:
        if call_id is None:
            return tx.notices(
                whose(desk.user),
                state=state,
                below=None if below is None else NoticeId(below),
                limit=limit,
            )
        find_call(tx, desk.user, CallId(call_id), now)
        notice = tx.notice_of_call(CallId(call_id))
        fits = notice is not None and state in (None, notice.state)
        return NoticesFound(notices=[notice] if notice is not None and fits else [], looked_to=None)

    found = await desk.read(look)
    page = Page[CallbackSummary](
        items=[callback_summary(notice) for notice in found.notices],
        next=None if found.looked_to is None else write_cursor("callback", found.looked_to),
    )
    return desk.show(page)


@router.get("/callbacks/{callback_id}", response_model=Callback, summary="Show a callback")
async def show(callback_id: PathId, desk: Reader) -> Response:
    """A callback with its body and what each try came to."""
    return desk.show(await desk.read(lambda tx: _whole(tx, desk, NoticeId(callback_id))))


# Before the next: there, `dead` would be an id.
@router.post(
    "/callbacks/dead/replay",
    status_code=202,
    response_model=ReplayedCallbacks,
    summary="Send again what was given up",
)
async def replay_dead(order: ReplayOrder, desk: Controller) -> Response:
    """Make every callback due at once that was given up in a span of time: same ids, same bytes,
    all tries again. For a receiver that was out of order; those that it answered with 410 are
    left out."""
    count = await replay_dead_notices(
        desk.write, desk.user, since=order.since, before=order.before, now=desk.now
    )
    return answer(ReplayedCallbacks(replayed=count), 202)


@router.post(
    "/callbacks/{callback_id}/replay",
    status_code=202,
    response_model=Callback,
    summary="Send a callback again",
)
async def replay(callback_id: PathId, desk: Controller) -> Response:
    """Make a callback due at once, whatever became of it: same id, same bytes."""
    now = desk.now

    def work(tx: WriteTx) -> Callback:
        notice = replay_notice(tx, desk.user, NoticeId(callback_id), now)
        return whole_callback(notice, tx.notice_tries(notice.id))

    return answer(await desk.write(work), 202)


def _whole(tx: ReadTx, desk: Desk, notice_id: NoticeId) -> Callback:
    notice = find_notice(tx, desk.user, notice_id)
    return whole_callback(notice, tx.notice_tries(notice_id))
