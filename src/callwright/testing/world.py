"""A whole server without a network: real store, real loops, a scripted line, a clock by hand."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from callwright.domain.account import Deployment, Product, User
from callwright.domain.call import CallDetails, Contact, Schedule
from callwright.domain.ids import CallId
from callwright.domain.notice import Delivery
from callwright.domain.phone import parse_dial_string
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.ivr.load import load
from callwright.ivr.script import dump
from callwright.ports.line import LegOrder
from callwright.ports.meter import SILENT, Meter
from callwright.ports.store import OwedNotice, Store, WriteTx
from callwright.runtime.gate import Gate
from callwright.runtime.orders import TrunkRules
from callwright.runtime.pacing import TrunkLimits
from callwright.runtime.supervisor import Supervisor
from callwright.service.authenticate import hash_key
from callwright.service.load_list import ListLoader
from callwright.service.queue_calls import queue_call
from callwright.service.tell_result import NoticeStyle
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.scripted_line import ANSWERED, Fate, ScriptedLine

FLOW = """
callwright: 1
name: test
start: greet
steps:
  greet:
    say: Hello
    next: hangup
"""

PATIENCE_S = 10.0
"""Real seconds that threads get for what takes them milliseconds."""


class RecordingSender:
    """A `Sender` that keeps what it was given and answers as told."""

    def __init__(self) -> None:
        self.sent: list[OwedNotice] = []
        self.answers: list[Delivery] = []
        """Taken from the front, one a try; afterwards everything is a 200."""

    async def send(self, notice: OwedNotice, now: datetime) -> Delivery:
        self.sent.append(notice)
        return self.answers.pop(0) if self.answers else Delivery(status=200)

    async def close(self) -> None:
        """Nothing to release."""


@dataclass(kw_only=True)
class World:
    """What a test holds: the parts, and short words for what a test says most."""

    store: Store
    clock: ManualClock
    user: User
    deployment: Deployment
    sender: RecordingSender = field(default_factory=RecordingSender)
    lines: list[ScriptedLine] = field(default_factory=list)
    supervisor: Supervisor | None = None

    def schedule(
        self,
        *,
        opens_in_s: float = 0.0,
        closes_in_s: float | None = None,
        max_attempts: int = 1,
        wait_s: float = 60.0,
        result_url: str = "http://127.0.0.1:9/result",
    ) -> Schedule:
        now = self.clock.now()
        closes_at = None if closes_in_s is None else now + timedelta(seconds=closes_in_s)
        return Schedule(
            window=Window(opens_at=now + timedelta(seconds=opens_in_s), closes_at=closes_at),
            start_given=opens_in_s > 0,
            retry=RetryPolicy(max_attempts=max_attempts, wait=timedelta(seconds=wait_s)),
            wait_given=True,
            result_url=result_url,
        )

    async def queue(self, number: str = "6175550100", schedule: Schedule | None = None) -> CallId:
        contact, when = contact_of(number), schedule or self.schedule()
        now = self.clock.now()
        call_id = await self.store.write(
            lambda tx: queue_call(tx, self.user, self.deployment, when, contact, now)
        )
        if self.supervisor is not None:
            self.supervisor.wake()
        return call_id

    async def queue_list(self, numbers: Sequence[str], schedule: Schedule | None = None) -> int:
        async def slices() -> AsyncIterator[list[Contact]]:
            yield [contact_of(number) for number in numbers]

        queued = await ListLoader(self.store).load_contacts(
            self.user,
            self.deployment,
            schedule or self.schedule(),
            slices(),
            self.clock.now(),
        )
        if self.supervisor is not None:
            self.supervisor.wake()
        return queued.calls

    async def details(self, call_id: CallId) -> CallDetails:
        details = await self.store.read(lambda tx: tx.call_details(call_id, self.clock.now()))
        assert details is not None
        return details

    @property
    def orders(self) -> list[tuple[float, LegOrder]]:
        return [order for line in self.lines for order in line.orders]

    async def pass_until(
        self, true: Callable[[], bool], *, step_s: float = 0.25, limit_s: float = 3600.0
    ) -> None:
        """Let time pass in steps until something holds; fails after `limit_s` of it."""
        passed = 0.0
        while not true():
            await self.quiet()
            if true():
                return
            if passed >= limit_s:
                raise AssertionError(f"still not so after {limit_s} s")
            self.clock.advance(step_s)
            passed += step_s

    async def pass_time(self, seconds: float, *, step_s: float = 0.25) -> None:
        """Let time pass in steps, letting everything due at each step happen."""
        end = self.clock.monotonic() + seconds
        await self.pass_until(lambda: self.clock.monotonic() >= end, step_s=step_s)
        await self.quiet()

    async def quiet(self) -> None:
        """Until the loops wait for the clock: a few turns through both threads in a row."""
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(8):
                await self.store.write(lambda tx: None)
                await self.store.read(lambda tx: None)
                for _ in range(5):
                    await asyncio.sleep(0)


@asynccontextmanager
async def a_world(folder: Path) -> AsyncIterator[World]:
    """A world with a store of its own in `folder`, in which nothing runs yet."""
    clock = ManualClock()
    store = open_sqlite_store(folder / "calls.db", server=True)
    try:
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        yield World(store=store, clock=clock, user=user, deployment=deployment)
    finally:
        await store.close()


def contact_of(number: str) -> Contact:
    return Contact(dial=parse_dial_string(number), variables={"first_name": "Ana"})


def seed(tx: WriteTx, now: datetime) -> tuple[User, Deployment]:
    """An account with one user, one application and its deployment."""
    account = tx.add_account("test", now)
    tx.add_user(account, "you@yourdomain.com", hash_key("key"), is_admin=False, now=now)
    user = tx.user_by_email("you@yourdomain.com")
    assert user is not None
    script = dump(load(FLOW, "test flow"))
    program = tx.add_program(Product.FUSE, user, "test", metadatabase=None, script=script, now=now)
    deployment_id = tx.add_deployment(
        program,
        label="",
        script=script,
        variables={},
        caller_id="",
        trunk="",
        expires_at=None,
        max_responses=None,
        now=now,
    )
    deployment = tx.deployment(deployment_id)
    assert deployment is not None
    return user, deployment


@asynccontextmanager
async def running(
    world: World,
    fate: Callable[[LegOrder], Fate] = lambda order: ANSWERED,
    *,
    calls_per_second: float = 1000,
    max_calls: int = 1000,
    ring_timeout_s: float = 60.0,
    seed_number: int = 1,
    meter: Meter = SILENT,
    gate: Gate | None = None,
) -> AsyncIterator[Supervisor]:
    """The world's loops, running; stopped (not drained) at the end."""

    def make_line() -> ScriptedLine:
        world.lines.append(ScriptedLine(world.clock, fate))
        return world.lines[-1]

    chance = random.Random(seed_number)
    supervisor = Supervisor(
        store=world.store,
        clock=world.clock,
        make_lines=[make_line],
        sender=world.sender,
        trunks=[
            (
                TrunkLimits(name="main", calls_per_second=calls_per_second, max_calls=max_calls),
                TrunkRules(
                    name="main",
                    caller_id="",
                    ring_timeout_s=ring_timeout_s,
                    max_length_s=3600,
                ),
            )
        ],
        style=NoticeStyle(new_id=lambda: f"msg_{chance.getrandbits(64):016x}"),
        chance=chance,
        meter=meter,
        gate=gate,
    )
    world.supervisor = supervisor
    await supervisor.start()
    try:
        yield supervisor
    finally:
        world.supervisor = None
        await supervisor.stop()
