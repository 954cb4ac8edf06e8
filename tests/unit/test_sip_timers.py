"""One loop timer for many sleepers, in skipped time."""

import asyncio
import sys
import weakref
from collections.abc import Callable
from math import inf

from callwright.telephony.sip.timers import Timers
from callwright.testing.skipping_loop import run_skipping


class Sleeper:
    def __init__(self, wakes_at: float) -> None:
        self.wakes_at = wakes_at


def woken(scene: Callable[[Timers[Sleeper], list[float]], list[Sleeper]]) -> list[float]:
    """When sleepers were woken; each sleeps for ever after that unless it says otherwise."""
    found: list[float] = []

    async def main() -> None:
        def wake(sleeper: Sleeper, now: float) -> None:
            sleeper.wakes_at = inf
            found.append(round(now, 2))

        timers = Timers(asyncio.get_running_loop(), wake)
        kept = scene(timers, found)
        await asyncio.sleep(100)
        assert kept
        timers.stop()

    run_skipping(main())
    return found


def test_each_is_woken_at_its_time_whatever_the_order() -> None:
    def scene(timers: Timers[Sleeper], found: list[float]) -> list[Sleeper]:
        sleepers = [Sleeper(at) for at in (5.0, 1.0, 3.0, inf)]
        for sleeper in sleepers:
            timers.reschedule(sleeper)
        return sleepers

    assert woken(scene) == [1.0, 3.0, 5.0]


def test_one_that_moves_is_woken_once_at_its_new_time() -> None:
    def scene(timers: Timers[Sleeper], found: list[float]) -> list[Sleeper]:
        later, earlier, never = Sleeper(2.0), Sleeper(9.0), Sleeper(4.0)
        for sleeper in (later, earlier, never):
            timers.reschedule(sleeper)
        later.wakes_at, earlier.wakes_at, never.wakes_at = 7.0, 1.0, inf
        for sleeper in (later, earlier, never):
            timers.reschedule(sleeper)
        return [later, earlier, never]

    assert woken(scene) == [1.0, 7.0]


def test_one_may_set_its_next_time_while_it_is_woken() -> None:
    found: list[float] = []

    async def main() -> None:
        def wake(sleeper: Sleeper, now: float) -> None:
            found.append(round(now, 2))
            sleeper.wakes_at = now + 2 if len(found) < 3 else inf

        timers = Timers(asyncio.get_running_loop(), wake)
        timers.reschedule(Sleeper(1.0))
        await asyncio.sleep(50)

    run_skipping(main())
    assert found == [1.0, 3.0, 5.0]


def test_those_whose_times_lie_close_together_are_woken_together() -> None:
    times = [1.0 + number / 10_000 for number in range(1, 1000)]
    slept: list[tuple[float, float]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def wake(sleeper: Sleeper, now: float) -> None:
            slept.append((sleeper.wakes_at, loop.time()))
            sleeper.wakes_at = inf

        timers = Timers(loop, wake, span_s=0.02)
        for at in times:
            timers.reschedule(Sleeper(at))
        await asyncio.sleep(5)

    run_skipping(main())
    assert [at for at, _ in slept] == times
    assert all(-0.002 <= woken_at - at < 0.022 for at, woken_at in slept)
    assert len({woken_at for _, woken_at in slept}) <= 6


def test_nothing_is_kept_of_whoever_is_forgotten_not_even_by_a_time_that_was_moved() -> None:
    async def main() -> None:
        timers = Timers[Sleeper](asyncio.get_running_loop(), lambda sleeper, now: None)
        for _ in range(5000):
            sleeper = Sleeper(3600.0)
            timers.reschedule(sleeper)
            sleeper.wakes_at = 60.0
            timers.reschedule(sleeper)
            timers.forget(sleeper)
        gone = weakref.ref(sleeper)
        del sleeper
        assert gone() is None
        # Nor do the times themselves pile up.
        assert sys.getsizeof(timers._heap) < 5000 * 8
        timers.stop()

    run_skipping(main())


def test_one_that_is_forgotten_while_it_is_woken_is_not_woken_again() -> None:
    found: list[float] = []

    async def main() -> None:
        def wake(sleeper: Sleeper, now: float) -> None:
            found.append(now)
            assert len(found) < 10, "it is woken for ever"
            timers.forget(sleeper)  # as an endpoint does of a call that broke, its time being over

        timers = Timers(asyncio.get_running_loop(), wake)
        timers.reschedule(Sleeper(1.0))
        await asyncio.sleep(5)

    run_skipping(main())
    assert len(found) == 1
