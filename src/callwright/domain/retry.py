"""What follows a failed attempt: another one later, or the end. Pure: callers pass `now`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from callwright.domain.lifecycle import CallEvent
from callwright.domain.outcome import TRAITS, Outcome
from callwright.domain.window import Window

MAX_GIVEN_BACK = 3
"""How often a call gets an attempt back that its trunk, not its callee, spoilt."""

GIVEN_BACK_WAIT = timedelta(seconds=5)
"""Pause before an attempt that was given back; the trunk's own slowing comes on top."""

QUARANTINED_BY_DEATHS = 3
"""In how many deaths of a process a call may be in motion before it waits for a person: what
was there each time may be what kills."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""When a call is due that waits for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How many attempts a call has, and the pause counted from the end of a failed one."""

    max_attempts: int = 1
    wait: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if not 1 <= self.max_attempts <= 10:
            raise ValueError(f"max_attempts must be 1 to 10, got {self.max_attempts}")
        if self.wait < timedelta(0):
            raise ValueError(f"wait must not be negative, got {self.wait}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """What a deployment says of retries beyond a request's two fields; empty = nothing.

    A request still says how many attempts a call has, and the wait where no rule names one.
    """

    waits: tuple[timedelta, ...] = ()
    """After the first failed attempt, after the second, and so on; the last holds for the rest."""
    waits_after: Mapping[Outcome, timedelta] = field(default_factory=dict)
    """After an attempt that came to just this; goes before `waits`."""
    never_after: frozenset[Outcome] = frozenset()
    """Outcomes after which no other attempt is made: an invalid number stays invalid."""

    def __post_init__(self) -> None:
        if any(wait < timedelta(0) for wait in (*self.waits, *self.waits_after.values())):
            raise ValueError("a wait must not be negative")
        for outcome in (*self.waits_after, *self.never_after):
            if not TRAITS[outcome].retryable:
                raise ValueError(f"{outcome} is never tried again")

    def wait(self, outcome: Outcome, attempts: int, otherwise: timedelta) -> timedelta:
        """The wait after an attempt that failed so and is the `attempts`-th that counts."""
        if outcome in self.waits_after:
            return self.waits_after[outcome]
        if self.waits:
            return self.waits[min(attempts, len(self.waits)) - 1]
        return otherwise


NO_RULES = RetryRules()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What `after_attempt` decided."""

    event: CallEvent
    counts: bool
    """False: the attempt is given back and does not use up `max_attempts`."""
    due_at: datetime | None = None
    """When the next attempt may start; set exactly when `event` is RETRY."""


def next_due(ended_at: datetime, wait: timedelta, closes_at: datetime | None) -> datetime | None:
    """When to try again, or None if the window shuts first.

    The wait is counted from the end of the failed attempt, not from its start.
    `closes_at` is exclusive: an attempt due exactly then is not made.

    Source: Fuse "Queue Call", fields reattempt_wait and end_timestamp.
    """
    due = ended_at + wait
    return None if closes_at is not None and due >= closes_at else due


def after_attempt(
    outcome: Outcome,
    *,
    ended_at: datetime,
    attempts: int,
    given_back: int,
    rang: bool,
    canceled: bool,
    policy: RetryPolicy,
    window: Window,
    retry_after: timedelta = timedelta(0),
    rules: RetryRules = NO_RULES,
) -> Decision:
    """What the call does now that its attempt came to `outcome` at `ended_at`.

    `attempts` includes this one; `given_back` counts those already given back; `rang` says
    that some 18x was seen; `canceled` that somebody cancelled the call meanwhile;
    `retry_after` is what the trunk asked for; `rules` are those of the call's deployment.

    A given-back attempt is tried again after `GIVEN_BACK_WAIT` even when `policy` allows
    only one attempt: the person's phone has not rung yet.
    """
    traits = TRAITS[outcome]
    if traits.reached:
        return Decision(event=CallEvent.FINISH, counts=True)
    counts = not (traits.may_be_given_back and not rang and given_back < MAX_GIVEN_BACK)
    if canceled or outcome is Outcome.CANCELED:
        return Decision(event=CallEvent.CANCEL, counts=counts)
    if outcome is Outcome.REFUSED_HERE:
        return Decision(event=CallEvent.REFUSE, counts=False)
    is_last = attempts >= policy.max_attempts or outcome in rules.never_after
    if counts and (is_last or not traits.retryable):
        return Decision(event=CallEvent.GIVE_UP, counts=True)
    if counts:
        wait = rules.wait(outcome, attempts, policy.wait)
    else:
        wait = max(GIVEN_BACK_WAIT, retry_after)
    due_at = next_due(ended_at, wait, window.closes_at)
    if due_at is None:
        return Decision(event=CallEvent.WINDOW_CLOSE, counts=counts)
    return Decision(event=CallEvent.RETRY, counts=counts, due_at=due_at)
