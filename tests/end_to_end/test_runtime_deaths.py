"""What becomes of calls when the process that has them dies, on a clock turned by hand."""

import asyncio
from dataclasses import replace
from pathlib import Path

from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.ports.line import LegOrder
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.scripted_line import ANSWERED, Fate
from callwright.testing.world import World, running, seed

NO_ANSWER = Fate(outcome=Outcome.NO_ANSWER, rings_s=60, sip_code=487)


def snapshot(folder: Path, copy: Path) -> None:
    """The database as a crash would leave it: with its log, without its lock."""
    copy.mkdir()
    for file in folder.glob("calls.db*"):
        if not file.name.endswith("lock"):
            (copy / file.name).write_bytes(file.read_bytes())


def test_no_call_is_lost_or_dialled_twice_when_the_process_dies(tmp_path: Path) -> None:
    """A dead process's calls: claimed ones go out, dialled ones count, answered ones are over."""
    clock = ManualClock()
    fates: dict[str, Fate] = {"+16175550100": replace(ANSWERED, talks_s=500)}

    def fate(order: LegOrder) -> Fate:
        return fates.get(order.number, NO_ANSWER)

    async def first_life() -> tuple[World, list[int]]:
        store = open_sqlite_store(tmp_path / "calls.db", server=True)
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        world = World(store=store, clock=clock, user=user, deployment=deployment)
        async with running(world, fate):
            schedule = world.schedule(max_attempts=2, wait_s=60)
            calls = [await world.queue(f"617555010{n}", schedule) for n in range(3)]
            calls.append(await world.queue("6175550109", world.schedule(opens_in_s=10_000)))
            await world.pass_time(5)
            # The process is gone: its loops say no more, and nothing is told to the store.
            for task in asyncio.all_tasks() - {asyncio.current_task()}:  # type: ignore[arg-type]
                task.cancel()
            await asyncio.sleep(0)
            world.lines[0].say = lambda message: None  # type: ignore[method-assign]
            snapshot(tmp_path, tmp_path / "after")
        await store.close()
        return world, [int(call) for call in calls]

    before, calls = asyncio.run(first_life())

    async def second_life() -> None:
        store = open_sqlite_store(tmp_path / "after" / "calls.db", server=True)
        world = World(store=store, clock=clock, user=before.user, deployment=before.deployment)
        try:
            async with running(world, lambda order: ANSWERED):
                await world.quiet()
                assert {orphan.attempt for orphan in world.lines[0].orphans} == {
                    f"{call}.1" for call in calls[:3]
                }
                talking = await world.details(calls[0])  # type: ignore[arg-type]
                assert talking.state is CallState.COMPLETED
                assert talking.attempts[0].outcome is Outcome.INTERRUPTED_TALKING
                ringing = await world.details(calls[1])  # type: ignore[arg-type]
                assert ringing.state is CallState.WAITING
                assert ringing.attempts[0].outcome is Outcome.INTERRUPTED
                await world.pass_time(59)
                assert world.orders == []
                await world.pass_until(lambda: len(world.sender.sent) == 3, step_s=1)
                assert sorted(order.number for _, order in world.orders) == [
                    "+16175550101",
                    "+16175550102",
                ]
                waiting = await world.details(calls[3])  # type: ignore[arg-type]
                assert waiting.state is CallState.QUEUED
        finally:
            await store.close()

    asyncio.run(second_life())
