"""Giving back the rows of a list that were refused, as a CSV that can be mended and sent again."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

from callwright.dialects.rejected import RejectedReport
from callwright.domain.ids import BatchId
from callwright.ports.store import ReadTx, RejectedList, RejectedRow, Store

ROWS_AT_ONCE = 500


async def rejected_csv(
    store: Store, batch_id: BatchId, rejected: RejectedList
) -> AsyncIterator[bytes]:
    """The file in pieces, UTF-8; `rejected` is what the store says of the batch.

    Whether the asker may see the batch is the caller's business.
    """
    report = RejectedReport(rejected.header, rejected.delimiter)
    yield report.head().encode()
    line = 0
    while rows := await store.read(partial(_rows_below, batch_id, line)):
        yield "".join(report.row(row.line, row.problem, row.text) for row in rows).encode()
        line = rows[-1].line


def _rows_below(batch_id: BatchId, line: int, tx: ReadTx) -> Sequence[RejectedRow]:
    return tx.rejected_rows(batch_id, line, ROWS_AT_ONCE)
