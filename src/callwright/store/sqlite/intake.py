"""How calls come in: one at a time, or as a list that is loaded slice by slice.

A list is loaded unseen and goes live as a whole. Its calls stand in segments of consecutive
ids, reserved while others queue too; a new segment is as large as all before it, so that
small lists reserve little and large ones stand in few segments.
"""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import BatchId, CallId, DeploymentId, UserId
from callwright.ports.store import VALUES_A_CALL
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import call_values, schedule_values, to_micros

MAX_SEGMENT = 20_000
"""Most calls in one segment."""

SWEEP = 500
"""Most calls of a dropped list that are deleted in one transaction."""


class IntakeChanges(Session):
    """Queueing and cancelling."""

    sweep_waits = True
    """Whether calls of dropped lists may be left to delete; nobody knows when a file is opened."""

    def add_call(
        self,
        deployment_id: DeploymentId,
        user_id: UserId,
        schedule: Schedule,
        contact: Contact,
        now: datetime,
    ) -> CallId:
        call = self._number("next_number", name="call", count=1)
        live_seq = self._number("next_number", name="live", count=1)
        columns = schedule_values(schedule)
        batch = self._number(
            "add_batch",
            deployment=deployment_id,
            user=user_id,
            state="live",
            live_seq=live_seq,
            now=to_micros(now),
            only_call=call,
            **columns,
        )
        self._change_many("add_call", [(call, batch, *call_values([contact]))])
        self._change(
            "add_due",
            call=call,
            next_at=columns["opens_at"],
            closes_at=columns["closes_at"],
            deployment=deployment_id,
            live_seq=live_seq,
        )
        return CallId(call)

    def open_batch(
        self, deployment_id: DeploymentId, user_id: UserId, schedule: Schedule, now: datetime
    ) -> BatchId:
        batch = self._number(
            "add_batch",
            deployment=deployment_id,
            user=user_id,
            state="loading",
            live_seq=None,
            now=to_micros(now),
            only_call=None,
            **schedule_values(schedule),
        )
        return BatchId(batch)

    def add_calls(self, batch_id: BatchId, contacts: Sequence[Contact]) -> None:
        self.add_rows(batch_id, call_values(contacts))

    def add_rows(self, batch_id: BatchId, values: Sequence[str]) -> None:
        row = self._row("loading_segment", batch=batch_id)
        if row is None:
            raise ValueError(f"batch {batch_id} is not being loaded")
        lo, hi, room, size = (int(value or 0) for value in row)
        left = len(values) // VALUES_A_CALL
        done = 0
        while left:
            if hi == room:
                count = min(max(left, size), MAX_SEGMENT)
                room = self._number("next_number", name="call", count=count)
                lo = room - count + 1
                hi = lo - 1
                self._change_one("add_segment", batch=batch_id, lo=lo, room=room)
            part = min(left, room - hi)
            end = done + part * VALUES_A_CALL
            calls = range(hi + 1, hi + 1 + part)
            texts = (values[at:end:VALUES_A_CALL] for at in range(done, done + VALUES_A_CALL))
            self._add_columns("add_call", [calls, [batch_id] * part, *texts])
            hi += part
            size += part
            left -= part
            done = end
            self._change_one("fill_segment", lo=lo, hi=hi)

    def go_live(self, batch_id: BatchId, now: datetime) -> int:
        live_seq = self._number("next_number", name="live", count=1)
        values = {"batch": batch_id, "live_seq": live_seq}
        if self._change("make_batch_live", now=to_micros(now), **values) == 0:
            raise ValueError(f"batch {batch_id} is not being loaded")
        self._change("make_segments_live", **values)
        return self._number("batch_size", batch=batch_id)

    def drop_batch(self, batch_id: BatchId) -> None:
        # One that went live stays: a caller whose commit failed cannot know whether it did.
        if self._change("drop_batch", batch=batch_id):
            self.sweep_waits = True

    def drop_unfinished_batches(self) -> int:
        dropped = self._change("drop_loading_batches")
        self.sweep_waits = self.sweep_waits or dropped > 0
        return dropped

    def sweep(self) -> None:
        """Delete a slice of what dropped lists left; the writer calls it while nothing waits."""
        row = self._row("dropped_segment")
        if row is None:
            self.sweep_waits = False
            return
        batch, lo, hi = row
        if lo is None:
            if self._change("delete_rejected_rows", batch=batch, limit=SWEEP) < SWEEP:
                self._change("delete_rejected_list", batch=batch)
                self._change("delete_batch", batch=batch)
            return
        keep = max(lo - 1, hi - SWEEP)
        self._change("delete_retries", lo=keep + 1, hi=hi)
        self._change("delete_calls", lo=keep + 1, hi=hi)
        self._change("shrink_segment", lo=lo, hi=keep)
        if keep < lo:
            self._change("delete_segment", lo=lo)

    def cancel_deployment(self, deployment_id: DeploymentId, now: datetime) -> None:
        self._change("cancel_deployment", deployment=deployment_id, now=to_micros(now))
