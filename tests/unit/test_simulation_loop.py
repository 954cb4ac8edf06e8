"""The loop and the clocks of a simulated world."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from callwright.simulation.faults import CrashPoints, ProcessDied
from callwright.simulation.virtual_loop import Stalled, VirtualLoop, run_virtual
from callwright.simulation.world_time import VirtualClock, WallClock

NOON = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


def test_a_day_passes_as_soon_as_nothing_is_left_to_do() -> None:
    async def a_day() -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(asyncio.sleep(86_400 / n) for n in range(1, 10)))
        return asyncio.get_running_loop().time() - began

    began = time.monotonic()
    assert run_virtual(a_day()) == pytest.approx(86_400)
    assert time.monotonic() - began < 5


def test_what_waits_for_nothing_is_told_so() -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stalled):
        run_virtual(for_ever())


def test_a_step_moves_the_wall_clock_and_no_other() -> None:
    wall = WallClock(NOON)
    loop = VirtualLoop(100.0)
    try:
        clock = VirtualClock(loop, wall)
        assert clock.now() == NOON + timedelta(seconds=100)
        wall.step(-3600)
        loop.run_until_complete(clock.sleep(5))
        assert clock.now() == NOON + timedelta(seconds=105 - 3600)
        assert clock.monotonic() == pytest.approx(105)
    finally:
        loop.close()


@pytest.mark.parametrize("shortest_s", [1e-9, 1e-15, 5e-324])
def test_the_shortest_wait_lets_time_go_on(shortest_s: float) -> None:
    loop = VirtualLoop(1e6)
    try:
        clock = VirtualClock(loop, WallClock(NOON))
        assert not loop.run_until_complete(clock.wait(asyncio.Event(), shortest_s))
        waited = loop.time()
        assert waited > 1e6
        loop.run_until_complete(clock.sleep(shortest_s))
        assert loop.time() > waited
    finally:
        loop.close()


def test_a_death_ends_everything_at_once() -> None:
    points = CrashPoints({2})
    done: list[str] = []

    async def other() -> None:
        try:
            await asyncio.sleep(1)
            done.append("slept on")
        finally:
            done.append("cleaned up")

    async def main() -> None:
        waiting = asyncio.ensure_future(other())
        await asyncio.sleep(0)
        points.reach("first")
        try:
            points.reach("second")
        except Exception:
            done.append("caught")
        await waiting

    loop = VirtualLoop()
    with pytest.raises(ProcessDied, match="point 2: second"):
        loop.run_until_complete(main())
    assert done == []
    loop.abandon()
    assert done == ["cleaned up"]
    assert points.log == ["first", "second"]
