"""A small world in an open store, for the contract tests: they see the port alone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from callwright.domain.account import Product, User
from callwright.domain.call import CallDetails, Contact, Schedule
from callwright.domain.ids import BatchId, CallId, DeploymentId, OwnerId, UserId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.domain.phone import parse_dial_string
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.ports.motion import (
    ActiveCall,
    AttemptEnd,
    CallEnd,
    Claim,
    Dialog,
    Hold,
    Intent,
    Progress,
    Retry,
)
from callwright.ports.notices import HostsWanted, OwedNotice
from callwright.ports.store import ReadTx, Store, WriteTx
from callwright.service.claim_calls import claim_due_calls
from callwright.store.sqlite import open_sqlite_store

T = TypeVar("T")

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OWNER = OwnerId("owner-1")
OTHER = OwnerId("owner-2")


def after(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def open_sqlite(folder: Path) -> Store:
    return open_sqlite_store(folder / "calls.db", server=True)


OPENERS: dict[str, Callable[[Path], Store]] = {"sqlite": open_sqlite}
"""Each opens the store that lives in a folder, or makes it."""


def schedule(
    opens: float = 0, closes: float | None = None, *, attempts: int = 3, url: str = ""
) -> Schedule:
    """A window in seconds after noon."""
    return Schedule(
        window=Window(opens_at=after(opens), closes_at=None if closes is None else after(closes)),
        start_given=False,
        retry=RetryPolicy(max_attempts=attempts, wait=timedelta(minutes=5)),
        wait_given=True,
        result_url=url,
    )


def contact(number: int = 0) -> Contact:
    return Contact(
        dial=parse_dial_string(f"617555{number:04};postd=1"),
        variables={"first_name": f"n{number}", "row": number, "vip": True, "none": None},
    )


def contacts(count: int) -> list[Contact]:
    return [contact(number) for number in range(count)]


def intent(claim: Claim, at: datetime = NOON, **changed: object) -> Intent:
    values: dict[str, object] = {
        "call_id": claim.call_id,
        "attempt": claim.attempt,
        "owner": claim.owner,
        "at": at,
        "trunk": "main",
        "number": claim.contact.dial.number.e164,
        "caller_id": "+16175550000",
        "sip_call_id": f"c{claim.call_id}-{claim.attempt}",
        "from_tag": "ft",
        "branch": "z9hG4bK1",
        "cseq": 1,
        "local_sip": "127.0.0.1:5060",
    }
    return Intent(**(values | changed))  # type: ignore[arg-type]


DIALOG = Dialog(
    to_tag="tt", remote_target="sip:callee@192.0.2.1", route_set=("<sip:a;lr>", "<sip:b>"), cseq=2
)


def end(
    outcome: Outcome = Outcome.BUSY, at: datetime = NOON, *, counts: bool = True, code: int = 486
) -> AttemptEnd:
    return AttemptEnd(at=at, outcome=outcome, counts=counts, sip_code=code, reason="why")


def claim_due_notices(tx: WriteTx, owner: OwnerId, now: datetime, limit: int) -> list[OwedNotice]:
    """Claim up to `limit` notices of any host."""
    claimed: list[OwedNotice] = []
    for host in tx.hosts_due(now, HostsWanted(), 10**6):
        claimed += tx.claim_notices(owner, host, now, limit - len(claimed))
    return claimed


def begin(tx: WriteTx, one: Intent) -> bool:
    """Write one attempt down."""
    return one.call_id in tx.begin_attempts([one])


def answer(tx: WriteTx, hold: Hold, at: datetime) -> bool:
    """Note that one call was answered."""
    return hold.call_id in tx.note_progress([Progress(hold=hold, answered_at=at, dialog=DIALOG)])


def retry(tx: WriteTx, active: ActiveCall, over: AttemptEnd, due_at: datetime) -> bool:
    """Let one call in motion wait for another attempt."""
    halted = tx.halt_calls([hold_of(active)])
    tx.retry_calls([Retry(call=call, end=over, due_at=due_at) for call in halted])
    return bool(halted)


def finish(
    tx: WriteTx, active: ActiveCall, over: AttemptEnd | None, state: CallState, at: datetime
) -> bool:
    """End one call in motion."""
    halted = tx.halt_calls([hold_of(active)])
    tx.end_calls([CallEnd(call=call, end=over, state=state, at=at) for call in halted])
    return bool(halted)


def hold_of(claim: Claim | ActiveCall) -> Hold:
    return Hold(claim.call_id, claim.attempt, claim.owner)


@dataclass
class World:
    """An open store with one user, who owns one application with one deployment."""

    store: Store
    runner: asyncio.Runner
    user: User
    deployment: DeploymentId

    def write(self, work: Callable[[WriteTx], T]) -> T:
        return self.runner.run(self.store.write(work))

    def read(self, work: Callable[[ReadTx], T]) -> T:
        return self.runner.run(self.store.read(work))

    def deploy(self, *, trunk: str = "main", product: Product = Product.FUSE) -> DeploymentId:
        """A deployment of a new program."""

        def work(tx: WriteTx) -> DeploymentId:
            return deploy(tx, self.user, trunk=trunk, product=product)

        return self.write(work)

    def queue(
        self,
        plan: Schedule | None = None,
        *,
        number: int = 0,
        deployment: DeploymentId | None = None,
        now: datetime = NOON,
    ) -> CallId:
        target = deployment or self.deployment
        return self.write(
            lambda tx: tx.add_call(target, self.user.id, plan or schedule(), contact(number), now)
        )

    def load(
        self,
        *sizes: int,
        plan: Schedule | None = None,
        deployment: DeploymentId | None = None,
        now: datetime = NOON,
    ) -> BatchId:
        """A list loaded in slices of these sizes, not live yet."""
        target = deployment or self.deployment
        batch = self.write(lambda tx: tx.open_batch(target, self.user.id, plan or schedule(), now))
        done = 0
        for size in sizes:
            part = [contact(number) for number in range(done, done + size)]
            self.write(lambda tx, part=part: tx.add_calls(batch, part))  # type: ignore[misc]
            done += size
        return batch

    def queue_list(
        self,
        *sizes: int,
        plan: Schedule | None = None,
        deployment: DeploymentId | None = None,
        now: datetime = NOON,
    ) -> BatchId:
        batch = self.load(*sizes, plan=plan, deployment=deployment, now=now)
        self.write(lambda tx: tx.go_live(batch, now))
        return batch

    def claim(
        self,
        limit: int = 100,
        *,
        now: datetime = NOON,
        owner: OwnerId = OWNER,
        trunk: str = "main",
    ) -> list[Claim]:
        return list(self.write(lambda tx: claim_due_calls(tx, owner, (trunk,), limit, now).claims))

    def next_due_at(self, trunk: str = "main") -> datetime | None:
        """When something waits that may be tried, by what the dispatcher asks."""
        return self.read(lambda tx: tx.waiting((trunk,))).next_at

    def claim_one(self, *, now: datetime = NOON, owner: OwnerId = OWNER) -> Claim:
        (claim,) = self.claim(1, now=now, owner=owner)
        return claim

    def dial(self, *, now: datetime = NOON) -> ActiveCall:
        """Claim one call and begin its attempt."""
        claim = self.claim_one(now=now)
        assert self.write(lambda tx: begin(tx, intent(claim, now)))
        return self.active(claim)

    def talk(self, *, now: datetime = NOON) -> ActiveCall:
        """Claim one call, begin its attempt, and let it be answered."""
        active = self.dial(now=now)
        assert self.write(lambda tx: answer(tx, hold_of(active), now))
        return self.active(active)

    def active(self, claim: Claim | ActiveCall) -> ActiveCall:
        found = self.write(lambda tx: tx.active_call(claim.call_id, claim.attempt, claim.owner))
        assert found is not None
        return found

    def details(self, call: CallId, now: datetime = NOON) -> CallDetails:
        found = self.read(lambda tx: tx.call_details(call, now))
        assert found is not None
        return found

    def state(self, call: CallId, now: datetime = NOON) -> CallState:
        return self.details(call, now).state

    def cancel(self, now: datetime = NOON, deployment: DeploymentId | None = None) -> None:
        target = deployment or self.deployment
        self.write(lambda tx: tx.cancel_deployment(target, now))

    def settle(self, now: datetime = NOON, limit: int = 100) -> list[tuple[CallId, CallState]]:
        """Take what has ended and end it, as the settler does."""

        def work(tx: WriteTx) -> list[tuple[CallId, CallState]]:
            ends = [(one, ENDS[one.event]) for one in tx.take_ending_calls(now, limit)]
            tx.end_waiting_calls(ends)
            return [(ending.call_id, state) for ending, state in ends]

        return self.write(work)


ENDS = {"cancel": CallState.CANCELED, "window_close": CallState.EXPIRED}


def deploy(
    tx: WriteTx, user: User, *, trunk: str = "main", product: Product = Product.FUSE
) -> DeploymentId:
    program = tx.add_program(
        product, user, "reminder", metadatabase=None, script='{"v": 1}', now=NOON
    )
    return tx.add_deployment(
        program,
        label="first",
        script='{"v": 1}',
        variables={"company": "ACME"},
        caller_id="+16175550000",
        trunk=trunk,
        expires_at=None,
        max_responses=None,
        now=NOON,
    )


def furnish(tx: WriteTx) -> tuple[User, DeploymentId]:
    """The user and the deployment that every test has."""
    account = tx.add_account("main", NOON)
    user_id = tx.add_user(account, "ann@example.org", b"hash", is_admin=False, now=NOON)
    assert user_id == UserId(1)
    user = tx.user_by_email("ann@example.org")
    assert user is not None
    return user, deploy(tx, user)
