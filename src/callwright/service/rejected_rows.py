"""Giving back the rows of a list that were refused, as a CSV that can be mended and sent again."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

from callwright.dialects.rejected import RejectedReport
from callwright.domain.ids import BatchId
from callwright.ports.store import ReadTx, RejectedRow, Store

ROWS_AT_ONCE = 1_000


async def rejected_csv(store: Store, batch_id: BatchId) -> AsyncIterator[bytes] | None:
    """The file in pieces, UTF-8; None if no row of the batch was refused.

    Whether the asker may see the batch is the caller's business.
    """
    kept = await store.read(lambda tx: tx.rejected_list(batch_id))
    if kept is None:
        return None
    return _pieces(store, batch_id, RejectedReport(kept.header, kept.delimiter))


async def _pieces(store: Store, batch_id: BatchId, report: RejectedReport) -> AsyncIterator[bytes]:
    yield report.head().encode()
    line = 0
    while True:
        ask = partial(_rows_below, batch_id, line)
        rows = await store.read(ask)
        if not rows:
            return
        yield "".join(report.row(row.line, row.problem, row.text) for row in rows).encode()
        line = rows[-1].line


def _rows_below(batch_id: BatchId, line: int, tx: ReadTx) -> Sequence[RejectedRow]:
    return tx.rejected_rows(batch_id, line, ROWS_AT_ONCE)
