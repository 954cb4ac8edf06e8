"""Forecasts against what then happens, with a real dispatcher and a real store."""

from pathlib import Path

import pytest
from why_scenes import Scene, play

from callwright.domain.ids import BatchId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.domain.situation import Rule
from callwright.service.foretell_batch import Basis, Foretold, foretell_batch
from callwright.testing.scripted_line import Fate

TALKS = Fate(outcome=Outcome.ANSWERED, sip_code=200, rings_s=2.0, talks_s=8.0)


def numbers(area: str, count: int) -> list[str]:
    return [f"{area}555{number:04}" for number in range(count)]


async def foretold(scene: Scene, batch: int) -> Foretold:
    world = scene.world
    assert world.supervisor is not None
    picture, now = world.supervisor.pacing.picture(), world.clock.now()
    return await world.store.read(
        lambda tx: foretell_batch(tx, world.user, BatchId(batch), picture, now)
    )


async def warm_up(scene: Scene) -> None:
    """Let the trunk learn how long attempts last here: batch 1."""
    scene.fate = TALKS
    await scene.world.queue_list(numbers("212", 25))
    assert (await foretold(scene, 1)).basis is Basis.ASSUMED
    await scene.world.pass_time(60, step_s=0.1)


def test_a_batch_ends_about_when_it_was_foretold(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        await warm_up(scene)
        await world.queue_list(numbers("617", 40))
        await world.queue_list(numbers("508", 60))
        seen = await foretold(scene, 3)
        assert seen.basis is Basis.TRUNK
        assert seen.measured.mean_s == pytest.approx(10, abs=0.5)
        assert seen.before == pytest.approx(40, abs=2)
        assert seen.forecast.ends_at is not None
        expected_s = (seen.forecast.ends_at - world.clock.now()).total_seconds()
        assert expected_s > 20
        began = world.clock.now()
        assert world.supervisor is not None
        await world.quiet()
        await world.pass_until(world.supervisor.attempts.nothing_left.is_set, step_s=0.1)
        assert (world.clock.now() - began).total_seconds() == pytest.approx(expected_s, rel=0.15)
        assert (await foretold(scene, 3)).forecast.ends_at is None

    play(tmp_path, test, rate=4.0)


def test_as_many_do_not_fit_as_was_foretold(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        await warm_up(scene)
        await world.queue_list(numbers("617", 400), world.schedule(closes_in_s=150))
        await world.quiet()
        seen = await foretold(scene, 2)
        assert 100 < seen.forecast.will_not_fit < 300
        await world.pass_time(180, step_s=0.25)
        now = world.clock.now()
        counts = await world.store.read(lambda tx: tx.batch_counts(BatchId(2), now))
        assert counts[CallState.EXPIRED] == pytest.approx(seen.forecast.will_not_fit, rel=0.15)

    play(tmp_path, test, rate=50.0, most=15)


def test_what_holds_a_batch_is_taken_to_be_lifted_and_said(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        here, user, now = world.deployment.id, world.user.id, world.clock.now()
        await scene.change(lambda tx: tx.pause_deployment(here, user, now))
        await world.queue_list(numbers("617", 10))
        seen = await foretold(scene, 1)
        assert seen.assumes == (Rule.DEPLOYMENT_PAUSED,)
        assert seen.forecast.ends_at is not None

    play(tmp_path, test)


def test_what_a_batch_itself_came_to_says_more_than_the_trunk(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        world = scene.world
        await warm_up(scene)
        scene.fate = Fate(outcome=Outcome.BUSY, sip_code=486, rings_s=1.0, rang=False)
        await world.queue_list(numbers("617", 100), world.schedule(max_attempts=3))
        await world.pass_time(12, step_s=0.1)
        seen = await foretold(scene, 2)
        assert (seen.basis, seen.measured.done_share) == (Basis.BATCH, 0.0)
        assert seen.measured.mean_s == pytest.approx(1.0, abs=0.2)
        assert seen.forecast.attempts > 200

    play(tmp_path, test, rate=4.0)
