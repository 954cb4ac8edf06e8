"""How everything stands for a call that is asked about, and what can be said of it.

The words for what holds a call are part of the API and never change; which of them hold is
found by `domain.why`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callwright.domain.lifecycle import CallState
from callwright.domain.pace import LimitStanding, Measured, ServerStanding, TrunkStanding


class Rule(StrEnum):
    """What can hold a call."""

    OVER = "over"
    IN_MOTION = "in_motion"
    LOADING = "loading"
    DEPLOYMENT_CLOSED = "deployment_closed"
    OPTED_OUT = "opted_out"
    NOT_DIALLING = "server_not_dialling"
    SERVER_HELD = "server_held"
    TRUNK_UNKNOWN = "trunk_not_configured"
    QUARANTINED = "quarantined"
    DEPLOYMENT_PAUSED = "deployment_paused"
    BATCH_PAUSED = "batch_paused"
    NOT_OPEN = "window_not_open"
    RETRY_WAIT = "retry_wait"
    NO_LINE = "no_line"
    TRUNK_DOWN = "trunk_down"
    TRUNK_NOT_REGISTERED = "trunk_not_registered"
    TRUNK_CLOSED = "trunk_closed"
    TRUNK_TROUBLE = "trunk_in_trouble"
    TRUNK_FULL = "trunk_max_calls"
    ACCOUNT_FULL = "account_max_calls"
    DEPLOYMENT_FULL = "deployment_max_calls"
    BATCH_FULL = "batch_max_calls"
    ACCOUNT_RATE = "account_calls_per_second"
    DEPLOYMENT_RATE = "deployment_calls_per_second"
    BATCH_RATE = "batch_calls_per_second"
    TURN = "turn"
    TRUNK_RATE = "trunk_calls_per_second"
    SETTLING = "settling"
    NEXT = "next"


class When(StrEnum):
    """How well it is known when a rule lets go."""

    EXACT = "exact"
    """At that moment, unless somebody changes something meanwhile."""
    ESTIMATE = "estimate"
    PERSON = "person"
    """When somebody does what the text says."""
    NEVER = "never"
    """It will not be dialled any more."""
    NOW = "now"
    """It is being dialled, or talks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that holds a call."""

    rule: Rule
    text: str
    when: When
    next_at: datetime | None = None
    """When it lets go; set if that is exact or estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How everything stands for a call. Only the first two matter unless it waits."""

    now: datetime
    state: CallState
    due_at: datetime
    """When it may next be tried."""
    closes_at: datetime | None = None
    is_tried: bool = False
    server: ServerStanding
    trunk_name: str = ""
    trunk: TrunkStanding | None = None
    """None: no trunk of this name is configured."""
    limits: Sequence[LimitStanding] = ()
    """Of those who have any, from the account to the batch."""
    measured: Measured
    closed_because: str | None = None
    """Why the deployment takes no more calls."""
    is_opted_out: bool = False
    quarantined_at: datetime | None = None
    deployment_paused_at: datetime | None = None
    batch_paused_at: datetime | None = None
    is_settling: bool = False
    before: int = 0
    """Calls of its deployment that could go now, and go before it."""
    before_in_list: int = 0
    """Calls of its own list that go before it."""
    others: Sequence[int] = ()
    """How many calls could go now of each other deployment that waits for the trunk."""

    @property
    def is_due(self) -> bool:
        return self.due_at <= self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a call is not being dialled."""

    reasons: Sequence[Reason]
    """The first is the one that holds it for longest."""
    closes_at: datetime | None = None

    @property
    def first(self) -> Reason:
        return self.reasons[0]

    @property
    def next_at(self) -> datetime | None:
        """The next moment at which it can go."""
        return self.first.next_at

    @property
    def when(self) -> When:
        """How well `next_at` is known."""
        if self.first.when is When.EXACT and any(
            reason.when is When.ESTIMATE for reason in self.reasons
        ):
            return When.ESTIMATE
        return self.first.when

    @property
    def comes_too_late(self) -> bool:
        """By then its window has shut: it will end without being dialled before."""
        if self.next_at is None or self.closes_at is None:
            return False
        return self.next_at >= self.closes_at
