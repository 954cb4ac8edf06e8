"""The life of a call from claim to end, as the loops ask it of a database.

Part of `ports.store`, whose transactions offer all of this. The loops hear of many calls at
once and say it at once: what takes a sequence costs little more for a hundred calls than for
one, and does for each what it would do for it alone.
"""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from callwright.domain.answered_by import Verdict
from callwright.domain.audio_report import AudioReport
from callwright.domain.call import CallDetails, Contact, Schedule
from callwright.domain.ids import BatchId, CallId, DeploymentId, OwnerId
from callwright.domain.lifecycle import CallEvent, CallState
from callwright.domain.outcome import Outcome
from callwright.ports.control import Keyed


class Hold(NamedTuple):
    """Which call somebody works on, in which attempt: what guarded changes expect."""

    call_id: CallId
    attempt: int
    owner: OwnerId


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One call taken for dialling, with all that dialling needs."""

    call_id: CallId
    attempt: int
    """The number the next attempt will have (1 for the first)."""
    counted: int
    """Attempts made so far that count."""
    given_back: int
    owner: OwnerId
    deployment_id: DeploymentId
    batch_id: BatchId
    contact: Contact
    schedule: Schedule
    due_at: datetime


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down before the first INVITE byte leaves."""

    call_id: CallId
    attempt: int
    owner: OwnerId
    at: datetime
    trunk: str
    number: str
    caller_id: str
    sip_call_id: str
    from_tag: str
    branch: str
    cseq: int
    local_sip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """What a BYE would need: stored when the callee answers."""

    to_tag: str
    remote_target: str
    route_set: tuple[str, ...]
    cseq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveCall:
    """A call in motion, as `active` and its attempt row hold it."""

    call_id: CallId
    attempt: int
    owner: OwnerId
    state: CallState
    """CLAIMED, DIALING or CONNECTED."""
    deployment_id: DeploymentId
    trunk: str
    claimed_at: datetime
    counted: int
    """Attempts that count, this one included once it is DIALING."""
    given_back: int
    schedule: Schedule
    canceled: bool
    """A cancellation was asked for after it was queued."""
    intent: Intent | None
    """None while CLAIMED."""
    remote_address: str
    early_tag: str
    """The callee's, in its first ringing; "" = none was heard."""
    dialog: Dialog | None
    rang: bool

    @property
    def hold(self) -> Hold:
        return Hold(self.call_id, self.attempt, self.owner)


class AttemptEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt ended, for its row."""

    at: datetime
    outcome: Outcome
    counts: bool
    sip_code: int = 0
    reason: str = ""
    audio: AudioReport | None = None
    """None: there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingCall:
    """A waiting call that a cancellation or its window ends; already out of the queue."""

    call_id: CallId
    event: CallEvent
    """CANCEL or WINDOW_CLOSE."""
    from_state: CallState
    """QUEUED or WAITING."""
    at: datetime
    """The moment of the cancellation, or of the window's closing."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """What was heard of an attempt that runs; None = nothing of that kind."""

    hold: Hold
    remote_address: str | None = None
    rang_at: datetime | None = None
    early_tag: str | None = None
    answered_at: datetime | None = None
    dialog: Dialog | None = None
    """Set exactly when `answered_at` is."""
    keyed: list[Keyed] = field(default_factory=list)
    identified: Verdict | None = None


class HaltedCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call that was just taken out of motion; it has to be put back or ended."""

    hold: Hold
    state: CallState
    """CLAIMED, DIALING or CONNECTED: what it was in."""
    deployment_id: DeploymentId
    counted: int
    """As in `ActiveCall`."""
    given_back: int
    schedule: Schedule
    canceled: bool
    rang: bool


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """A call that waits for its next attempt."""

    call: HaltedCall
    end: AttemptEnd
    due_at: datetime


class CallEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is over."""

    call: HaltedCall
    end: AttemptEnd | None
    """None when it was only claimed, never dialled."""
    state: CallState
    at: datetime
    reason: str = ""
    """Why it must not be dialled, if that is how it ends."""


class MotionChanges(Protocol):
    """Claiming calls, dialling them, and what becomes of them."""

    # Owners

    def add_owner(self, owner: OwnerId, now: datetime) -> None: ...

    def heartbeat(self, owner: OwnerId, now: datetime) -> bool:
        """False: the owner was given up for dead and must stop dialling."""
        ...

    def remove_owner(self, owner: OwnerId) -> None: ...

    def dead_calls(self, alive_since: datetime) -> Sequence[ActiveCall]:
        """Calls in motion whose owner has no heartbeat since then (or no row at all)."""
        ...

    def active_calls(self, owner: OwnerId) -> Sequence[ActiveCall]: ...

    def holds(self, owner: OwnerId) -> Sequence[Hold]:
        """The claims of the same calls, without looking at what is known of each."""
        ...

    # Into motion

    def release_claim(self, claim: Claim | ActiveCall, due_at: datetime) -> bool:
        """Give a claim up before anything was sent; the call is due again at `due_at`."""
        ...

    def begin_attempts(self, intents: Sequence[Intent]) -> Set[CallId]:
        """Write attempts down, each under its claim; the calls for which that was done. Only
        for these, and once committed, may an INVITE leave."""
        ...

    # In motion

    def active_call(self, call_id: CallId, attempt: int, owner: OwnerId) -> ActiveCall | None:
        """The call in motion under just this claim, or None."""
        ...

    def note_progress(self, reports: Sequence[Progress]) -> Set[CallId]:
        """Keep what was heard; of several rings the first counts, of several answers to one
        question the last. The calls that are talking now because of it: one that was not
        dialling under just this claim is not. Saying the same again changes nothing."""
        ...

    # Out of motion

    def halt_calls(self, holds: Collection[Hold]) -> Sequence[HaltedCall]:
        """Take calls out of motion, each if it is there under just this claim. The caller
        must put back or end each of those that were in this same transaction."""
        ...

    def retry_calls(self, retries: Sequence[Retry]) -> None:
        """Put halted calls back to wait for another attempt.

        Raises:
            IllegalTransition: a call was in no state from which that may happen.
        """
        ...

    def end_calls(self, ends: Sequence[CallEnd]) -> None:
        """End halted calls.

        Raises:
            IllegalTransition: a call was in no state from which that end may come.
        """
        ...

    def count_response(self, deployment_id: DeploymentId, count: int = 1) -> None:
        """Visits that ran to their end."""
        ...

    # Deaths

    def note_death(self, hold: Hold, at: datetime) -> int:
        """Note that a call was in motion under this claim when its process died; in how many
        deaths it was by now. Saying the same again changes nothing."""
        ...

    def quarantine(self, call_id: CallId, now: datetime) -> bool:
        """Let a waiting call wait for a person: it is not claimed until it is released.
        False: it does not wait."""
        ...

    def release_quarantined(self, call_id: CallId, now: datetime) -> bool:
        """Let such a call be claimed again, and forget its deaths; False: it is none, or does
        not wait any more."""
        ...

    # Out of the queue

    def take_ending_calls(self, now: datetime, limit: int) -> Sequence[EndingCall]:
        """Remove from the queue up to `limit` waiting calls that a cancellation or their
        window has ended. The caller must end each in this same transaction."""
        ...

    def end_waiting_calls(self, ends: Sequence[tuple[EndingCall, CallState]]) -> None:
        """End such calls.

        Raises:
            IllegalTransition: a state is not the one that its event leads to.
        """
        ...

    def calls_to_tell(self, call_ids: Sequence[CallId]) -> Sequence[CallDetails]:
        """The details of those of these ended calls that have a `result_url`."""
        ...
