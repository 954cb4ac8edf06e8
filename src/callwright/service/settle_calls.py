"""Ending waiting calls that a cancellation or the end of their window has overtaken.

Status replies show such calls as ended at once; this writes it down, slice by slice, and
with it the notices they owe.
"""

from datetime import datetime

from callwright.domain.lifecycle import CallState, next_state
from callwright.ports.store import WriteTx
from callwright.service.tell_result import NoticeStyle, tell_result

SLICE = 200


def settle_calls(tx: WriteTx, now: datetime, style: NoticeStyle) -> list[CallState]:
    """End up to `SLICE` such calls; the state of each now (fewer than `SLICE` = no more)."""
    states = []
    for ending in tx.take_ending_calls(now, SLICE):
        state = next_state(ending.from_state, ending.event)
        tx.end_waiting_call(ending, state)
        tell_result(tx, ending.call_id, now, style)
        states.append(state)
    return states
