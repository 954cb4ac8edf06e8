"""Ending waiting calls that a cancellation or the end of their window has overtaken.

Status replies show such calls as ended at once; this writes it down, slice by slice, and
with it the notices they owe.
"""

from datetime import datetime

from callwright.domain.lifecycle import next_state
from callwright.ports.store import WriteTx
from callwright.service.tell_result import NoticeStyle, tell_result

SLICE = 200


def settle_calls(tx: WriteTx, now: datetime, style: NoticeStyle) -> int:
    """End up to `SLICE` such calls; how many there were (fewer than `SLICE` = no more)."""
    endings = tx.take_ending_calls(now, SLICE)
    for ending in endings:
        tx.end_waiting_call(ending, next_state(ending.from_state, ending.event))
        tell_result(tx, ending.call_id, now, style)
    return len(endings)
