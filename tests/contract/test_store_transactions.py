"""What one transaction promises beside others: all or nothing, in groups, in order."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from store_world import NOON, World, contacts, schedule

from callwright.domain.ids import CallId
from callwright.errors import FieldInvalid, StoreUnavailable
from callwright.ports.store import Lane, WriteTx


def add(world: World) -> Callable[[WriteTx], CallId]:
    def work(tx: WriteTx) -> CallId:
        return tx.add_call(world.deployment, world.user.id, schedule(), contacts(1)[0], NOON)

    return work


def hold(world: World) -> tuple[threading.Event, "asyncio.Task[None]"]:
    """Stop the store inside a transaction until the event is set, so that others pile up."""
    release = threading.Event()

    def work(tx: WriteTx) -> None:
        assert release.wait(10)

    return release, asyncio.ensure_future(world.store.write(work))


def test_an_exception_undoes_its_own_changes_and_nobody_elses(world: World) -> None:
    def failing(tx: WriteTx) -> None:
        add(world)(tx)
        add(world)(tx)
        raise FieldInvalid("x", "is wrong")

    def breaking(tx: WriteTx) -> None:
        add(world)(tx)
        tx.add_account("main", NOON)

    async def together() -> list[object]:
        release, held = hold(world)
        works: list[Callable[[WriteTx], object]] = [add(world)] * 20
        works[3:3] = [failing, breaking]
        works[12:12] = [failing]
        waiting = [asyncio.ensure_future(world.store.write(work)) for work in works]
        await asyncio.sleep(0)
        release.set()
        await held
        return await asyncio.gather(*waiting, return_exceptions=True)

    results = world.runner.run(together())
    calls = [result for result in results if isinstance(result, int)]
    errors = [result for result in results if isinstance(result, Exception)]
    assert len(calls) == len(set(calls)) == 20
    assert [type(error) for error in errors] == [FieldInvalid, ValueError, FieldInvalid]
    assert world.read(lambda tx: tx.queue_counts()).waiting == 20
    for call in calls:
        assert world.details(call).id == call


def test_the_first_of_a_group_undoes_its_own_changes_too(world: World) -> None:
    release = threading.Event()

    def failing(tx: WriteTx) -> None:
        add(world)(tx)
        assert release.wait(10)
        raise FieldInvalid("x", "is wrong")

    async def together() -> list[object]:
        waiting = [asyncio.ensure_future(world.store.write(failing))]
        await asyncio.sleep(0)
        waiting += [asyncio.ensure_future(world.store.write(add(world))) for _ in range(3)]
        await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    failed, *calls = world.runner.run(together())
    assert isinstance(failed, FieldInvalid)
    assert len(set(calls)) == 3
    assert world.read(lambda tx: tx.queue_counts()).waiting == 3


def test_lives_come_before_intake_and_intake_before_lists(world: World) -> None:
    order: list[str] = []

    async def together() -> None:
        release, held = hold(world)
        waiting = [
            asyncio.ensure_future(
                world.store.write(lambda tx, n=lane.name: order.append(n), lane=lane)
            )
            for lane in (Lane.IMPORT, Lane.IMPORT, Lane.INTAKE, Lane.LIFE, Lane.INTAKE, Lane.LIFE)
        ]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(held, *waiting)

    world.runner.run(together())
    assert order == ["LIFE", "LIFE", "INTAKE", "INTAKE", "IMPORT", "IMPORT"]


def test_work_runs_outside_the_event_loop(world: World) -> None:
    thread = world.write(lambda tx: threading.get_ident())
    assert thread != threading.get_ident()
    assert world.read(lambda tx: threading.get_ident()) not in (thread, threading.get_ident())


def test_a_change_is_seen_by_every_question_asked_after_it(world: World) -> None:
    async def both() -> None:
        for _ in range(30):
            call = await world.store.write(add(world))
            assert await world.store.read(lambda tx, c=call: tx.call_details(c, NOON)) is not None

    world.runner.run(both())


def test_questions_see_one_snapshot(world: World) -> None:
    asked, answered = threading.Event(), threading.Event()

    def look(tx: object) -> tuple[int, int]:
        before = tx.queue_counts().waiting  # type: ignore[attr-defined]
        asked.set()
        assert answered.wait(10)
        return before, tx.queue_counts().waiting  # type: ignore[attr-defined]

    async def both() -> tuple[int, int]:
        reading = asyncio.ensure_future(world.store.read(look))
        await asyncio.to_thread(asked.wait, 10)
        await world.store.write(add(world))
        answered.set()
        return await reading

    assert world.runner.run(both()) == (0, 0)
    assert world.read(lambda tx: tx.queue_counts()).waiting == 1


def test_an_exception_of_a_question_comes_out(world: World) -> None:
    def failing(tx: object) -> None:
        raise FieldInvalid("x", "is wrong")

    with pytest.raises(FieldInvalid):
        world.read(failing)
    assert world.read(lambda tx: tx.queue_counts()).waiting == 0


def test_a_caller_that_is_cancelled_does_not_disturb_the_others(world: World) -> None:
    async def together() -> None:
        release, held = hold(world)
        leaving = asyncio.ensure_future(world.store.write(add(world)))
        staying = asyncio.ensure_future(world.store.write(add(world)))
        await asyncio.sleep(0)
        leaving.cancel()
        release.set()
        await held
        assert await staying > 0

    world.runner.run(together())


def test_closing_finishes_what_waits_and_then_refuses(world: World) -> None:
    async def together() -> list[object]:
        release, held = hold(world)
        waiting = [asyncio.ensure_future(world.store.write(add(world))) for _ in range(5)]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(world.store.close())
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(held, closing)
        return await asyncio.gather(*waiting)

    assert len(world.runner.run(together())) == 5
    with pytest.raises(StoreUnavailable):
        world.write(add(world))
    with pytest.raises(StoreUnavailable):
        world.read(lambda tx: tx.queue_counts())
