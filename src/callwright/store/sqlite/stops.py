"""Cancelling one call or one list, and holding calls back.

A pause is one row, and holds from its commit on. Calls of lists it simply passes by. Those
that wait singly it puts aside slice by slice, so that claiming need not wade through them,
and lets them back the same way once it is lifted; calls that begin to wait meanwhile take
their place at once (`add_due`, `put_back`).
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from callwright.domain.ids import BatchId, CallId, DeploymentId, UserId
from callwright.ports.control import CalledOff
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import json_list, to_micros

WHOLE_DEPLOYMENT = 0
"""In place of a list's `live_seq`."""

PUT_ASIDE = 2_000
"""Most calls put aside or back in one transaction."""


class StopQuestions(Session):
    """What its owner, or whom it calls, has done to a call meanwhile."""

    def called_off(self, call_ids: Collection[CallId]) -> Mapping[CallId, CalledOff]:
        return {
            CallId(call): CalledOff.OPTED_OUT if opted_out else CalledOff.CANCELED
            for call, opted_out in self._rows("called_off", calls=json_list(call_ids))
        }


class StopChanges(StopQuestions):
    """What its owner does to a call, a list or a deployment that waits."""

    def cancel_call(self, call_id: CallId, now: datetime) -> None:
        self._change("cancel_call", call=call_id, now=to_micros(now))

    def cancel_batch(self, batch_id: BatchId, now: datetime) -> None:
        self._change("cancel_batch", batch=batch_id, now=to_micros(now))

    def pause_deployment(self, deployment_id: DeploymentId, by: UserId, now: datetime) -> None:
        self._pause(deployment_id, WHOLE_DEPLOYMENT, by, now)

    def resume_deployment(self, deployment_id: DeploymentId) -> None:
        self._resume(deployment_id, WHOLE_DEPLOYMENT)

    def pause_batch(self, batch_id: BatchId, by: UserId, now: datetime) -> None:
        self._pause(*self._place(batch_id), by, now)

    def resume_batch(self, batch_id: BatchId) -> None:
        self._resume(*self._place(batch_id))

    def settle_pauses(self, limit: int = PUT_ASIDE) -> bool:
        """Put up to `limit` calls aside or back; whether that was all there was to do."""
        for deployment, live_seq, is_lifting in self._rows("unsettled_pauses"):
            place = {"deployment": deployment, "live_seq": live_seq}
            moved = self._move(deployment, live_seq, bool(is_lifting), limit)
            if moved >= limit:
                return False
            limit -= moved
            self._change("forget_pause" if is_lifting else "settle_pause", **place)
        return True

    def _place(self, batch_id: BatchId) -> tuple[int, int]:
        row = self._row("place_of_batch", batch=batch_id)
        if row is None:
            raise ValueError(f"batch {batch_id} is not live")
        deployment, live_seq = row
        return deployment, live_seq

    def _pause(self, deployment: int, live_seq: int, by: UserId, now: datetime) -> None:
        self._change("pause", deployment=deployment, live_seq=live_seq, user=by, now=to_micros(now))
        self.settle_pauses()

    def _resume(self, deployment: int, live_seq: int) -> None:
        self._change("lift_pause", deployment=deployment, live_seq=live_seq)
        self.settle_pauses()

    def _move(self, deployment: int, live_seq: int, back: bool, limit: int) -> int:
        if live_seq == WHOLE_DEPLOYMENT:
            query = "put_back_deployment" if back else "put_aside_deployment"
            return self._change(query, deployment=deployment, limit=limit)
        query = "put_back_batch" if back else "put_aside_batch"
        return self._change(query, deployment=deployment, live_seq=live_seq, limit=limit)
