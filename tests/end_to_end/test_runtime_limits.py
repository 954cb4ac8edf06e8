"""Limits of callers while calls go on: kept exactly, changed at once, in nobody else's way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from callwright.domain.account import Deployment
from callwright.domain.ids import BatchId
from callwright.domain.limits import UNLIMITED, Limited, LimitKind, Limits
from callwright.domain.outcome import Outcome
from callwright.ports.store import WriteTx
from callwright.testing.scripted_line import ANSWERED, Fate
from callwright.testing.world import World, a_world, running

LONG = Fate(outcome=Outcome.ANSWERED, sip_code=200, rings_s=1.0, talks_s=20.0)


async def another_deployment(world: World) -> Deployment:
    def work(tx: WriteTx) -> Deployment:
        number = tx.add_deployment(
            world.deployment.program.id,
            label="other",
            script=world.deployment.script,
            variables={},
            caller_id="",
            trunk="",
            expires_at=None,
            max_responses=None,
            now=world.clock.now(),
        )
        found = tx.deployment(number)
        assert found is not None
        return found

    return await world.store.write(work)


async def limit(world: World, limited: Limited, limits: Limits) -> None:
    await world.store.write(lambda tx: tx.set_limits(limited, limits))
    assert world.supervisor is not None
    world.supervisor.wake()


def starts(world: World, beginning: str) -> list[float]:
    return sorted(at for at, order in world.orders if order.number.startswith(beginning))


def most_in_a_second(moments: Sequence[float]) -> int:
    return max(sum(first <= at < first + 1 for at in moments) for first in moments)


def most_at_once(moments: Sequence[float], lasts_s: float) -> int:
    return max(sum(first <= at < first + lasts_s for at in moments) for first in moments)


def numbers(area: str, count: int) -> list[str]:
    return [f"{area}555{n:04}" for n in range(count)]


def test_limits_set_while_calls_go_on_hold_from_then_on_and_for_nobody_else(
    tmp_path: Path,
) -> None:
    async def scene(world: World) -> None:
        other = await another_deployment(world)
        async with running(world, lambda order: ANSWERED, calls_per_second=40):
            await world.queue_list(numbers("617", 400))
            await world.pass_time(1, step_s=0.01)
            before = len(starts(world, "+1617"))
            assert 30 <= before <= 40
            mine = Limited(LimitKind.DEPLOYMENT, world.deployment.id)
            limited_at = world.clock.monotonic()
            await limit(world, mine, Limits(calls_per_second=4))
            world.deployment = other
            await world.queue_list(numbers("212", 60))
            await world.pass_time(4, step_s=0.01)
            slowed = [at for at in starts(world, "+1617") if at > limited_at + 0.1]
            assert 14 <= len(slowed) <= 17
            assert most_in_a_second(slowed) <= 4
            assert len(starts(world, "+1212")) == 60
            assert most_in_a_second([at for at, _ in world.orders]) <= 40
            lifted_at = world.clock.monotonic()
            await limit(world, mine, UNLIMITED)
            await world.pass_time(1, step_s=0.01)
            assert len([at for at in starts(world, "+1617") if at > lifted_at]) >= 30

    asyncio.run(_in_a_world(tmp_path, scene))


def test_calls_at_once_of_a_list_are_kept_and_each_end_makes_room(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        async with running(world, lambda order: LONG, calls_per_second=100):
            await world.queue_list(numbers("617", 20))
            await limit(world, Limited(LimitKind.BATCH, BatchId(1)), Limits(max_calls=3))
            await world.queue_list(numbers("212", 20))
            await world.pass_time(1, step_s=0.01)
            assert len(starts(world, "+1212")) == 20
            await world.pass_time(99, step_s=0.1)
            mine = starts(world, "+1617")
            assert most_at_once(mine, 20.9) <= 3
            assert len(mine) >= 12

    asyncio.run(_in_a_world(tmp_path, scene))


def test_an_account_is_limited_over_all_its_deployments(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        account = Limited(LimitKind.ACCOUNT, world.user.account_id)
        other = await another_deployment(world)
        async with running(world, lambda order: ANSWERED, calls_per_second=100):
            await limit(world, account, Limits(calls_per_second=5, max_calls=10))
            await world.queue_list(numbers("617", 30))
            world.deployment = replace(other)
            await world.queue_list(numbers("212", 30))
            await world.pass_time(8, step_s=0.01)
            moments = sorted(at for at, _ in world.orders)
            assert most_in_a_second(moments) <= 5
            assert most_at_once(moments, 5.9) <= 10
            assert 10 <= len(moments) <= 25
            assert abs(len(starts(world, "+1617")) - len(starts(world, "+1212"))) <= 1

    asyncio.run(_in_a_world(tmp_path, scene))


def test_whoever_waits_for_a_limit_does_not_keep_the_store_busy(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        mine = Limited(LimitKind.DEPLOYMENT, world.deployment.id)
        async with running(world, lambda order: LONG, calls_per_second=100):
            await limit(world, mine, Limits(calls_per_second=0.1))
            await world.queue_list(numbers("617", 30))
            await world.pass_time(2, step_s=0.1)
            asked = 0
            look = world.store.read

            def counting(work: object) -> object:
                nonlocal asked
                asked += 1
                return look(work)  # type: ignore[arg-type]

            world.store.read = counting  # type: ignore[method-assign, assignment]
            passed = asyncio.create_task(_pass(world, 5.0))
            await passed
            assert asked <= 15
            world.store.read = look  # type: ignore[method-assign]
            assert len(world.orders) == 1

    async def _pass(world: World, seconds: float) -> None:
        """As `World.pass_time`, without reads of its own."""
        for _ in range(int(seconds / 0.1)):
            world.clock.advance(0.1)
            for _ in range(3):
                await world.store.write(lambda tx: None)
                await asyncio.sleep(0)

    asyncio.run(_in_a_world(tmp_path, scene))


async def _in_a_world(path: Path, scene: object) -> None:
    async with a_world(path) as world:
        await scene(world)  # type: ignore[operator]
