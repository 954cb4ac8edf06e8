"""Calls that end while they wait: by one cancellation, or by their window."""

import pytest
from store_world import NOON, World, after, end, retry, schedule

from callwright.domain.call import HistoryEvent
from callwright.domain.lifecycle import TRANSITIONS, CallState
from callwright.errors import IllegalTransition
from callwright.ports.store import EndingCall, WriteTx


def test_a_cancellation_shows_at_once_and_is_settled_later(world: World) -> None:
    single = world.queue()
    batch = world.queue_list(3)
    world.cancel(after(7))
    calls = [single, *(call.id for call in world.read(lambda tx: tx.batch_calls(batch, NOON, 9)))]
    shown = [world.details(call, after(8)) for call in calls]
    assert {details.state for details in shown} == {CallState.CANCELED}
    assert {(d.history[-1].event, d.history[-1].at) for d in shown} == {
        (HistoryEvent.CANCELED, after(7))
    }
    assert world.settle(after(99)) == [(call, CallState.CANCELED) for call in calls]
    assert [world.details(call, after(100)) for call in calls] == shown
    assert world.settle(after(99)) == []
    assert world.read(lambda tx: tx.queue_counts()).waiting == 0


def test_a_cancellation_covers_what_was_live_of_its_deployment(world: World) -> None:
    other = world.deploy()
    theirs = world.queue(deployment=other)
    loading = world.load(2)
    mine = world.queue()
    world.cancel(after(1))
    later = world.queue()
    world.write(lambda tx: tx.go_live(loading, after(2)))
    assert world.settle(after(3)) == [(mine, CallState.CANCELED)]
    assert world.state(theirs) is CallState.QUEUED
    assert world.state(later) is CallState.QUEUED
    assert len(world.claim(now=after(3))) == 4


def test_cancelling_again_changes_nothing_for_what_is_cancelled(world: World) -> None:
    call = world.queue()
    world.cancel(after(1))
    world.cancel(after(2))
    assert world.details(call).history[-1].at == after(1)
    second = world.queue()
    world.cancel(after(3))
    world.cancel(after(4))
    assert world.settle(after(5)) == [(call, CallState.CANCELED), (second, CallState.CANCELED)]
    assert world.details(call).history[-1].at == after(1)
    assert world.details(second).history[-1].at == after(3)


def test_cancelling_nothing_leaves_nothing_to_settle(world: World) -> None:
    world.cancel()
    assert world.read(lambda tx: tx.next_closing_at()) is None
    world.queue()
    world.dial()
    world.cancel()
    assert world.read(lambda tx: tx.next_closing_at()) is None
    assert world.settle() == []


def test_windows_end_calls_whether_queued_or_waiting(world: World) -> None:
    tried = world.queue(schedule(0, 30))
    active = world.dial()
    world.write(lambda tx: retry(tx, active, end(), after(20)))
    fresh = world.queue(schedule(0, 40))
    batch = world.queue_list(2, plan=schedule(0, 50))
    (one, two) = (call.id for call in world.read(lambda tx: tx.batch_calls(batch, NOON, 9)))
    assert world.settle(after(29.999999)) == []
    assert world.state(tried, after(29)) is CallState.WAITING
    assert world.state(tried, after(30)) is CallState.EXPIRED

    def take(tx: WriteTx) -> list[EndingCall]:
        endings = list(tx.take_ending_calls(after(60), 10))
        for ending in endings:
            tx.end_waiting_calls([(ending, CallState.EXPIRED)])
        return endings

    endings = world.write(take)
    assert [(e.call_id, str(e.event), e.from_state, e.at) for e in endings] == [
        (tried, "window_close", CallState.WAITING, after(30)),
        (fresh, "window_close", CallState.QUEUED, after(40)),
        (one, "window_close", CallState.QUEUED, after(50)),
        (two, "window_close", CallState.QUEUED, after(50)),
    ]
    details = world.details(tried, after(60))
    assert (details.state, details.history[-1].at) == (CallState.EXPIRED, after(30))


