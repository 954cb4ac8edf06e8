"""The message owed to a `result_url`: when each try is due, and when to stop.

Pure: callers pass `now`, what the receiver said, and a random number.

Source: Standard Webhooks 1.0.0, "Deliverability and reliability"; wire contract, section 8.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RETRY_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Pauses between tries: ten tries in all, the first at once."""

JITTER = 0.1
MAX_RETRY_AFTER = timedelta(hours=24)


class NoticeState(StrEnum):
    """Where a notice stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Every try used, or the receiver answered 410."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one try came to."""

    status: int | None
    """HTTP status, or None when no answer came."""
    problem: str = ""
    """One of a fixed list (`timeout`, `refused`, `blocked address`, ...), never the peer's text."""
    retry_after: timedelta | None = None
    took_ms: int = 0

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeStep:
    """What becomes of a notice after a try."""

    state: NoticeState
    due_at: datetime | None = None


def after_delivery(delivery: Delivery, *, tries: int, now: datetime, jitter: float) -> NoticeStep:
    """What the notice does after its `tries`-th try (counting this one) ended `now`.

    `jitter` is a random number in [-1, 1] that moves the pause by up to 10 %.
    A `Retry-After` lengthens the pause, never shortens it, and is honoured up to a day.
    """
    if delivery.ok:
        return NoticeStep(state=NoticeState.DELIVERED)
    if delivery.status == 410 or tries > len(RETRY_WAITS):
        return NoticeStep(state=NoticeState.DEAD)
    wait = RETRY_WAITS[tries - 1] * (1 + JITTER * jitter)
    if delivery.retry_after is not None:
        wait = max(wait, min(delivery.retry_after, MAX_RETRY_AFTER))
    return NoticeStep(state=NoticeState.PENDING, due_at=now + wait)
