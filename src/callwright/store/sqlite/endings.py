"""Waiting calls that end without being dialled: cancelled, or their window shut.

Whichever of the two came first is how the call ended.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter

from callwright.domain.ids import CallId
from callwright.domain.lifecycle import TRANSITIONS, CallEvent, CallState
from callwright.errors import IllegalTransition
from callwright.ports.store import EndingCall
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import Row, to_micros, to_time


def ending_of(closes_at: int | None, canceled_at: int | None) -> tuple[CallEvent, int] | None:
    """How and when a waiting call ended that nobody has settled, or None if it did not.

    Both times are microseconds and not later than now; None = that did not happen.
    """
    if canceled_at is not None and (closes_at is None or canceled_at < closes_at):
        return CallEvent.CANCEL, canceled_at
    return None if closes_at is None else (CallEvent.WINDOW_CLOSE, closes_at)


class EndingChanges(Session):
    """Settling what cancellations and windows have ended."""

    def take_ending_calls(self, now: datetime, limit: int) -> Sequence[EndingCall]:
        at = to_micros(now)
        taken = self._take_canceled_calls(at, limit)
        taken += self._take_closed(at, limit - len(taken))
        for cancellation, deployment, since, through in self._rows("unsettled_cancellations"):
            if len(taken) >= limit:
                break
            taken += self._take_canceled(deployment, since, through, at, limit - len(taken))
            if len(taken) < limit:
                self._change("settle_cancellation", cancellation=cancellation)
        return taken

    def end_waiting_calls(self, ends: Sequence[tuple[EndingCall, CallState]]) -> None:
        for ending, state in ends:
            if TRANSITIONS[ending.from_state].get(ending.event) is not state:
                raise IllegalTransition(ending.from_state, f"become {state} on {ending.event}")
        self._change_rows(
            "end_call",
            ((ending.call_id, state.value, to_micros(ending.at)) for ending, state in ends),
        )

    def _take_closed(self, now: int, limit: int) -> list[EndingCall]:
        taken: list[EndingCall] = []
        if limit > 0:
            taken = _from_due(self._rows("take_closed_due", now=now, limit=limit), now)
        while len(taken) < limit:
            row = self._row("closed_segment", now=now)
            if row is None:
                break
            taken += self._from_segment(row, now, limit - len(taken))
        return taken

    def _take_canceled_calls(self, now: int, limit: int) -> list[EndingCall]:
        """Those that were cancelled one by one and wait."""
        waiting = []
        for call, canceled_at in self._rows("unsettled_call_cancellations", limit=limit):
            row = self._row("take_waiting_call", call=call)
            if row is None:
                row = self._take_out_of_list(call)
            if row is not None:
                waiting.append((call, *row, canceled_at))
            self._change("settle_call_cancellation", call=call)
        return _endings(waiting, now)

    def _take_out_of_list(self, call: int) -> tuple[int, int | None] | None:
        """Hand out a call that waits in its list, whatever stands before it there.

        Attempts made and the end of its window, or None: it does not wait in a list.
        """
        row = self._row("segment_of_waiting_call", call=call)
        if row is None:
            return None
        lo, hi, room, cursor, closes_at = row
        if cursor == call:
            self._change_one("advance_cursor", lo=lo, cursor=cursor, next=call + 1)
        else:
            # The calls after it become a segment of their own, which it opens, handed out.
            self._change_one("cut_segment", lo=lo, hi=call - 1)
            self._change_one("add_rest_of_segment", segment=lo, lo=call, hi=hi, room=room)
        return 0, closes_at

    def _take_canceled(
        self, deployment: int, since: int, through: int, now: int, limit: int
    ) -> list[EndingCall]:
        covered = {"deployment": deployment, "since": since, "through": through}
        taken = _from_due(self._rows("take_canceled_due", limit=limit, **covered), now)
        while len(taken) < limit:
            row = self._row("canceled_segment", **covered)
            if row is None:
                break
            taken += self._from_segment(row, now, limit - len(taken))
        return taken

    def _from_segment(self, row: Row, now: int, limit: int) -> list[EndingCall]:
        lo, hi, cursor, closes_at, canceled_at = row
        stop = min(hi + 1, cursor + limit)
        self._change_one("advance_cursor", lo=lo, cursor=cursor, next=stop)
        return _endings(
            ((call, 0, closes_at, canceled_at) for call in range(cursor, stop)),
            now,
        )


def _from_due(rows: list[Row], now: int) -> list[EndingCall]:
    return _endings(sorted(rows, key=itemgetter(0)), now)


def _endings(rows: Iterable[Row], now: int) -> list[EndingCall]:
    """One ending for each (call, attempts made, closes_at, canceled_at)."""
    endings = []
    for call, attempts, closes_at, canceled_at in rows:
        is_over = closes_at is not None and closes_at <= now
        ending = ending_of(closes_at if is_over else None, canceled_at)
        assert ending is not None
        event, at = ending
        endings.append(
            EndingCall(
                call_id=CallId(call),
                event=event,
                from_state=CallState.WAITING if attempts else CallState.QUEUED,
                at=to_time(at),
            )
        )
    return endings
