"""The rows of a list that were left out, as a file that can be mended and sent again."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.responses import Response, StreamingResponse

from callwright.dialects.csv_reader import REPORT_COLUMNS
from callwright.domain.ids import BatchId
from callwright.errors import NotFound
from callwright.ports.store import ReadTx, RejectedList, RejectedRow
from callwright.service.find_owned import find_batch
from callwright.web.native.desk import Desk

ROWS_A_READ = 500
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Or spreadsheets take UTF-8 for something older."""


async def rejected_rows(desk: Desk, batch_id: BatchId) -> Response:
    """The file, streamed.

    Raises:
        NotFound: no such batch of this account, or no row of it was left out.
        NotPermitted: it is another user's.
    """

    def look(tx: ReadTx) -> RejectedList:
        find_batch(tx, desk.user, batch_id)
        rejected = tx.rejected_list(batch_id)
        if rejected is None:
            raise NotFound("rejected row")
        return rejected

    rejected = await desk.read(look)
    headers = {
        "Content-Disposition": f'attachment; filename="batch-{batch_id}-rejected.csv"',
        "Cache-Control": "no-store",
    }
    lines = _lines(desk, batch_id, rejected)
    return StreamingResponse(lines, 200, headers, "text/csv; charset=utf-8")


async def _lines(desk: Desk, batch_id: BatchId, rejected: RejectedList) -> AsyncIterator[bytes]:
    start = rejected.delimiter.join(REPORT_COLUMNS)
    yield BYTE_ORDER_MARK + _encoded(f"{start}{rejected.delimiter}{rejected.header}\r\n")
    after = 0
    while True:
        rows = await desk.read(_next_rows(batch_id, after))
        if not rows:
            return
        after = rows[-1].line
        yield _encoded("".join(_line(row, rejected.delimiter) for row in rows))


def _next_rows(batch_id: BatchId, after: int) -> Callable[[ReadTx], Sequence[RejectedRow]]:
    return lambda tx: tx.rejected_rows(batch_id, after, ROWS_A_READ)


def _line(row: RejectedRow, delimiter: str) -> str:
    """What is wrong in front, then the row just as it was sent."""
    start = io.StringIO()
    csv.writer(start, delimiter=delimiter, lineterminator="").writerow([row.line, row.problem])
    return f"{start.getvalue()}{delimiter}{row.text}\r\n"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
