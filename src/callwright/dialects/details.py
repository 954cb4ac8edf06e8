"""What both dialects say of a call in the same words: states, events, Unix seconds.

Source: wire contract, sections 6 and 7.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from callwright.domain.call import HistoryEntry, HistoryEvent
from callwright.domain.lifecycle import CallState

STATUS_WORDS: dict[CallState, str] = {
    CallState.QUEUED: "queued",
    CallState.WAITING: "queued",
    CallState.CLAIMED: "queued",
    CallState.DIALING: "dialing",
    CallState.CONNECTED: "connected",
    CallState.COMPLETED: "completed",
    CallState.CANCELED: "canceled",
    CallState.EXHAUSTED: "failed",
    CallState.EXPIRED: "failed",
    CallState.REJECTED: "rejected",
}

EVENT_WORDS: dict[HistoryEvent, str] = {
    HistoryEvent.QUEUED: "queued",
    HistoryEvent.DIALING: "dialing",
    HistoryEvent.CONNECTED: "connected",
    HistoryEvent.DISCONNECTED: "disconnected",
    HistoryEvent.FAILED: "failed",
    HistoryEvent.CANCELED: "canceled",
    HistoryEvent.REJECTED: "rejected",
}


_CONNECTED, _DISCONNECTED = HistoryEvent.CONNECTED, HistoryEvent.DISCONNECTED


class Talk(NamedTuple):
    """When the latest conversation began and ended, as far as it has, in Unix seconds."""

    connected: int | None
    disconnected: int | None

    @property
    def seconds(self) -> int:
        """Its length as the difference of the seconds shown; 0 until it is over."""
        if self.connected is None or self.disconnected is None:
            return 0
        return self.disconnected - self.connected


def latest_talk(history: Sequence[HistoryEntry], seconds: Sequence[int]) -> Talk:
    """The conversation of the last attempt that was answered; `seconds` are the moments of
    the entries."""
    connected: int | None = None
    disconnected: int | None = None
    for entry, at in zip(history, seconds, strict=True):
        if entry.event is _CONNECTED:
            connected, disconnected = at, None
        elif entry.event is _DISCONNECTED:
            disconnected = at
    return Talk(connected, disconnected)


def unix_seconds(at: datetime) -> int:
    """Whole Unix seconds, rounded down."""
    return math.floor(at.timestamp())


def seconds_text(at: datetime | None) -> str:
    """Unix seconds as text; "" for a moment that is not known."""
    return "" if at is None else str(unix_seconds(at))
