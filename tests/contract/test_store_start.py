"""How new a store is, and when a start on it is held."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from store_world import NOON, OWNER, World, after, furnish, schedule

from callwright.ports.start import Held
from callwright.service.hold_start import HoldRules, begin_start
from callwright.store.sqlite import open_sqlite_store

FEW = HoldRules(more_than=2)
HOURS_LATER = after(3 * 3600)


def start(
    world: World,
    noted: int | None,
    now: datetime = NOON,
    *,
    resume: bool = False,
    rules: HoldRules = FEW,
) -> tuple[int, str]:
    """The generation of a start, and why it is held."""
    generation, held = world.write(
        lambda tx: begin_start(tx, noted, "the note", now, rules, resume=resume)
    )
    return generation, "" if held is None else held.because


def test_generations_count_up_and_overtake_what_was_noted(world: World) -> None:
    assert world.read(lambda tx: tx.server_mark()).generation == 0
    assert world.write(lambda tx: tx.next_generation(NOON)) == 1
    assert world.write(lambda tx: tx.next_generation(after(5), above=40)) == 41
    mark = world.read(lambda tx: tx.server_mark())
    assert (mark.generation, mark.beat_at, mark.held) == (41, after(5), None)


def test_heartbeats_from_before_there_was_a_mark_count(world: World) -> None:
    world.write(lambda tx: tx.add_owner(OWNER, after(7)))
    assert world.read(lambda tx: tx.server_mark()).beat_at == after(7)


def test_a_store_behind_its_note_is_held_until_somebody_says_so(world: World) -> None:
    world.queue()
    assert start(world, None) == (1, "")
    generation, because = start(world, 9)
    assert generation == 10
    assert "older copy" in because
    # The next start knows the note again, and is held all the same.
    assert start(world, 10) == (11, because)
    assert start(world, 11, resume=True) == (12, "")
    assert start(world, 12) == (13, "")


def test_a_store_whose_note_is_missing_is_held_once_it_was_served(world: World) -> None:
    world.queue()
    assert start(world, None) == (1, "")
    assert start(world, None) == (2, "")
    _, because = start(world, None)
    assert "the note is missing" in because


def test_where_nothing_waits_nothing_is_held(world: World) -> None:
    assert start(world, None) == (1, "")
    assert start(world, 9) == (10, "")
    assert start(world, None, HOURS_LATER) == (11, "")


@pytest.mark.parametrize(
    ("calls", "now", "is_held"),
    [
        (3, HOURS_LATER, True),
        (2, HOURS_LATER, False),
        (3, after(15 * 60), False),
        (3, NOON - timedelta(hours=3), True),
    ],
)
def test_a_long_silence_holds_a_start_only_if_many_calls_are_due(
    world: World, calls: int, now: datetime, is_held: bool
) -> None:
    for _ in range(calls):
        world.queue(schedule(-4 * 3600))
    assert start(world, None) == (1, "")
    assert bool(start(world, 1, now)[1]) is is_held


def test_only_what_could_be_claimed_is_due(world: World) -> None:
    def due(most: int = 100) -> int:
        return world.read(lambda tx: tx.count_due_calls(after(60), most))

    world.queue(schedule(0, 60))
    world.queue(schedule(61))
    assert due() == 0
    world.queue()
    world.queue_list(3, 4)
    assert due() == 8
    assert due(5) == 5
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    assert due() == 0


def test_a_hold_is_kept_with_its_reason(world: World) -> None:
    held = Held(at=after(1), because="why")
    world.write(lambda tx: tx.hold(held))
    assert world.read(lambda tx: tx.server_mark()).held == held
    world.write(lambda tx: tx.end_hold())
    assert world.read(lambda tx: tx.server_mark()).held is None


def test_a_server_sees_that_another_process_has_written(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"

    async def both() -> list[bool]:
        server, seen = open_sqlite_store(path, server=True), []

        async def look() -> None:
            seen.append(await server.write(lambda tx: tx.written_elsewhere()))

        await look()  # nobody has looked before: it may be
        await server.write(furnish)
        await look()
        admin = open_sqlite_store(path, server=False)
        await admin.read(lambda tx: tx.user_by_email("ann@example.org"))
        await look()
        await admin.write(lambda tx: tx.hold(Held(at=NOON, because="a test")))
        await look()
        await look()
        await admin.close()
        await server.close()
        return seen

    assert asyncio.run(both()) == [True, False, False, True, False]
