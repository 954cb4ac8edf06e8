"""What the service and the loops may ask of a database, in transactions.

A use case is a plain function of a `WriteTx` (or `ReadTx`) and values. `Store.write` runs
it in one durable transaction: when the awaitable resolves, what it did is on disk. Many
waiting transactions may share one commit; each is still all or nothing by itself.

The shape behind it: calls are written once and never changed. What is in motion stands
in small tables: `due` (single calls and retries), a cursor in each segment of an imported
list, and `active` (claimed, dialling, talking). Ends, attempts and answers are rows that
are added. A call's state is derived from where it stands.

Every guarded operation names the claim it expects and returns False (or None) when
somebody else got there; the caller then does nothing more.

Both databases run the same contract suite (tests/contract/test_store_*.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Protocol, TypeVar

from callwright.domain.account import Deployment, Product, Program, Right, User
from callwright.domain.call import CallDetails, Contact, Schedule
from callwright.domain.ids import (
    AccountId,
    BatchId,
    CallId,
    DeploymentId,
    MetadatabaseId,
    ProgramId,
    UserId,
)
from callwright.domain.retry import NO_RULES, RetryRules
from callwright.ports.control import ControlChanges, ControlQuestions
from callwright.ports.metadatabases import MetadatabaseChanges, MetadatabaseQuestions
from callwright.ports.motion import ActiveCall as ActiveCall
from callwright.ports.motion import AttemptEnd as AttemptEnd
from callwright.ports.motion import Claim as Claim
from callwright.ports.motion import Dialog as Dialog
from callwright.ports.motion import EndingCall as EndingCall
from callwright.ports.motion import Intent as Intent
from callwright.ports.motion import MotionChanges
from callwright.ports.notices import NewNotice as NewNotice
from callwright.ports.notices import NoticeChanges, NoticeQuestions
from callwright.ports.notices import OwedNotice as OwedNotice
from callwright.ports.notices import TriedNotice as TriedNotice
from callwright.ports.places import PlaceQuestions
from callwright.ports.queues import QueueChanges, QueueQuestions
from callwright.ports.repeats import RepeatChanges, RepeatQuestions
from callwright.ports.start import StartChanges, StartQuestions
from callwright.ports.suppression import SuppressionChanges, SuppressionQuestions
from callwright.ports.visits import VisitChanges, VisitQuestions

T = TypeVar("T")


class Lane(IntEnum):
    """Which waiting transaction is committed first."""

    LIFE = 0
    """Claims, attempts, results, notices: somebody's phone is involved."""
    INTAKE = 1
    """A request that waits for its answer."""
    IMPORT = 2
    """One slice of a list; at most one of these goes into a commit.

    The exception to "on disk when it resolves": a slice is seen by every transaction after
    it, but is on disk no later than the next transaction of another lane. Nobody was
    promised anything about a list before it goes live.
    """


VALUES_A_CALL = 5
"""Texts that `add_rows` takes for each call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedList:
    """How a list was written of which some rows were refused."""

    header: str
    """The header row as it was sent, without its line end."""
    delimiter: str
    rows: int
    """How many were refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row of a list that was refused while others were queued."""

    line: int
    """Of the file, from 1: where the row starts."""
    problem: str
    text: str
    """The row as it was sent, without its line end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """How much is in each part of the queue: for readiness, metrics and `doctor`."""

    waiting: int
    active: int
    quarantined: int
    """Of those that wait: for a person."""
    notices_pending: int
    notices_dead: int


class ReadTx(
    ControlQuestions,
    QueueQuestions,
    PlaceQuestions,
    SuppressionQuestions,
    RepeatQuestions,
    VisitQuestions,
    MetadatabaseQuestions,
    NoticeQuestions,
    StartQuestions,
    Protocol,
):
    """Questions. Each is answered from one consistent snapshot."""

    def user_by_email(self, email: str) -> User | None:
        """E-mail addresses are compared without case."""
        ...

    def users(self) -> Sequence[User]: ...

    def program(self, program_id: ProgramId, product: Product) -> Program | None: ...

    def programs(self, product: Product) -> Sequence[Program]: ...

    def deployment(self, deployment_id: DeploymentId) -> Deployment | None: ...

    def deployments(self, program_id: ProgramId) -> Sequence[Deployment]: ...

    def call_details(self, call_id: CallId, now: datetime) -> CallDetails | None:
        """`now` decides whether a window that nobody has looked at since is over."""
        ...

    def batch_calls(self, batch_id: BatchId, now: datetime, limit: int) -> Sequence[CallDetails]:
        """The first `limit` calls of a batch, in the order of the list."""
        ...

    def rejected_list(self, batch_id: BatchId) -> RejectedList | None:
        """None: no row of the batch was refused, or nobody sees the batch yet."""
        ...

    def rejected_rows(
        self, batch_id: BatchId, after_line: int, limit: int
    ) -> Sequence[RejectedRow]:
        """Up to `limit` refused rows of a live batch below line `after_line`, in order."""
        ...

    def queue_counts(self) -> QueueCounts: ...

    def next_closing_at(self) -> datetime | None:
        """The earliest moment at which a waiting call's window shuts, or now if some call
        waits to be settled after a cancellation (then the cancellation's own time)."""
        ...