@pytest.mark.parametrize(
    ("cancel_at", "state", "at"),
    [(29, CallState.CANCELED, 29), (30, CallState.EXPIRED, 30), (31, CallState.EXPIRED, 30)],
)
def test_whichever_came_first_ended_the_call(
    world: World, cancel_at: int, state: CallState, at: int
) -> None:
    single = world.queue(schedule(0, 30))
    batch = world.queue_list(1, plan=schedule(0, 30))
    (listed,) = (call.id for call in world.read(lambda tx: tx.batch_calls(batch, NOON, 9)))
    world.cancel(after(cancel_at))
    shown = [world.details(call, after(60)) for call in (single, listed)]
    assert [(d.state, d.history[-1].at) for d in shown] == [(state, after(at))] * 2
    assert world.settle(after(60)) == [(single, state), (listed, state)]
    assert [world.details(call, after(60)) for call in (single, listed)] == shown


def test_settling_goes_in_slices_and_ends_each_call_once(world: World) -> None:
    for _ in range(4):
        world.queue()
    batch = world.queue_list(5, 6)
    world.queue_list(3, plan=schedule(0, 10))
    world.claim(6)
    world.cancel(after(1))
    slices = []
    while part := world.settle(after(20), limit=4):
        slices.append(part)
    assert [len(part) for part in slices] == [4, 4, 4]
    ended = [call for part in slices for call, _ in part]
    assert len(set(ended)) == 12
    assert world.read(lambda tx: tx.next_closing_at()) is None
    states = [call.state for call in world.read(lambda tx: tx.batch_calls(batch, after(20), 99))]
    assert states == [CallState.CLAIMED] * 2 + [CallState.CANCELED] * 9


def test_a_cancelled_claim_that_is_released_is_settled_like_the_rest(world: World) -> None:
    world.queue_list(2)
    claim = world.claim_one()
    world.cancel(after(1))
    assert len(world.settle(after(2))) == 1
    assert world.read(lambda tx: tx.next_closing_at()) is None
    assert world.write(lambda tx: tx.release_claim(claim, after(3)))
    assert world.state(claim.call_id) is CallState.CANCELED
    assert world.claim(now=after(9)) == []
    assert world.read(lambda tx: tx.next_closing_at()) == after(1)
    assert world.settle(after(9)) == [(claim.call_id, CallState.CANCELED)]


def test_a_waiting_call_ends_only_as_the_life_cycle_allows(world: World) -> None:
    call = world.queue(schedule(0, 10))

    def wrong(tx: WriteTx) -> None:
        (ending,) = tx.take_ending_calls(after(10), 5)
        tx.end_waiting_calls([(ending, CallState.COMPLETED)])

    with pytest.raises(IllegalTransition):
        world.write(wrong)
    assert world.settle(after(10)) == [(call, CallState.EXPIRED)]


def test_bulk_moves_are_moves_of_the_life_cycle(world: World) -> None:
    """Claiming, cancelling and expiring many calls at once, seen from both sides of each."""
    plans = [schedule(), schedule(0, 30)]
    calls = []
    for plan in plans:
        calls += [world.queue(plan) for _ in range(4)]
        batch = world.queue_list(4, plan=plan)
        calls += [call.id for call in world.read(lambda tx, b=batch: tx.batch_calls(b, NOON, 9))]
    for _ in range(3):
        active = world.dial()
        world.write(lambda tx, a=active: retry(tx, a, end(), after(1)))

    def states(now: float) -> dict:
        return {call: world.state(call, after(now)) for call in calls}

    def check(before: dict, now: float) -> dict:
        states_now = states(now)
        for call in calls:
            moves = {before[call], *TRANSITIONS[before[call]].values()}
            assert states_now[call] in moves
        return states_now

    seen = states(2)
    assert {CallState.QUEUED, CallState.WAITING} == set(seen.values())
    world.claim(6, now=after(2))
    seen = check(seen, 2)
    world.cancel(after(3))
    seen = check(seen, 3)
    world.settle(after(40))
    seen = check(seen, 40)
    assert set(seen.values()) == {CallState.CLAIMED, CallState.CANCELED}
