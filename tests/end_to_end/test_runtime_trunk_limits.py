"""What a trunk may do, changed while calls go on: at once, for all that waits, nothing lost."""

import asyncio
from collections import Counter
from pathlib import Path

from callwright.domain.limits import UNLIMITED, Limits
from callwright.domain.outcome import Outcome
from callwright.domain.situation import Rule
from callwright.service.why_waiting import why_call
from callwright.testing.peers.busy_trunk import most_within
from callwright.testing.scripted_line import ANSWERED, Fate
from callwright.testing.world import World, a_world, running

LONG = Fate(outcome=Outcome.ANSWERED, sip_code=200, rings_s=1.0, talks_s=20.0)


async def limit(world: World, limits: Limits) -> float:
    """When it was done, by the world's clock."""
    await world.store.write(lambda tx: tx.set_trunk_limits("main", limits))
    assert world.supervisor is not None
    await world.supervisor.limits_changed()
    return world.clock.monotonic()


def numbers(count: int) -> list[str]:
    return [f"617555{n:04}" for n in range(count)]


def starts(world: World, since: float = 0.0, until: float = float("inf")) -> list[float]:
    return sorted(at for at, _ in world.orders if since <= at < until)


def test_calls_a_second_are_changed_both_ways_and_no_call_is_lost(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world, running(world, calls_per_second=40):
            await world.queue_list(numbers(200))
            await world.pass_time(1, step_s=0.01)
            slow_at = await limit(world, Limits(calls_per_second=2))
            await world.pass_time(5, step_s=0.05)
            slow = starts(world, slow_at + 1.1)
            assert most_within(slow, 1.0) == 2
            assert 7 <= len(slow) <= 8
            fast_at = await limit(world, Limits(calls_per_second=100))
            await world.pass_time(1, step_s=0.01)
            assert 90 <= len(starts(world, fast_at)) <= 100
            back_at = await limit(world, UNLIMITED)
            await world.pass_time(3, step_s=0.02)
            assert most_within(starts(world, back_at + 1.1), 1.0) <= 40
            dialled = Counter(order.number for _, order in world.orders)
            assert len(dialled) == 200
            assert set(dialled.values()) == {1}

    asyncio.run(test())


def test_calls_at_once_below_what_is_in_flight_let_it_finish_and_nobody_else_start(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with (
            a_world(tmp_path) as world,
            running(world, lambda order: LONG, calls_per_second=100, max_calls=10) as supervisor,
        ):
            await world.queue_list(numbers(16))
            await world.pass_time(1, step_s=0.01)
            assert supervisor.attempts.in_flight("main") == 10
            lowered_at = await limit(world, Limits(max_calls=3))
            await world.pass_time(10, step_s=0.1)
            assert supervisor.attempts.in_flight("main") == 10
            assert not starts(world, lowered_at)
            await world.pass_time(60, step_s=0.1)
            later = starts(world, lowered_at)
            assert len(later) == 6
            assert most_within(later, 20.9) == 3
            calls = [await world.details(call) for call in range(1, 17)]
            assert {len(call.attempts) for call in calls} == {1}
            assert {call.state.value for call in calls} == {"completed"}

    asyncio.run(test())


def test_a_change_survives_a_restart_and_lines_that_start_again_hear_of_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            async with running(world, calls_per_second=40):
                await limit(world, Limits(calls_per_second=3))
                assert world.lines[-1].rates == {"main": 3}
            async with running(world, calls_per_second=40) as supervisor:
                assert world.lines[-1].rates == {"main": 3}
                await world.queue_list(numbers(30))
                await world.pass_time(3, step_s=0.02)
                assert most_within(starts(world), 1.0) == 3
                world.lines[-1].die()
                await world.pass_time(5, step_s=0.1)
                assert len(world.lines) == 3
                assert world.lines[-1].rates == {"main": 3}
                assert [one.calls_per_second for one in supervisor.trunks] == [3]
                await limit(world, UNLIMITED)
                assert world.lines[-1].rates == {"main": 40}

    asyncio.run(test())


def test_whoever_waits_for_a_changed_limit_is_told_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with (
            a_world(tmp_path) as world,
            running(world, lambda order: LONG, max_calls=10) as supervisor,
        ):
            await limit(world, Limits(max_calls=1, calls_per_second=5))
            await world.queue(numbers(1)[0])
            await world.pass_time(1)
            held = await world.queue(numbers(2)[1])
            await world.pass_time(1)

            async def why() -> tuple[Rule, str]:
                picture, now = supervisor.pacing.picture(), world.clock.now()
                found = await world.store.read(
                    lambda tx: why_call(tx, world.user, held, picture, now)
                )
                return found.why.first.rule, found.why.first.text

            assert await why() == (
                Rule.TRUNK_FULL,
                "Trunk main carries 1 calls, which is all it may.",
            )
            await limit(world, UNLIMITED)
            await world.quiet()
            assert len(world.orders) == 2

    asyncio.run(test())


def test_the_same_limit_is_not_told_twice(tmp_path: Path) -> None:
    """Each change of anybody's limits is followed by a look at all: the pipe is for news."""

    async def test() -> None:
        async with a_world(tmp_path) as world, running(world, lambda order: ANSWERED):
            line = world.lines[-1]
            line.rates.clear()
            await limit(world, Limits(max_calls=7))
            assert line.rates == {}

    asyncio.run(test())