class WriteTx(
    ReadTx,
    ControlChanges,
    MotionChanges,
    QueueChanges,
    SuppressionChanges,
    RepeatChanges,
    VisitChanges,
    MetadatabaseChanges,
    NoticeChanges,
    StartChanges,
    Protocol,
):
    """Changes, each inside the caller's one transaction."""

    # Accounts and what they deploy

    def add_account(self, name: str, now: datetime) -> AccountId: ...

    def account_by_name(self, name: str) -> AccountId | None: ...

    def add_user(
        self, account_id: AccountId, email: str, key_hash: bytes, *, is_admin: bool, now: datetime
    ) -> UserId | None:
        """None: the e-mail address is taken."""
        ...

    def set_user_key(self, user_id: UserId, key_hash: bytes) -> None: ...

    def set_user_active(self, user_id: UserId, *, active: bool) -> None: ...

    def delete_user(self, user_id: UserId, now: datetime) -> None:
        """Soft: the dialects answer their key with 409 from now on, and nothing else takes it."""
        ...

    def grant(self, user_id: UserId, right: Right) -> None: ...

    def set_pci_granted(self, account_id: AccountId, *, granted: bool) -> None: ...

    def add_program(
        self,
        product: Product,
        owner: User,
        name: str,
        *,
        metadatabase: MetadatabaseId | None,
        script: str,
        now: datetime,
    ) -> ProgramId:
        """`script` is the compiled script that the next deployment will take."""
        ...

    def program_script(self, program_id: ProgramId) -> str: ...

    def set_program_script(self, program_id: ProgramId, script: str) -> None: ...

    def delete_program(self, program_id: ProgramId, now: datetime) -> None:
        """Soft: the program and its deployments answer 409 from now on."""
        ...

    def delete_deployment(self, deployment_id: DeploymentId, now: datetime) -> None:
        """Soft: it answers 409 from now on, and no other takes its place."""
        ...

    def add_deployment(
        self,
        program_id: ProgramId,
        *,
        label: str,
        script: str,
        variables: Mapping[str, str],
        caller_id: str,
        trunk: str,
        expires_at: datetime | None,
        max_responses: int | None,
        now: datetime,
        retry: RetryRules = NO_RULES,
    ) -> DeploymentId:
        """Earlier deployments of the program stop being the current one."""
        ...

    # Intake

    def add_call(
        self,
        deployment_id: DeploymentId,
        user_id: UserId,
        schedule: Schedule,
        contact: Contact,
        now: datetime,
    ) -> CallId:
        """One call, a batch of its own, due when its window opens."""
        ...

    def open_batch(
        self, deployment_id: DeploymentId, user_id: UserId, schedule: Schedule, now: datetime
    ) -> BatchId:
        """A list that nobody sees yet. Those that never went live are purged at start."""
        ...

    def add_calls(self, batch_id: BatchId, contacts: Sequence[Contact]) -> None:
        """The next slice of a batch that is being loaded, in the order of the list."""
        ...

    def add_rows(self, batch_id: BatchId, values: Sequence[str]) -> None:
        """The same for calls that are ready to be written, without an object for each.

        `values` holds `VALUES_A_CALL` texts a call, one call after another: the number as
        sent, in E.164, the ani, the postd, and the variables as a JSON object.
        """
        ...

    def add_rejected_rows(
        self, batch_id: BatchId, header: str, delimiter: str, rows: Sequence[RejectedRow]
    ) -> None:
        """Keep refused rows of a batch that is being loaded; below all that were kept before."""
        ...

    def go_live(self, batch_id: BatchId, now: datetime) -> int:
        """Make the whole batch visible and due at once; the number of its calls."""
        ...

    def drop_batch(self, batch_id: BatchId) -> None:
        """Forget a batch that never went live."""
        ...

    def drop_unfinished_batches(self) -> int:
        """Forget every batch that never went live; how many there were."""
        ...

    def cancel_deployment(self, deployment_id: DeploymentId, now: datetime) -> None:
        """Cancel every call of the deployment that is live now. One small row, however many."""
        ...


class Store(Protocol):
    """A database that is open."""

    async def write(self, work: Callable[[WriteTx], T], *, lane: Lane = Lane.LIFE) -> T:
        """What `work` returns, once it is on disk.

        `work` runs outside the event loop, once, inside one transaction; an exception it
        raises undoes its changes (and nobody else's) and comes out here.

        Raises:
            StoreUnavailable: the database failed; the change may or may not be on disk.
        """
        ...

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        """What `work` returns from one consistent snapshot of what is committed."""
        ...

    async def close(self) -> None:
        """Finish what waits, then release the file or the connections."""
        ...
