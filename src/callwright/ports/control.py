"""What the native API asks of a database besides what dialling and the dialects need.

Part of `ports.store`, whose transactions offer all of this; a file of its own because it
is a subject of its own: looking through what there is, and stopping, holding and repeating
calls. Lists are read a page at a time, newest first, by the id after which to go on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from callwright.domain.account import Product, User
from callwright.domain.answered_by import Verdict
from callwright.domain.api_key import ApiKey, ApiKeyId, Scope
from callwright.domain.audio_report import AudioReport
from callwright.domain.call import CallDetails
from callwright.domain.ids import AccountId, BatchId, CallId, DeploymentId, NoticeId, UserId
from callwright.domain.lifecycle import CallState
from callwright.domain.notice import NoticeState
from callwright.domain.outcome import Outcome
from callwright.domain.visit import Keyed as Keyed


class CalledOff(StrEnum):
    """Why a call in motion must not be dialled any more."""

    CANCELED = "canceled"
    OPTED_OUT = "opted out"


class BatchState(StrEnum):
    LOADING = "loading"
    """Its calls are being stored; none of them is seen or dialled."""
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Whose things to look through: a user's, or (`user_id` None) all of an account."""

    account_id: AccountId
    user_id: UserId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A list of calls, or the batch of its own that a single call is."""

    id: BatchId
    deployment_id: DeploymentId
    product: Product
    account_id: AccountId
    user_id: UserId
    state: BatchState
    is_list: bool
    queued_at: datetime
    """When it went live; while it is loading, when that began."""
    calls: int
    """Stored so far."""
    paused_at: datetime | None
    """Since when it, or its whole deployment, is held back."""
    canceled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsSought:
    """Which calls to look for; None and "" = any."""

    whose: Whose
    batch_id: BatchId | None = None
    deployment_id: DeploymentId | None = None
    state: CallState | None = None
    number_ends: str = ""
    is_quarantined: bool | None = None
    queued_from: datetime | None = None
    queued_before: datetime | None = None
    """Not included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsFound:
    """Some of the calls sought. Looking stops after a while, whatever was found."""

    calls: Sequence[CallDetails]
    looked_to: CallId | None
    """The call after which to go on looking; None = there is nothing more to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    """All that is kept of an attempt."""

    number: int
    counts: bool
    trunk: str
    dialed: str
    caller_id: str
    started_at: datetime
    rang_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    sip_code: int
    reason: str
    sip_call_id: str
    from_tag: str
    to_tag: str
    branch: str
    local_address: str
    remote_address: str
    identified: Verdict | None
    """Who took the call; None = its script did not ask, or it was over before."""
    audio: AudioReport | None
    """None: there was none, or it was lost with its line."""
    keyed: Sequence[Keyed]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What a call's own page tells beside its details."""

    attempts: Sequence[AttemptFacts]
    next_attempt_at: datetime | None
    """When it may next be tried; None unless it waits, and while it is quarantined."""
    paused_at: datetime | None
    quarantined_at: datetime | None
    """Since when only a person lets it go on; as the next, of use while it waits."""
    deaths: int
    """In how many deaths of a process it was in motion."""
    notice_id: NoticeId | None
    retry_of: CallId | None
    retried_by: Sequence[CallId]
    rejected_because: str
    """Why it was not to be dialled; "" = it was, or another's word ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTry:
    number: int
    at: datetime
    status: int | None
    problem: str
    took_ms: int
    address: str
    """Where it went; empty = no connection was begun."""
    request_head: bytes = field(default=b"", repr=False)
    """What was sent before the notice's body."""
    answer: bytes = field(default=b"", repr=False)
    """The first bytes of what came back."""
    answer_size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotice:
    """A notice and how its delivery stands."""

    id: NoticeId
    call_id: CallId
    account_id: AccountId
    user_id: UserId
    url: str
    webhook_id: str
    content_type: str
    body: bytes
    state: NoticeState
    due_at: datetime | None
    tries: int
    is_being_sent: bool
    over_at: datetime | None
    """When it was delivered or given up."""
    host: str
    host_rests_until: datetime | None
    """Until when nothing is sent to its host, because it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadPlace:
    """A place among the notices that were given up, in the order in which they were."""

    over_at: datetime
    id: NoticeId


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadReplayed:
    """What became of a slice of them."""

    count: int
    """How many are due again."""
    looked_to: DeadPlace | None
    """After which to go on; None = there are no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesFound:
    """Some of the notices sought; as `CallsFound`."""

    notices: Sequence[StoredNotice]
    looked_to: NoticeId | None


