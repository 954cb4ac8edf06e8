"""The real server in a simulated world: promises under faults, and the same world twice."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from callwright.errors import StoreUnavailable
from callwright.ports.store import Lane, ReadTx, WriteTx
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import Campaign, Submission, number
from callwright.simulation.drawn import draw_setting
from callwright.simulation.faults import FaultPlan, FaultRates, Spell
from callwright.simulation.inline_store import InlineStore
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World

T = TypeVar("T")

NOBODY_ANSWERS = Manners(answers=0.0, busy=0.0, unreachable=0.0, rejects=0.0)
TALKERS = Manners(answers=1.0, talks_s=600.0)


def play(setting: Setting) -> World:
    world = World(setting)
    world.run()
    return world


def campaign(count: int, *, max_attempts: int = 1, wait_s: float = 60.0) -> Campaign:
    """Single calls, one a second."""
    return Campaign(
        submissions=[
            Submission(
                at_s=float(n), numbers=(number(n),), max_attempts=max_attempts, wait_s=wait_s
            )
            for n in range(count)
        ]
    )


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_world_in_which_everything_fails_now_and_then_breaks_no_promise(seed: int) -> None:
    world = play(draw_setting(seed, calls=40, span_s=900.0, rates=FaultRates()))
    assert judge(world) == []
    assert len(world.client.asked) == 40


@pytest.mark.parametrize(
    "starts_at",
    [
        datetime(2026, 3, 8, 6, 55, tzinfo=UTC),  # New York, forward at 7:00
        datetime(2026, 11, 1, 5, 55, tzinfo=UTC),  # and back at 6:00
        datetime(2026, 10, 24, 15, 25, tzinfo=UTC),  # Lord Howe, by half an hour at 15:30
        datetime(2038, 1, 19, 3, 9, tzinfo=UTC),  # the last second of 32 bits is 3:14:07
    ],
)
def test_no_promise_is_broken_in_the_hours_that_clocks_find_hard(starts_at: datetime) -> None:
    setting = draw_setting(11, calls=60, span_s=900.0, rates=FaultRates())
    world = play(replace(setting, starts_at=starts_at))
    assert judge(world) == []
    # Retries are due, and windows shut, on both sides of the moment.
    legs = [leg.invited_at for leg in world.carrier.legs]
    moment = starts_at + timedelta(minutes=5)
    assert min(legs) < moment < max(legs)


def test_the_same_seed_gives_the_same_history_in_any_process() -> None:
    program = (
        "from callwright.simulation.drawn import draw_setting\n"
        "from callwright.simulation.faults import FaultRates\n"
        "from callwright.simulation.world import World\n"
        "world = World(draw_setting(7, calls=40, span_s=900.0, rates=FaultRates()))\n"
        "world.run()\n"
        "print(world.history.digest)\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
    assert play(draw_setting(8, calls=40, span_s=900.0)).history.digest not in digests


def test_the_end_of_a_call_makes_nobody_look_for_what_it_cannot_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions = 0
    read = InlineStore.read

    async def count_and_read(store: InlineStore, work: Callable[[ReadTx], T]) -> T:
        nonlocal questions
        questions += 1
        return await read(store, work)

    monkeypatch.setattr(InlineStore, "read", count_and_read)
    calls = 100
    world = play(Setting(campaign=campaign(calls), manners=replace(TALKERS, talks_s=5.0)))
    assert judge(world) == []
    assert len(world.sink.posts) == calls
    # Three look when it is queued and one when it ends; nine in ten seconds whatever happens.
    assert questions <= 4 * calls + 0.9 * world.now_s + 30


def test_a_result_is_claimed_for_sending_by_the_transaction_that_writes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: Counter[str] = Counter()
    write = InlineStore.write

    async def count_and_write(
        store: InlineStore, work: Callable[[WriteTx], T], *, lane: Lane = Lane.LIFE
    ) -> T:
        written[getattr(work, "func", work).__qualname__] += 1
        return await write(store, work, lane=lane)

    monkeypatch.setattr(InlineStore, "write", count_and_write)
    calls = 50
    world = play(Setting(campaign=campaign(calls), manners=replace(TALKERS, talks_s=5.0)))
    assert judge(world) == []
    assert len(world.sink.posts) == calls
    # What came of each try is kept; now and then, the pump was busy and claims for itself.
    assert calls <= written["CallbackPump._write_down"] <= 1.2 * calls


def test_a_result_that_was_claimed_by_a_commit_in_doubt_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pages = 0
    write = InlineStore.write

    async def write_in_doubt(
        store: InlineStore, work: Callable[[WriteTx], T], *, lane: Lane = Lane.LIFE
    ) -> T:
        nonlocal pages
        done = await write(store, work, lane=lane)
        if getattr(work, "func", work).__qualname__ == "Journal._write_down":
            pages += 1
            if pages % 3 == 0:
                raise StoreUnavailable("it is on disk, and nobody knows")
        return done

    monkeypatch.setattr(InlineStore, "write", write_in_doubt)
    calls = 40
    world = play(Setting(campaign=campaign(calls), manners=replace(TALKERS, talks_s=5.0)))
    assert judge(world) == []
    assert len(world.sink.posts) == calls


def test_an_opt_out_is_not_asked_of_a_server_that_died_before_its_slow_disk_had_it() -> None:
    slow = FaultPlan(store=(Spell(start_s=0.0, end_s=60.0, latency_s=4.0),))
    setting = Setting(
        campaign=campaign(1, max_attempts=2, wait_s=60.0),
        manners=replace(TALKERS, opts_out=1.0, hangs_up_early=0.0),
        faults=slow,
    )
    (leg,) = play(setting).carrier.legs
    assert leg.opted_out_s is not None
    dies = replace(slow, deaths_s=(leg.opted_out_s + 0.5,))
    world = play(replace(setting, faults=dies))
    first, second = world.carrier.legs  # the second is asked to opt out again, and that is kept
    assert first.opted_out_s is not None
    assert second.opted_out_s is not None
    assert judge(world) == []


def test_legs_of_a_line_that_died_are_hung_up_before_anybody_is_dialled_again() -> None:
    faults = FaultPlan(line_deaths_s=(20.0,))
    for manners in (NOBODY_ANSWERS, TALKERS):
        world = play(
            Setting(
                campaign=campaign(15, max_attempts=2, wait_s=0.0), faults=faults, manners=manners
            )
        )
        assert judge(world) == []
        left = [leg for leg in world.carrier.legs if leg.invited_s < 20.0 < (leg.ended_s or 0.0)]
        assert left
        assert all(leg.hung_up and (leg.ended_s or 0.0) < 30.0 for leg in left)


def test_a_commit_that_failed_and_landed_dials_and_tells_nobody_twice() -> None:
    setting = draw_setting(
        11, calls=40, span_s=600.0, rates=FaultRates(spells=8, kinds=frozenset({"failing store"}))
    )
    assert any(spell.lands for spell in setting.faults.store)
    assert judge(play(setting)) == []
