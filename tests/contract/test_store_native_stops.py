"""Cancelling one call, wherever it stands, and one list."""

import pytest
from store_world import NOON, OWNER, World, after, contacts, schedule

from callwright.domain.ids import BatchId, CallId
from callwright.domain.lifecycle import CallState
from callwright.ports.store import WriteTx
from callwright.service.claim_calls import claim_due_calls


def load(world: World, count: int, closes: float | None = None) -> BatchId:
    def work(tx: WriteTx) -> BatchId:
        plan = schedule(closes=closes)
        batch = tx.open_batch(world.deployment, world.user.id, plan, NOON)
        tx.add_calls(batch, contacts(count))
        tx.go_live(batch, NOON)
        return batch

    return world.write(work)


def claimed(world: World, limit: int = 100) -> list[CallId]:
    claims = world.write(lambda tx: claim_due_calls(tx, OWNER, ("main",), limit, NOON).claims)
    return [claim.call_id for claim in claims]


def settle(world: World, limit: int = 100) -> dict[CallId, CallState]:
    """End what a cancellation or the window ended; the final states."""
    return dict(world.settle(after(1), limit))


def state(world: World, call: int) -> CallState:
    details = world.read(lambda tx: tx.call_details(CallId(call), after(1)))
    assert details is not None
    return details.state


@pytest.mark.parametrize("position", [1, 2, 5])
def test_a_call_is_cut_out_of_its_list(world: World, position: int) -> None:
    batch = load(world, 5)
    world.write(lambda tx: tx.cancel_call(CallId(position), NOON))
    assert state(world, position) is CallState.CANCELED
    assert settle(world) == {position: CallState.CANCELED}
    assert settle(world) == {}
    assert claimed(world) == [call for call in range(1, 6) if call != position]
    calls = world.read(lambda tx: tx.batch_calls(batch, after(1), 10))
    assert [call.id for call in calls] == [1, 2, 3, 4, 5]
    found = world.read(lambda tx: tx.batch(batch))
    assert found is not None
    assert found.calls == 5


def test_many_calls_are_cut_out_of_one_list(world: World) -> None:
    load(world, 10)
    for call in (3, 7, 4, 1, 10):
        world.write(lambda tx, c=call: tx.cancel_call(CallId(c), NOON))
    assert set(settle(world, limit=2)) == {1, 3}
    assert set(settle(world)) == {4, 7, 10}
    assert claimed(world) == [2, 5, 6, 8, 9]


def test_a_cancelled_call_is_never_claimed_even_before_it_is_settled(world: World) -> None:
    call = world.queue()
    world.write(lambda tx: tx.cancel_call(call, NOON))
    assert claimed(world) == []
    assert world.read(lambda tx: tx.next_closing_at()) == NOON


def test_a_call_claimed_out_of_its_list_before_it_was_settled_knows_it_is_cancelled(
    world: World,
) -> None:
    load(world, 2)
    world.write(lambda tx: tx.cancel_call(CallId(1), NOON))
    assert claimed(world, limit=1) == [1]
    active = world.write(lambda tx: tx.active_call(CallId(1), 1, OWNER))
    assert active is not None
    assert active.canceled
    assert settle(world) == {}


def test_a_call_cancelled_while_it_is_dialled_ends_when_it_would_wait_again(world: World) -> None:
    call = world.queue()
    claim = world.claim_one()
    world.write(lambda tx: tx.cancel_call(call, NOON))
    assert settle(world) == {}
    world.write(lambda tx: tx.release_claim(claim, after(5)))
    assert settle(world) == {call: CallState.CANCELED}


def test_an_attempt_under_way_is_told_of_its_cancellation(world: World) -> None:
    call = world.queue()
    active = world.dial()
    assert not active.canceled
    world.write(lambda tx: tx.cancel_call(call, NOON))
    assert world.active(active).canceled


def test_cancelling_twice_keeps_the_first_moment(world: World) -> None:
    call = world.queue()
    for seconds in (0.25, 0.5):
        world.write(lambda tx, s=seconds: tx.cancel_call(call, after(s)))
    details = world.read(lambda tx: tx.call_details(call, after(1)))
    assert details is not None
    assert details.history[-1].at == after(0.25)


def test_cancelling_a_list_covers_it_alone(world: World) -> None:
    before, gone, later = load(world, 2), load(world, 3), load(world, 2)
    single = world.queue()
    world.write(lambda tx: tx.cancel_batch(gone, NOON))
    world.write(lambda tx: tx.cancel_batch(gone, after(0.5)))
    assert [state(world, call) for call in (3, 4, 5)] == [CallState.CANCELED] * 3
    assert claimed(world) == [single, 1, 2, 6, 7]
    assert settle(world) == dict.fromkeys((3, 4, 5), CallState.CANCELED)
    found = [world.read(lambda tx, b=b: tx.batch(b)) for b in (before, gone, later)]
    assert [batch.canceled_at for batch in found if batch is not None] == [None, NOON, None]


def test_a_deployment_can_be_cancelled_after_one_of_its_lists(world: World) -> None:
    first, second = load(world, 2), load(world, 2)
    world.write(lambda tx: tx.cancel_batch(second, NOON))
    world.write(lambda tx: tx.cancel_deployment(world.deployment, after(0.5)))
    assert {state(world, call) for call in range(1, 5)} == {CallState.CANCELED}
    assert claimed(world) == []
    assert len(settle(world)) == 4
    assert first < second
    world.queue()
    assert len(claimed(world)) == 1


def test_the_earlier_of_cancellation_and_window_is_how_a_call_ended(world: World) -> None:
    load(world, 2, closes=0.5)
    world.write(lambda tx: tx.cancel_call(CallId(1), after(0.25)))
    world.write(lambda tx: tx.cancel_call(CallId(2), after(0.75)))
    assert [state(world, call) for call in (1, 2)] == [CallState.CANCELED, CallState.EXPIRED]
    assert settle(world) == {1: CallState.CANCELED, 2: CallState.EXPIRED}
