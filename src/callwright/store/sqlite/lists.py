"""Rows of a list that were refused while the others were queued."""

from collections.abc import Sequence

from callwright.domain.ids import BatchId
from callwright.ports.store import RejectedList, RejectedRow
from callwright.store.sqlite.session import Session


class ListChanges(Session):
    """Keeping the refused rows of a list that is being loaded."""

    def add_rejected_rows(
        self, batch_id: BatchId, header: str, delimiter: str, rows: Sequence[RejectedRow]
    ) -> None:
        self._change("add_rejected_list", batch=batch_id, header=header, delimiter=delimiter)
        if self._change("count_rejected_rows", batch=batch_id, count=len(rows)) == 0:
            raise ValueError(f"batch {batch_id} is not being loaded")
        self._change_many(
            "add_rejected_row", ((batch_id, row.line, row.problem, row.text) for row in rows)
        )


class ListQuestions(Session):
    """Giving them back."""

    def rejected_list(self, batch_id: BatchId) -> RejectedList | None:
        row = self._find("rejected_list", batch=batch_id)
        if row is None:
            return None
        header, delimiter, rows = row
        return RejectedList(header=header, delimiter=delimiter, rows=rows)

    def rejected_rows(
        self, batch_id: BatchId, after_line: int, limit: int
    ) -> Sequence[RejectedRow]:
        rows = self._find_all("rejected_rows", batch=batch_id, after=after_line, limit=limit)
        return [RejectedRow(line=line, problem=problem, text=text) for line, problem, text in rows]
