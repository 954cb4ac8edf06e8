"""Why a call is not dialled: every rule is told, and the moments it names are right."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from why_scenes import (
    AWAY,
    ELSEWHERE,
    LEAVE_ME,
    LONG,
    SCENES,
    Scene,
    a_scene,
    no_line,
    not_open,
    play,
    refused,
    retry_wait,
    trunk_closed,
    without,
)

from callwright.domain.ids import BatchId, CallId, UserId
from callwright.domain.limits import Limited, LimitKind, Limits
from callwright.domain.outcome import Outcome
from callwright.domain.situation import Explanation, Rule, When
from callwright.domain.why import RULES
from callwright.ports.line import TrunkStands
from callwright.ports.start import Held
from callwright.ports.store import WriteTx
from callwright.runtime.gate import Gate
from callwright.service.hold_start import HoldRules
from callwright.service.why_waiting import why_batch, why_deployment
from callwright.simulation.noted import MemoryNote
from callwright.testing.scripted_line import ANSWERED, BUSY


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


def test_a_trunk_whose_servers_cannot_be_looked_up_says_so(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        again_at = scene.world.clock.now() + timedelta(seconds=5)
        stands = TrunkStands(
            trunk="main",
            takes_calls=False,
            lookup_problem="carrier.example has no address",
            lookup_at=again_at.timestamp(),
        )
        scene.world.lines[-1].tells_of_trunk(stands)
        found = await scene.why(await scene.queue())
        assert (found.first.rule, found.next_at) == (Rule.TRUNK_DOWN, again_at)
        assert "no server of it is known (carrier.example has no address)" in found.first.text
        # Found again, its calls go.
        scene.world.lines[-1].tells_of_trunk(TrunkStands(trunk="main", takes_calls=True))
        await scene.world.quiet()
        assert scene.dialled("0100")

    play(tmp_path, test)


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
            if step % 7 == 3:
                scene.world.lines[-1].tells_of_trunk(refused(scene))
            elif step % 7 == 4:
                scene.world.lines[-1].tells_of_trunk(TrunkStands(trunk="main", takes_calls=True))
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
