"""Every rule that holds a call, met by a real dispatcher: a scene for each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from callwright.domain.ids import BatchId, CallId, DeploymentId
from callwright.domain.limits import Limited, LimitKind, Limits
from callwright.domain.outcome import Outcome
from callwright.domain.situation import Explanation, Rule
from callwright.domain.why import RULES, explain
from callwright.ports.line import RegistrationStands, ServerStands, TrunkStands
from callwright.ports.store import WriteTx
from callwright.runtime.gate import Gate
from callwright.service import why_waiting
from callwright.service.pause_calls import settle_pauses
from callwright.service.queue_calls import queue_call
from callwright.service.why_waiting import why_call
from callwright.store.sqlite.stops import PUT_ASIDE
from callwright.testing.scripted_line import ANSWERED, BUSY, Fate
from callwright.testing.world import World, a_world, contact_of, running

LONG = Fate(outcome=Outcome.ANSWERED, sip_code=200, talks_s=600.0)
AWAY = Fate(outcome=Outcome.TRUNK_TROUBLE, sip_code=503, rings_s=0.1, rang=False)
LEAVE_ME = replace(AWAY, retry_after_s=20.0)


@dataclass(kw_only=True)
class Scene:
    """A world, what its callees do, and what its trunk may."""

    world: World
    fate: Fate = ANSWERED
    rate: float = 100.0
    most: int = 100
    gate: Gate | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with running(
            self.world,
            lambda order: self.fate,
            calls_per_second=self.rate,
            max_calls=self.most,
            gate=self.gate,
        ):
            yield

    async def change(self, work: Callable[[WriteTx], object], *, wake: bool = True) -> None:
        await self.world.store.write(work)
        if wake and self.world.supervisor is not None:
            self.world.supervisor.wake()
        await self.world.quiet()

    async def queue(self, number: str = "6175550100", **schedule: float) -> CallId:
        made = self.world.schedule(**schedule)  # type: ignore[arg-type]
        call = await self.world.queue(number, made)
        await self.world.quiet()
        return call

    async def why(self, call: CallId) -> Explanation:
        world = self.world
        assert world.supervisor is not None
        picture, now = world.supervisor.pacing.picture(), world.clock.now()
        found = await world.store.read(lambda tx: why_call(tx, world.user, call, picture, now))
        return found.why

    async def batch_of(self, call: CallId) -> BatchId:
        return (await self.world.details(call)).batch_id

    def recovers(self) -> bool:
        assert self.world.supervisor is not None
        return self.world.supervisor.pacing.picture().trunks["main"].share < 1

    def times(self, number: str) -> int:
        """How often a number that ends so was dialled."""
        return sum(order.number.endswith(number) for _, order in self.world.orders)

    def dialled(self, number: str) -> bool:
        return self.times(number) > 0


Met = Callable[[Scene], Awaitable[CallId]]
"""Brings about that a rule holds a call to 617 555 0100, while the loops run."""


async def over(scene: Scene) -> CallId:
    call = await scene.queue("6175550111")
    await scene.world.pass_time(10)
    return call


async def in_motion(scene: Scene) -> CallId:
    scene.fate = LONG
    return await scene.queue("6175550111")


async def closed(scene: Scene) -> CallId:
    call = await scene.queue(opens_in_s=60)
    program = scene.world.deployment.program.id
    await scene.change(lambda tx: tx.delete_program(program, scene.world.clock.now()))
    return call


async def opted_out(scene: Scene) -> CallId:
    call = await scene.queue(opens_in_s=60)
    details = await scene.world.details(call)
    number, account = details.contact.dial.number, details.account_id
    await scene.change(lambda tx: tx.suppress(account, number, None, scene.world.clock.now()))
    return call


async def not_dialling(scene: Scene) -> CallId:
    assert scene.world.supervisor is not None
    await scene.world.supervisor.drain(0)
    return await scene.queue()


async def trunk_unknown(scene: Scene) -> CallId:
    world = scene.world

    def deploy(tx: WriteTx) -> DeploymentId:
        return tx.add_deployment(
            world.deployment.program.id,
            label="",
            script=world.deployment.script,
            variables={},
            caller_id="",
            trunk="elsewhere",
            expires_at=None,
            max_responses=None,
            now=world.clock.now(),
        )

    number = await world.store.write(deploy)
    found = await world.store.read(lambda tx: tx.deployment(number))
    assert found is not None
    world.deployment = found
    return await scene.queue()


async def quarantined(scene: Scene) -> CallId:
    call = await scene.queue(opens_in_s=1)
    await scene.change(lambda tx: tx.quarantine(call, scene.world.clock.now()))
    await scene.world.pass_time(5)
    return call


async def deployment_paused(scene: Scene) -> CallId:
    world = scene.world
    await scene.change(
        lambda tx: tx.pause_deployment(world.deployment.id, world.user.id, world.clock.now())
    )
    return await scene.queue()


async def batch_paused(scene: Scene) -> CallId:
    call, world = await scene.queue(opens_in_s=1), scene.world
    batch = await scene.batch_of(call)
    await scene.change(lambda tx: tx.pause_batch(batch, world.user.id, world.clock.now()))
    await world.pass_time(5)
    return call


async def not_open(scene: Scene) -> CallId:
    return await scene.queue(opens_in_s=60)


async def retry_wait(scene: Scene) -> CallId:
    scene.fate = BUSY
    call = await scene.queue("6175550111", max_attempts=2)
    await scene.world.pass_time(5)
    return call


async def no_line(scene: Scene) -> CallId:
    scene.world.lines[-1].die()
    await scene.world.quiet()
    return await scene.queue()


def refused(scene: Scene, *, again_in_s: float = 5.0) -> TrunkStands:
    """What a line says whose only server is away."""
    now = scene.world.clock.now().timestamp()
    away = ServerStands(
        address="192.0.2.7:5060",
        since=now,
        why="connection refused",
        is_away=True,
        probe_at=now + again_in_s,
    )
    return TrunkStands(trunk="main", takes_calls=False, servers=(away,))


async def trunk_down(scene: Scene) -> CallId:
    scene.world.lines[-1].tells_of_trunk(refused(scene))
    return await scene.queue()


async def trunk_not_registered(scene: Scene) -> CallId:
    now = scene.world.clock.now().timestamp()
    stands = RegistrationStands(until=now - 1, why="403 Forbidden", again_at=now + 30)
    scene.world.lines[-1].tells_of_trunk(
        TrunkStands(trunk="main", takes_calls=False, registration=stands)
    )
    return await scene.queue()


async def trunk_closed(scene: Scene) -> CallId:
    scene.fate = LEAVE_ME
    await scene.queue("6175550111", max_attempts=2)
    await scene.world.pass_time(2)
    scene.fate = ANSWERED
    return await scene.queue()


async def trunk_trouble(scene: Scene) -> CallId:
    scene.fate = AWAY
    for number in ("6175550111", "6175550112", "6175550113"):
        await scene.queue(number, max_attempts=2, wait_s=3600)
    await scene.world.pass_time(1)
    scene.fate = ANSWERED
    return await scene.queue()


async def trunk_full(scene: Scene) -> CallId:
    scene.fate = LONG
    await scene.queue("6175550111")
    return await scene.queue()


async def at_a_limit(kind: LimitKind, limits: Limits, scene: Scene) -> CallId:
    scene.fate = LONG
    world = scene.world
    await world.queue_list(["6175550111", "6175550100"], world.schedule(opens_in_s=1))
    number = {
        LimitKind.ACCOUNT: world.user.account_id,
        LimitKind.DEPLOYMENT: world.deployment.id,
        LimitKind.BATCH: 1,
    }[kind]
    await scene.change(lambda tx: tx.set_limits(Limited(kind, number), limits))
    await world.pass_time(1)
    return CallId(2)


async def turn(scene: Scene) -> CallId:
    for number in range(5):
        await scene.queue(f"617555011{number}")
    return await scene.queue()


async def trunk_rate(scene: Scene) -> CallId:
    await scene.queue("6175550111")
    return await scene.queue()


async def settling(scene: Scene) -> CallId:
    world = scene.world
    user, here, later = world.user, world.deployment, world.schedule(opens_in_s=600)
    crowd, now = contact_of("6175550111"), world.clock.now()
    await scene.change(
        lambda tx: [queue_call(tx, user, here, later, crowd, now) for _ in range(2 * PUT_ASIDE)]
    )
    call = await scene.queue(opens_in_s=1)
    await scene.change(lambda tx: tx.pause_deployment(here.id, user.id, now))
    await settle_pauses(world.store)
    await world.pass_time(5)
    # Nobody is woken: what was put aside is sorted at the dispatcher's next look.
    await scene.change(lambda tx: tx.resume_deployment(here.id), wake=False)
    return call


async def next_of_all(scene: Scene) -> CallId:
    world = scene.world
    supervisor, world.supervisor = world.supervisor, None
    call = await world.queue()
    world.supervisor = supervisor
    return call


ONE, SLOW = Limits(max_calls=1), Limits(calls_per_second=0.1)

SCENES: dict[Rule, tuple[Met, dict[str, float]]] = {
    Rule.OVER: (over, {}),
    Rule.IN_MOTION: (in_motion, {}),
    Rule.DEPLOYMENT_CLOSED: (closed, {}),
    Rule.OPTED_OUT: (opted_out, {}),
    Rule.NOT_DIALLING: (not_dialling, {}),
    Rule.TRUNK_UNKNOWN: (trunk_unknown, {}),
    Rule.QUARANTINED: (quarantined, {}),
    Rule.DEPLOYMENT_PAUSED: (deployment_paused, {}),
    Rule.BATCH_PAUSED: (batch_paused, {}),
    Rule.NOT_OPEN: (not_open, {}),
    Rule.RETRY_WAIT: (retry_wait, {}),
    Rule.NO_LINE: (no_line, {}),
    Rule.TRUNK_DOWN: (trunk_down, {}),
    Rule.TRUNK_NOT_REGISTERED: (trunk_not_registered, {}),
    Rule.TRUNK_CLOSED: (trunk_closed, {}),
    Rule.TRUNK_TROUBLE: (trunk_trouble, {}),
    Rule.TRUNK_FULL: (trunk_full, {"most": 1}),
    Rule.ACCOUNT_FULL: (partial(at_a_limit, LimitKind.ACCOUNT, ONE), {}),
    Rule.DEPLOYMENT_FULL: (partial(at_a_limit, LimitKind.DEPLOYMENT, ONE), {}),
    Rule.BATCH_FULL: (partial(at_a_limit, LimitKind.BATCH, ONE), {}),
    Rule.ACCOUNT_RATE: (partial(at_a_limit, LimitKind.ACCOUNT, SLOW), {}),
    Rule.DEPLOYMENT_RATE: (partial(at_a_limit, LimitKind.DEPLOYMENT, SLOW), {}),
    Rule.BATCH_RATE: (partial(at_a_limit, LimitKind.BATCH, SLOW), {}),
    Rule.TURN: (turn, {"rate": 0.1}),
    Rule.TRUNK_RATE: (trunk_rate, {"rate": 0.1}),
    Rule.SETTLING: (settling, {}),
    Rule.NEXT: (next_of_all, {}),
}
ELSEWHERE = {Rule.SERVER_HELD, Rule.LOADING}
"""Met by tests of their own."""


@asynccontextmanager
async def a_scene(folder: Path, **of: float) -> AsyncIterator[Scene]:
    async with a_world(folder) as world:
        yield Scene(world=world, **of)  # type: ignore[arg-type]


def play(folder: Path, test: Callable[[Scene], Awaitable[None]], **of: float) -> None:
    async def run() -> None:
        async with a_scene(folder, **of) as scene, scene.running():
            await test(scene)

    asyncio.run(run())


@contextmanager
def without(rule: Rule) -> Iterator[None]:
    """A broken build: one rule is not known."""
    rest = {word: find for word, find in RULES.items() if word is not rule}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(why_waiting, "explain", partial(explain, rules=rest))
        yield
