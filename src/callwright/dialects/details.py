"""What both dialects say of a call in the same words: states, events, Unix seconds.

Source: wire contract, sections 6 and 7.
"""

import math
from datetime import datetime
from typing import NamedTuple

from callwright.domain.call import CallDetails, HistoryEvent
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


class Talk(NamedTuple):
    """When the latest conversation began and ended, as far as it has."""

    connected_at: datetime | None
    disconnected_at: datetime | None

    @property
    def seconds(self) -> int:
        """Its length as the difference of the seconds shown; 0 until it is over."""
        if self.connected_at is None or self.disconnected_at is None:
            return 0
        return unix_seconds(self.disconnected_at) - unix_seconds(self.connected_at)


def latest_talk(details: CallDetails) -> Talk:
    """The conversation of the last attempt that was answered."""
    connected: datetime | None = None
    disconnected: datetime | None = None
    for entry in details.history:
        if entry.event is HistoryEvent.CONNECTED:
            connected, disconnected = entry.at, None
        elif entry.event is HistoryEvent.DISCONNECTED:
            disconnected = entry.at
    return Talk(connected, disconnected)


def unix_seconds(at: datetime) -> int:
    """Whole Unix seconds, rounded down."""
    return math.floor(at.timestamp())


def seconds_text(at: datetime | None) -> str:
    """Unix seconds as text; "" for a moment that is not known."""
    return "" if at is None else str(unix_seconds(at))
