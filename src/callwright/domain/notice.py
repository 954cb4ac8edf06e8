"""The message owed to a `result_url`: when each try is due, and when to stop.

Pure: callers pass `now`, what the receiver said, and a random number.

Source: Standard Webhooks 1.0.0, "Deliverability and reliability"; wire contract, section 8.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from callwright.domain.ids import AccountId

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
LASTS = sum(RETRY_WAITS, timedelta()) * (1 + JITTER) + timedelta(hours=1)
"""Longer than ten tries take, unless the receiver asks for longer pauses. What waits so long
for a host that fails all that time is given up, so that nothing waits for ever."""

KEPT = timedelta(days=30)
"""How long a notice is kept, with the log of its tries, once it was delivered or given up."""

MAX_RETRY_AFTER = timedelta(hours=24)


_PORTS = {"http": 80, "https": 443}


class NoticeState(StrEnum):
    """Where a notice stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Every try used, or the receiver answered 410."""


class Problem(StrEnum):
    """Why a try came to nothing: every word there is, besides `http <status>`.

    Only these words decide and are logged. What the receiver said is shown to nobody but
    the call's owner.
    """

    BAD_URL = "bad url"
    BLOCKED_ADDRESS = "blocked address"
    """Some address of the name is private or special, and not in `callbacks.allow`."""
    NAME_NOT_FOUND = "name not found"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls failed"
    CONNECTION_LOST = "connection lost"
    BAD_ANSWER = "bad answer"
    """What came back is no HTTP answer, or stopped in the middle of one."""
    TIMEOUT = "timeout"
    HOST_DOWN = "host down"
    """Not tried: its host failed for as long as all the tries would have taken."""
    INTERNAL = "internal error"


def http_problem(status: int) -> str:
    """The word for an answer that is not 2xx."""
    return f"http {status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one try came to."""

    status: int | None
    """HTTP status, or None when no answer came."""
    problem: str = ""
    """A `Problem`, or `http <status>`; never the peer's text. Empty when it was delivered."""
    retry_after: timedelta | None = None
    took_ms: int = 0
    address: str = ""
    """Where the connection went; empty if none was begun."""
    request_head: bytes = field(default=b"", repr=False)
    """What was sent, up to the body, which is the notice's own."""
    answer: bytes = field(default=b"", repr=False)
    """The first bytes of what came back, its head included."""
    answer_size: int = 0
    """How many bytes came back."""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@lru_cache(maxsize=1024)  # The calls of a list share their address.
def host_of(url: str) -> str:
    """The host that a notice to `url` goes to: `name:port`, in small letters.

    Never raises: what is no URL goes to nobody, "".
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        name = (parts.hostname or "").rstrip(".")
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    except (ValueError, KeyError):
        return ""


def receiver_of(url: str, account_id: AccountId | None) -> str:
    """Whom a notice of an account to `url` is for: `name:port#account`.

    What shares it shares its slots and its rest; see `domain.receiver`. Accounts do not share
    them: behind one name (a platform that receives for many) one's may be broken while
    another's is not. None: as such a notice was written before accounts were told apart.
    """
    host = host_of(url)
    return host if account_id is None else f"{host}#{account_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeStep:
    """What becomes of a notice after a try."""

    state: NoticeState
    due_at: datetime | None = None
    extended_by: timedelta = timedelta()
    """How much longer the pause is than it would have been by itself."""


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
    extended_by = timedelta()
    if delivery.retry_after is not None:
        extended_by = max(extended_by, min(delivery.retry_after, MAX_RETRY_AFTER) - wait)
    return NoticeStep(
        state=NoticeState.PENDING, due_at=now + wait + extended_by, extended_by=extended_by
    )
