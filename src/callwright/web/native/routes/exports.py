"""`/v1/exports`: calls as CSV or JSON lines, however many, in constant memory."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from callwright.domain.ids import BatchId, CallId, DeploymentId
from callwright.domain.lifecycle import CallState
from callwright.ports.control import CallsSought
from callwright.ports.store import ReadTx
from callwright.service.find_owned import find_batch, see_deployment, whose
from callwright.web.native.desk import Desk, Reader
from callwright.web.native.export_rows import CSV_HEADER, csv_lines, json_lines
from callwright.web.native.wire import PREFIX, Moment, QueryId

router = APIRouter(prefix=PREFIX, tags=["Exports"])

CALLS_A_READ = 500
_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


@router.get(
    "/exports/calls",
    response_class=Response,
    responses={
        200: {
            "description": "One call a line, in the order they were queued",
            "content": {
                media_type.partition(";")[0]: {"schema": {"type": "string"}}
                for media_type in _TYPES.values()
            },
        }
    },
    summary="Export calls",
)
async def export_calls(
    desk: Reader,
    form: Annotated[Literal["csv", "jsonl"], Query(alias="format")] = "csv",
    batch_id: QueryId = None,
    deployment_id: QueryId = None,
    state: Annotated[CallState | None, Query()] = None,
    queued_from: Annotated[Moment | None, Query()] = None,
    queued_before: Annotated[Moment | None, Query()] = None,
) -> Response:
    """Your own calls, or, for an admin, those of the account. In CSV a cell that a spreadsheet
    would take for a formula starts with an apostrophe; JSON lines are as they are. Calls that
    are queued or end while the export runs may or may not be in it as they are then."""
    sought = CallsSought(
        whose=whose(desk.user),
        batch_id=None if batch_id is None else BatchId(batch_id),
        deployment_id=None if deployment_id is None else DeploymentId(deployment_id),
        state=state,
        queued_from=queued_from,
        queued_before=queued_before,
    )

    def check(tx: ReadTx) -> None:
        if sought.batch_id is not None:
            find_batch(tx, desk.user, sought.batch_id)
        if sought.deployment_id is not None:
            see_deployment(tx, desk.user, sought.deployment_id)

    await desk.read(check)
    headers = {
        "Content-Disposition": f'attachment; filename="calls.{form}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_lines(desk, sought, form), 200, headers, _TYPES[form])


async def _lines(desk: Desk, sought: CallsSought, form: str) -> AsyncIterator[bytes]:
    """The export, some hundred lines at a time; each piece is read when the last is sent."""
    if form == "csv":
        yield CSV_HEADER
    write = csv_lines if form == "csv" else json_lines
    above: CallId | None = None
    while True:
        text, above = await desk.read(_piece(desk, sought, above, write))
        if text:
            yield text
        if above is None:
            return


def _piece(
    desk: Desk, sought: CallsSought, above: CallId | None, write: Callable[..., bytes]
) -> Callable[[ReadTx], tuple[bytes, CallId | None]]:
    now = desk.now

    def look(tx: ReadTx) -> tuple[bytes, CallId | None]:
        found = tx.next_calls(sought, above=above, look=CALLS_A_READ, now=now)
        return write(found.calls), found.looked_to

    return look
