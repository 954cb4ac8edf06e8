"""What is forbidden between an attempt's commit and its INVITE does not leave any more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callwright.domain.ids import BatchId, CallId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.ports.line import LegOrder
from callwright.ports.store import WriteTx
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.scripted_line import Fate
from callwright.testing.world import World, running, seed

NUMBER = "6175550101"
HELD = Fate(outcome=Outcome.ANSWERED, sip_code=200, leaves_s=1.5)
OPTS_OUT = Fate(
    outcome=Outcome.ANSWERED, sip_code=200, rings_s=0.2, talks_s=5.0, keys=(("opt_out", "yes"),)
)


Forbid = Callable[[World, WriteTx, CallId], object]


def cancel_call(world: World, tx: WriteTx, call: CallId) -> None:
    tx.cancel_call(call, world.clock.now())


def cancel_batch(world: World, tx: WriteTx, call: CallId) -> None:
    tx.cancel_batch(BatchId(call), world.clock.now())


def cancel_deployment(world: World, tx: WriteTx, call: CallId) -> None:
    tx.cancel_deployment(world.deployment.id, world.clock.now())


def opt_out(world: World, tx: WriteTx, call: CallId) -> None:
    details = tx.call_details(call, world.clock.now())
    assert details is not None
    tx.suppress(details.account_id, details.contact.dial.number, None, world.clock.now())


@asynccontextmanager
async def calling(path: Path, fate: Callable[[LegOrder], Fate]) -> AsyncIterator[World]:
    clock = ManualClock()
    store = open_sqlite_store(path / "calls.db", server=True)
    try:
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        world = World(store=store, clock=clock, user=user, deployment=deployment)
        async with running(world, fate):
            yield world
    finally:
        await store.close()


async def dialled_then_forbidden(path: Path, forbid: Forbid, *, after_s: float) -> tuple[int, str]:
    """How often a held call that was forbidden so long after its order was dialled, and what
    became of it."""
    async with calling(path, lambda order: HELD) as world:
        assert world.supervisor is not None
        call = await world.queue(NUMBER)
        await world.pass_time(after_s, step_s=0.05)
        await world.store.write(lambda tx: forbid(world, tx, call))
        world.supervisor.wake()
        await world.pass_time(10, step_s=0.05)
        assert world.supervisor.attempts.in_flight("main") == 0
        return len(world.orders), (await world.details(call)).state


@pytest.mark.parametrize(
    ("forbid", "state"),
    [
        (cancel_call, CallState.CANCELED),
        (cancel_batch, CallState.CANCELED),
        (cancel_deployment, CallState.CANCELED),
        (opt_out, CallState.REJECTED),
    ],
)
def test_a_call_that_is_forbidden_while_the_gate_holds_it_is_never_dialled(
    tmp_path: Path, forbid: Forbid, state: CallState
) -> None:
    assert asyncio.run(dialled_then_forbidden(tmp_path, forbid, after_s=0.3)) == (0, state)


def test_what_has_left_runs_to_its_end(tmp_path: Path) -> None:
    completed = (1, CallState.COMPLETED)
    assert asyncio.run(dialled_then_forbidden(tmp_path, cancel_call, after_s=1.7)) == completed


def test_who_opts_out_by_key_is_not_called_by_an_order_that_has_not_left(tmp_path: Path) -> None:
    async def test() -> None:
        async with calling(
            tmp_path, lambda order: HELD if order.leg == "2.1" else OPTS_OUT
        ) as world:
            await world.queue(NUMBER)
            held = await world.queue(NUMBER)
            await world.pass_time(8, step_s=0.05)
            assert [order.leg for _, order in world.orders] == ["1.1"]
            details = await world.details(held)
            assert details.state == CallState.REJECTED
            facts = await world.store.read(lambda tx: tx.call_facts(held))
            assert facts.rejected_because == "the number is on the opt-out list"

    asyncio.run(test())
