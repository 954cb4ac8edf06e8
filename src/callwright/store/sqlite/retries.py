"""Calls that try earlier calls again, and which those are."""

from collections.abc import Sequence

from callwright.domain.ids import BatchId, CallId
from callwright.store.sqlite.intake import IntakeChanges
from callwright.store.sqlite.values import json_list


class RetryChanges(IntakeChanges):
    """Noting what is tried again, and copying whole lists of it."""

    def note_retry(self, call_id: CallId, original: CallId) -> None:
        self._change("note_retry", call=call_id, original=original)

    def add_retries(self, batch_id: BatchId, originals: Sequence[CallId]) -> None:
        rows = self._rows("contacts_of_calls", calls=json_list(originals))
        self.add_rows(batch_id, [value for row in rows for value in row[1:]])
        new = self._last_calls(batch_id, len(rows))
        pairs = zip(new, (row[0] for row in rows), strict=True)
        self._change_many("note_retry", list(pairs))

    def _last_calls(self, batch_id: BatchId, count: int) -> list[int]:
        """The ids of the last `count` calls of a batch that is being loaded, in order."""
        ids: list[int] = []
        for lo, hi in self._rows("filled_segments", batch=batch_id):
            if len(ids) >= count:
                break
            first = max(lo, hi - (count - len(ids)) + 1)
            ids = [*range(first, hi + 1), *ids]
        return ids
