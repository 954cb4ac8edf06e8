"""A call's history, told from the facts that are kept: its attempts and its end.

Nothing is stored twice: the moment of queueing stands with the batch, dialling, answer
and hang-up with each attempt, the end with the call. This is the one place that knows
how they read in order.
"""

from collections.abc import Iterable
from datetime import datetime

from callwright.domain.call import FINAL_EVENTS, Attempt, HistoryEntry, HistoryEvent
from callwright.domain.lifecycle import CallState


def history_of(
    queued_at: datetime,
    attempts: Iterable[Attempt],
    *,
    state: CallState,
    ended_at: datetime | None,
) -> tuple[HistoryEntry, ...]:
    """The entries in order: queued, then each attempt's, then the end when `state` is final.

    Attempts that were given back never reached the callee's side and are left out, so that
    the dialling entries agree with the number of attempts that count.
    """
    entries = [HistoryEntry(event=HistoryEvent.QUEUED, at=queued_at)]
    for attempt in attempts:
        if not attempt.counts:
            continue
        entries.append(HistoryEntry(event=HistoryEvent.DIALING, at=attempt.started_at))
        if attempt.answered_at is not None:
            entries.append(HistoryEntry(event=HistoryEvent.CONNECTED, at=attempt.answered_at))
            if attempt.ended_at is not None:
                entries.append(HistoryEntry(event=HistoryEvent.DISCONNECTED, at=attempt.ended_at))
    final = FINAL_EVENTS.get(state) if state.is_final else None
    if final is not None and ended_at is not None:
        entries.append(HistoryEntry(event=final, at=ended_at))
    return tuple(entries)
