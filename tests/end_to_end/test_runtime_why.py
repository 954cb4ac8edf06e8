"""Why a call is not dialled: every rule met by a real dispatcher, and the moments it names."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from callwright.domain.ids import BatchId, CallId, DeploymentId, UserId
from callwright.domain.limits import Limited, LimitKind, Limits
from callwright.domain.outcome import Outcome
from callwright.domain.situation import Explanation, Rule, When
from callwright.domain.why import RULES, explain
from callwright.ports.start import Held
from callwright.ports.store import WriteTx
from callwright.runtime.gate import Gate
from callwright.service import why_waiting
from callwright.service.hold_start import HoldRules
from callwright.service.pause_calls import settle_pauses
from callwright.service.queue_calls import queue_call
from callwright.service.why_waiting import why_batch, why_call, why_deployment
from callwright.simulation.noted import MemoryNote
from callwright.store.sqlite import open_sqlite_store
from callwright.store.sqlite.stops import PUT_ASIDE
from callwright.testing.manual_clock import ManualClock
from callwright.testing.scripted_line import ANSWERED, BUSY, Fate
from callwright.testing.world import World, contact_of, running, seed

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
    clock = ManualClock()
    store = open_sqlite_store(folder / "calls.db", server=True)
    try:
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        world = World(store=store, clock=clock, user=user, deployment=deployment)
        yield Scene(world=world, **of)  # type: ignore[arg-type]
    finally:
        await store.close()


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


def test_every_rule_has_a_scene() -> None:
    assert SCENES.keys() | ELSEWHERE == set(Rule)
    assert RULES.keys() | {Rule.OVER, Rule.IN_MOTION, Rule.LOADING, Rule.NEXT} == set(Rule)


@pytest.mark.parametrize("rule", SCENES)
def test_what_holds_a_call_is_told_and_a_rule_left_out_is_noticed(
    tmp_path: Path, rule: Rule
) -> None:
    met, of = SCENES[rule]

    async def test(scene: Scene) -> None:
        call = await met(scene)
        found = await scene.why(call)
        assert found.first.rule is rule, found.reasons
        assert found.first.text.endswith(".")
        assert not scene.dialled("0100")
        if rule in RULES:
            with without(rule):
                assert (await scene.why(call)).first.rule is not rule

    play(tmp_path, test, **of)


def test_a_server_held_at_its_start_says_so_first(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_scene(tmp_path) as scene:
            world = scene.world
            held = Held(at=world.clock.now(), because="the store is older than its note.")
            await world.store.write(lambda tx: tx.hold(held))
            scene.gate = Gate(
                store=world.store, clock=world.clock, note=MemoryNote(), rules=HoldRules()
            )
            async with scene.running():
                call = await scene.queue()
                found = await scene.why(call)
                assert (found.first.rule, found.when) == (Rule.SERVER_HELD, When.PERSON)
                assert held.because in found.first.text
                with without(Rule.SERVER_HELD):
                    assert (await scene.why(call)).first.rule is Rule.NEXT
                await scene.gate.open()
                await world.quiet()
                assert scene.dialled("0100")

    asyncio.run(run())


EXACT = {
    Rule.NOT_OPEN: (not_open, {}),
    Rule.RETRY_WAIT: (retry_wait, {}),
    Rule.TRUNK_CLOSED: (trunk_closed, {}),
    Rule.DEPLOYMENT_RATE: SCENES[Rule.DEPLOYMENT_RATE],
    Rule.BATCH_RATE: SCENES[Rule.BATCH_RATE],
    Rule.ACCOUNT_RATE: SCENES[Rule.ACCOUNT_RATE],
    Rule.TRUNK_RATE: SCENES[Rule.TRUNK_RATE],
}


@pytest.mark.parametrize("rule", EXACT)
def test_a_call_goes_at_the_very_moment_that_is_named(tmp_path: Path, rule: Rule) -> None:
    met, of = EXACT[rule]

    async def test(scene: Scene) -> None:
        found = await scene.why(await met(scene))
        assert (found.first.rule, found.when) == (rule, When.EXACT)
        await goes_at(scene, found, "0111" if rule is Rule.RETRY_WAIT else "0100")

    play(tmp_path, test, **of)


async def goes_at(scene: Scene, found: Explanation, number: str) -> None:
    """Time passes; the number is dialled at the moment named, and not before."""
    world = scene.world
    assert found.next_at is not None
    before = scene.times(number)
    left_s = (found.next_at - world.clock.now()).total_seconds()
    for _ in range(3):
        world.clock.advance((left_s - 0.002) / 3)
        await world.quiet()
    assert scene.times(number) == before
    while world.clock.now() < found.next_at + timedelta(milliseconds=2):
        world.clock.advance(0.001)
        await world.quiet()
    assert scene.times(number) == before + 1


@pytest.mark.parametrize("number", range(20))
def test_of_several_rules_the_one_that_lasts_longest_is_named_and_right(
    tmp_path: Path, number: int
) -> None:
    chance = random.Random(number)
    opens_s, again_s = chance.choice([0.0, 5.0, 90.0, 300.0]), chance.choice([0.0, 40.0, 200.0])
    trunk, deployment = chance.choice([0.01, 0.03, 100.0]), chance.choice([0.02, 0.005, None])

    async def test(scene: Scene) -> None:
        world = scene.world
        limited = Limited(LimitKind.DEPLOYMENT, world.deployment.id)
        await scene.change(lambda tx: tx.set_limits(limited, Limits(calls_per_second=deployment)))
        # Far away by the time that counts here, if it comes back at all.
        scene.fate = replace(AWAY, retry_after_s=again_s) if again_s else ANSWERED
        await scene.queue("6175550111", max_attempts=2, wait_s=3600)
        await world.pass_time(1)
        scene.fate = ANSWERED
        call = await scene.queue(opens_in_s=opens_s)
        found = await scene.why(call)
        if scene.dialled("0100"):
            assert found.first.rule is Rule.IN_MOTION
            return
        assert found.first.rule is not Rule.NEXT
        if found.when is When.EXACT:
            await goes_at(scene, found, "0100")

    play(tmp_path, test, rate=trunk)


def test_no_call_waits_without_a_reason(tmp_path: Path) -> None:
    """Whatever people do, a call that the dispatcher passed by has a rule that held it."""
    chance = random.Random(7)

    async def test(scene: Scene) -> None:
        world = scene.world
        calls: list[CallId] = []
        limited = Limited(LimitKind.DEPLOYMENT, world.deployment.id)
        for step in range(60):
            number = f"617555{step:04}"
            opens, closes = chance.choice([0, 0, 3, 30]), chance.choice([None, 40.0])
            scene.fate = chance.choice([*[ANSWERED] * 6, BUSY, AWAY, LEAVE_ME, LONG])
            calls.append(
                await world.queue(
                    number, world.schedule(opens_in_s=opens, closes_in_s=closes, max_attempts=2)
                )
            )
            batch = await scene.batch_of(chance.choice(calls))
            user, now = world.user.id, world.clock.now()
            limits = Limits(calls_per_second=chance.choice([None, 0.5]), max_calls=3)
            works: list[Callable[[WriteTx], object]] = [
                partial(_pause, batch, user, now),
                partial(_resume, batch),
                partial(_cancel, batch, now),
                partial(_limit, limited, limits),
                partial(_limit, limited, Limits()),
                lambda tx: None,
            ]
            await scene.change(chance.choice(works))
            await world.pass_time(chance.choice([0.3, 4.0]), step_s=0.1)
            for call in calls:
                found = await scene.why(call)
                # While a trunk recovers its rate rises, and the dispatcher, which lay down by
                # that of an earlier moment, comes a little later than it could.
                assert found.first.rule is not Rule.NEXT or scene.recovers(), (step, call, found)
                assert found.next_at is None or found.next_at >= world.clock.now()
        assert len(world.orders) >= 15

    play(tmp_path, test, rate=2.0, most=5)


def _pause(batch: BatchId, user: UserId, now: datetime, tx: WriteTx) -> None:
    tx.pause_batch(batch, user, now)


def _resume(batch: BatchId, tx: WriteTx) -> None:
    tx.resume_batch(batch)


def _cancel(batch: BatchId, now: datetime, tx: WriteTx) -> None:
    tx.cancel_batch(batch, now)


def _limit(limited: Limited, limits: Limits, tx: WriteTx) -> None:
    tx.set_limits(limited, limits)


def test_a_batch_and_a_deployment_wait_for_what_their_next_call_waits_for(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        await world.queue_list(["6175550100", "6175550101"], world.schedule(opens_in_s=60))
        other = await scene.queue("6175550102", opens_in_s=30)
        assert world.supervisor is not None
        picture, now, user = world.supervisor.pacing.picture(), world.clock.now(), world.user
        read, here = world.store.read, world.deployment.id
        listed = await read(lambda tx: why_batch(tx, user, BatchId(1), picture, now))
        assert (listed.call_id, listed.why.first.rule) == (1, Rule.NOT_OPEN)
        assert listed.why.next_at == now + timedelta(seconds=60)
        all_of_it = await read(lambda tx: why_deployment(tx, user, here, picture, now))
        assert (all_of_it.call_id, all_of_it.why.next_at) == (other, now + timedelta(seconds=30))
        second = await scene.why(CallId(2))
        assert [reason.rule for reason in second.reasons] == [Rule.TURN, Rule.NOT_OPEN]
        await world.pass_time(120)
        now = world.clock.now()
        listed = await read(lambda tx: why_batch(tx, user, BatchId(1), picture, now))
        assert (listed.call_id, listed.why.first.rule) == (None, Rule.OVER)

    play(tmp_path, test)


def test_of_what_is_due_a_single_call_is_the_next_of_a_deployment(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        await scene.queue("6175550111")
        await world.queue_list(["6175550100", "6175550101"])
        single = await scene.queue("6175550102")
        assert world.supervisor is not None
        picture, now = world.supervisor.pacing.picture(), world.clock.now()
        here, user = world.deployment.id, world.user
        found = await world.store.read(lambda tx: why_deployment(tx, user, here, picture, now))
        assert (found.call_id, found.why.first.rule) == (single, Rule.TRUNK_RATE)
        await world.pass_time(11)
        assert scene.dialled("0102")
        assert not scene.dialled("0100")

    play(tmp_path, test, rate=0.1)


def test_a_list_that_is_being_loaded_says_so(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world, schedule = scene.world, scene.world.schedule()
        batch = await world.store.write(
            lambda tx: tx.open_batch(
                world.deployment.id, world.user.id, schedule, world.clock.now()
            )
        )
        assert world.supervisor is not None
        picture, now = world.supervisor.pacing.picture(), world.clock.now()
        found = await world.store.read(lambda tx: why_batch(tx, world.user, batch, picture, now))
        assert found.why.first.rule is Rule.LOADING

    play(tmp_path, test)


def test_nobody_is_dialled_and_no_attempt_lost_while_no_line_runs(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        call = await no_line(scene)
        await scene.world.pass_time(0.75)
        assert (await scene.world.details(call)).attempts_made == 0
        await scene.world.pass_time(10)
        details = await scene.world.details(call)
        assert [attempt.outcome for attempt in details.attempts] == [Outcome.ANSWERED]

    play(tmp_path, test)


def test_a_turn_is_about_where_it_is_said_to_be(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        await world.queue_list([f"617555{number:04}" for number in range(20)])
        await world.quiet()
        found = await scene.why(CallId(15))
        assert (found.first.rule, found.when) == (Rule.TURN, When.ESTIMATE)
        assert found.next_at is not None
        began, expected_s = world.clock.now(), (found.next_at - world.clock.now()).total_seconds()
        await world.pass_until(lambda: scene.dialled("0014"), step_s=0.01)
        took_s = (world.clock.now() - began).total_seconds()
        assert took_s == pytest.approx(expected_s, rel=0.1)

    play(tmp_path, test, rate=4.9)


def test_a_call_whose_time_comes_after_its_window_says_that_it_comes_too_late(
    tmp_path: Path,
) -> None:
    async def test(scene: Scene) -> None:
        await trunk_closed(scene)
        call = await scene.queue("6175550102", closes_in_s=10)
        found = await scene.why(call)
        assert found.comes_too_late
        await scene.world.pass_time(200)
        assert not scene.dialled("0102")

    play(tmp_path, test)