class ControlQuestions(Protocol):
    """Looking through what there is."""

    def called_off(self, call_ids: Collection[CallId]) -> Mapping[CallId, CalledOff]:
        """Those of these calls that are in motion and were cancelled, or whose number is on
        the account's opt-out list; who opted out and was cancelled has opted out."""
        ...

    def batch(self, batch_id: BatchId) -> Batch | None:
        """Not those that were dropped."""
        ...

    def batches(
        self,
        whose: Whose,
        *,
        deployment_id: DeploymentId | None,
        state: BatchState | None,
        below: BatchId | None,
        limit: int,
    ) -> Sequence[Batch]:
        """Lists, not single calls, with ids below `below`, the highest first."""
        ...

    def batch_counts(self, batch_id: BatchId, now: datetime) -> Mapping[CallState, int]:
        """How many calls of a live batch are in each state; states without any are left out."""
        ...

    def find_calls(
        self, sought: CallsSought, *, below: CallId | None, limit: int, now: datetime
    ) -> CallsFound:
        """Up to `limit` calls with ids below `below`, the highest first."""
        ...

    def next_calls(
        self, sought: CallsSought, *, above: CallId | None, look: int, now: datetime
    ) -> CallsFound:
        """The calls that fit among the next `look` ids above `above`, the lowest first."""
        ...

    def call_facts(self, call_id: CallId) -> CallFacts: ...

    def calls_retried(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        """Those of the calls that another call, of a live batch or a loading one, tries again."""
        ...

    def paused_batches(self, batch_ids: Sequence[BatchId]) -> frozenset[BatchId]:
        """Those of the batches that are held back, by themselves or with their deployment."""
        ...

    def quarantined_calls(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        """Those of the calls that wait for a person."""
        ...

    def deployment_paused_at(self, deployment_id: DeploymentId) -> datetime | None: ...

    def notice(self, notice_id: NoticeId) -> StoredNotice | None: ...

    def notices(
        self,
        whose: Whose,
        *,
        state: NoticeState | None,
        below: NoticeId | None,
        limit: int,
    ) -> NoticesFound:
        """Up to `limit` notices with ids below `below`, the highest first."""
        ...

    def notice_of_call(self, call_id: CallId) -> StoredNotice | None: ...

    def notice_tries(self, notice_id: NoticeId) -> Sequence[NoticeTry]: ...

    def user(self, user_id: UserId) -> User | None: ...

    def api_keys(self, user_id: UserId) -> Sequence[ApiKey]:
        """In the order they were made, revoked ones too."""
        ...

    def api_key(self, key_id: ApiKeyId) -> ApiKey | None: ...

    def api_key_by_hash(self, key_hash: bytes) -> ApiKey | None: ...


class ControlChanges(Protocol):
    """Stopping, holding, repeating, and keys."""

    def cancel_call(self, call_id: CallId, now: datetime) -> None:
        """Cancel one call that is not over: it ends where it waits, or gets no further attempt."""
        ...

    def cancel_batch(self, batch_id: BatchId, now: datetime) -> None:
        """Cancel every call of a live batch. One small row, however many."""
        ...

    def pause_deployment(self, deployment_id: DeploymentId, by: UserId, now: datetime) -> None:
        """Let no call of the deployment be claimed, nor any that is queued later."""
        ...

    def resume_deployment(self, deployment_id: DeploymentId) -> None: ...

    def pause_batch(self, batch_id: BatchId, by: UserId, now: datetime) -> None:
        """Let no call of a live batch be claimed. One small row, however many."""
        ...

    def resume_batch(self, batch_id: BatchId) -> None: ...

    def settle_pauses(self) -> bool:
        """Do a slice of what pausing and resuming left to do; False: there is more."""
        ...

    def note_retry(self, call_id: CallId, original: CallId) -> None:
        """Note that a call was queued to try `original` again."""
        ...

    def add_retries(self, batch_id: BatchId, originals: Sequence[CallId]) -> None:
        """The next slice of a batch that is being loaded: a call for each of `originals`, which
        must ascend, to the same number with the same variables, and a note that it tries it."""
        ...

    def replay_notice(self, notice_id: NoticeId, now: datetime) -> bool:
        """Make a notice due at once, whatever became of it; False: it is being sent."""
        ...

    def replay_dead_notices(
        self, whose: Whose, *, after: DeadPlace, before: datetime, limit: int, now: datetime
    ) -> DeadReplayed:
        """Make due at once what was given up before then, among the next `limit` notices after
        `after`; but not what its receiver does not want any more (410)."""
        ...

    def add_api_key(
        self,
        user_id: UserId,
        name: str,
        key_hash: bytes,
        scopes: frozenset[Scope],
        *,
        expires_at: datetime | None,
        now: datetime,
    ) -> ApiKeyId: ...

    def revoke_api_key(self, key_id: ApiKeyId, now: datetime) -> None: ...
