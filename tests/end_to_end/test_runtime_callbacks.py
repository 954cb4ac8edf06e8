"""The callback pump: nobody waits behind a host that hangs, and nothing is lost to one."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from callwright.domain.ids import NoticeId
from callwright.domain.notice import LASTS
from callwright.domain.receiver import MOST_A_HOST, MOST_UNPROVEN, SLOTS
from callwright.simulation.virtual_loop import run_virtual
from callwright.testing.callback_world import CallbackWorld
from callwright.web.metrics import Metrics

DAY_S = 86400.0


@pytest.fixture(autouse=True)
def _keep_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of failed tries would fill the test's report."""
    monkeypatch.setattr("callwright.runtime.callback_pump.log.log", lambda *a, **k: None)


def play(scenario: Callable[[CallbackWorld], Coroutine[Any, Any, None]], dead: set[str]) -> None:
    """Run a scenario in which the hosts in `dead` never answer."""

    async def run() -> None:
        def status_of(host: str, at_s: float, number: int) -> int | None:
            if host == "gone:80":
                return 410 if number == 1 else 500
            return None if host in dead else 200

        await scenario(CallbackWorld(status_of))

    run_virtual(run())


def hosts(kind: str, count: int) -> Sequence[str]:
    return [f"{kind}{number}:80" for number in range(count)]


def test_a_host_that_hangs_holds_up_nobody_else() -> None:
    async def scenario(world: CallbackWorld) -> None:
        await world.owe(*hosts("dead", 20) * 20)
        await world.owe(*hosts("good", 20) * 5)
        async with world.pumping():
            took_s = await world.until(lambda: len(world.receivers.told) == 100)
        assert took_s < 2

    play(scenario, set(hosts("dead", 20)))


@pytest.mark.parametrize("status", [None, 500])
def test_a_receiver_that_is_broken_holds_up_no_other_account_on_the_same_host(
    status: int | None,
) -> None:
    """As behind the one name of a platform that receives for many."""

    async def scenario(world: CallbackWorld) -> None:
        await world.owe(*["shared:80#1"] * 300)
        async with world.pumping() as pump:
            await asyncio.sleep(DAY_S / 24)
            await world.owe(*["shared:80#2"] * 10)
            pump.wake()
            assert await world.until(lambda: len(world.receivers.told) == 10) < 2

    async def run() -> None:
        await scenario(
            CallbackWorld(lambda host, at_s, number: status if host.endswith("#1") else 200)
        )

    run_virtual(run())


def test_one_host_never_has_more_than_a_quarter_of_the_slots() -> None:
    async def scenario(world: CallbackWorld) -> None:
        await world.owe(*["one:80"] * 700)
        async with world.pumping():
            await world.until(lambda: len(world.receivers.told) == 700)
        assert world.receivers.most["one:80"] == MOST_A_HOST == SLOTS // 4

    play(scenario, set())


def test_hosts_that_never_answer_have_half_of_the_slots_at_most() -> None:
    dead = hosts("dead", 3 * MOST_UNPROVEN)

    async def scenario(world: CallbackWorld) -> None:
        await world.owe("good:80")
        async with world.pumping() as pump:
            await world.until(lambda: bool(world.receivers.told))
            await world.owe(*dead)
            pump.wake()
            await asyncio.sleep(1)
            assert world.receivers.most[""] == MOST_UNPROVEN
            await world.owe(*["good:80"] * 20)
            pump.wake()
            assert await world.until(lambda: len(world.receivers.told) == 21) < 2

    play(scenario, set(dead))


def test_a_host_that_is_down_is_only_probed_and_then_gets_everything() -> None:
    dead = {"down:80"}

    async def scenario(world: CallbackWorld) -> None:
        await world.owe(*["down:80"] * 500)
        async with world.pumping():
            await asyncio.sleep(DAY_S)
            # a probe is 15 s of silence, and the rest a minute
            assert DAY_S / 60 / 2 < world.receivers.tried["down:80"] < DAY_S / 60
            assert await world.counts() == (500, 0)
            dead.clear()
            # those that were tried wait as their schedule says
            await world.until(lambda: len(world.receivers.told) == 500, step_s=60, limit_s=DAY_S)
        assert await world.counts() == (0, 0)

    play(scenario, dead)


def test_what_waits_for_a_host_that_stays_down_is_given_up_at_last() -> None:
    async def scenario(world: CallbackWorld) -> None:
        await world.owe(*["down:80"] * 5000)
        async with world.pumping():
            await asyncio.sleep(600)
            world.wall.step(LASTS.total_seconds() - 700)
            await world.owe("down:80")
            assert await world.counts() == (5001, 0)
            await asyncio.sleep(900)
            assert await world.counts() == (1, 5000)

    play(scenario, {"down:80"})


def test_trouble_is_remembered_by_the_next_process() -> None:
    async def scenario(world: CallbackWorld) -> None:
        await world.owe(*["down:80"] * 50)
        async with world.pumping():
            await asyncio.sleep(3600)
        tried = world.receivers.tried["down:80"]
        async with world.pumping():
            await asyncio.sleep(300)
        assert world.receivers.tried["down:80"] - tried <= 5

    play(scenario, {"down:80"})


def test_a_clock_that_was_set_back_lets_no_host_rest_for_ever() -> None:
    dead = {"down:80"}

    async def scenario(world: CallbackWorld) -> None:
        await world.owe(*["down:80"] * 50)
        async with world.pumping():
            await asyncio.sleep(120)
            world.wall.step(-DAY_S)
            await world.owe(*["down:80"] * 10)
            dead.clear()
            await world.until(lambda: len(world.receivers.told) >= 10, step_s=5, limit_s=300)

    play(scenario, dead)


def test_a_dead_letter_that_is_sent_anew_has_ten_tries_again() -> None:
    async def scenario(world: CallbackWorld) -> None:
        await world.owe("gone:80")
        async with world.pumping() as pump:
            await asyncio.sleep(10)
            assert await world.counts() == (0, 1)
            now = world.clock.now()
            await world.store.write(lambda tx: tx.replay_notice(NoticeId(1), now))
            pump.wake()
            await asyncio.sleep(2.5 * DAY_S)
            assert await world.counts() == (1, 0)
            await asyncio.sleep(1.5 * DAY_S)
        assert await world.counts() == (0, 1)
        assert world.receivers.tried["gone:80"] == 11

    play(scenario, set())


def test_hosts_in_trouble_and_what_is_given_up_for_them_are_counted() -> None:
    dead = {"down:80", "away:80"}

    async def scenario(world: CallbackWorld) -> None:
        world.meter = metrics = Metrics()

        def counted(name: str) -> float:
            lines = metrics.text(None, [], 0).decode().splitlines()
            [value] = [line.removeprefix(name) for line in lines if line.startswith(name)]
            return float(value)

        await world.owe("good:80", *["down:80"] * 20, *["away:80"] * 20)
        async with world.pumping():
            await asyncio.sleep(600)
            assert counted("callwright_callback_hosts_in_trouble ") == 2
        async with world.pumping():
            await asyncio.sleep(1)
            assert counted("callwright_callback_hosts_in_trouble ") == 2
            world.wall.step(LASTS.total_seconds())
            await asyncio.sleep(300)
            # all but the two that went out as probes
            assert counted('callwright_notice_tries_total{state="dead"} ') == 38
            await world.owe("down:80")
            dead.discard("down:80")
            await asyncio.sleep(600)
            assert counted("callwright_callback_hosts_in_trouble ") == 1

    play(scenario, dead)
