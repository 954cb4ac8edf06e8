"""Ending waiting calls that a cancellation or the end of their window has overtaken.

Status replies show such calls as ended at once; this writes it down, slice by slice, and
with it the notices they owe.
"""

from datetime import datetime

from callwright.domain.lifecycle import CallState, next_state
from callwright.ports.store import WriteTx
from callwright.service.tell_result import NoticeStyle, tell_results

SLICE = 200


def settle_calls(tx: WriteTx, now: datetime, style: NoticeStyle) -> list[CallState]:
    """End up to `SLICE` such calls; the state of each now (fewer than `SLICE` = no more)."""
    endings = tx.take_ending_calls(now, SLICE)
    states = [next_state(ending.from_state, ending.event) for ending in endings]
    tx.end_waiting_calls(list(zip(endings, states, strict=True)))
    tell_results(tx, [ending.call_id for ending in endings], now, style)
    return states
