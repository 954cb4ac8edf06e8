"""Pauses: what they hold, at the moment of claiming and nowhere else."""

import pytest
from store_world import NOON, World, after, contacts, end, retry, schedule

from callwright.domain.ids import BatchId, CallId
from callwright.domain.lifecycle import CallState
from callwright.ports.store import WriteTx
from callwright.store.sqlite.stops import PUT_ASIDE


def load(world: World, count: int) -> BatchId:
    def work(tx: WriteTx) -> BatchId:
        batch = tx.open_batch(world.deployment, world.user.id, schedule(), NOON)
        tx.add_calls(batch, contacts(count))
        tx.go_live(batch, NOON)
        return batch

    return world.write(work)


def claimed(world: World, limit: int = 100, seconds: float = 0) -> list[CallId]:
    return [claim.call_id for claim in world.claim(limit, now=after(seconds))]


def test_a_paused_list_is_passed_by_and_goes_on_when_resumed(world: World) -> None:
    held, other = load(world, 3), load(world, 2)
    world.write(lambda tx: tx.pause_batch(held, world.user.id, NOON))
    assert claimed(world) == [4, 5]
    assert claimed(world) == []
    world.write(lambda tx: tx.resume_batch(held))
    assert claimed(world) == [1, 2, 3]
    assert world.read(lambda tx: tx.batch(other)) is not None


def test_what_is_held_is_nothing_to_wake_up_for(world: World) -> None:
    load(world, 2)
    world.queue()
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    claimed(world)
    assert world.next_due_at() is None
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    assert world.next_due_at() == NOON


def test_a_paused_deployment_holds_what_is_queued_later_too(world: World) -> None:
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    single = world.queue()
    load(world, 2)
    elsewhere = world.queue(deployment=world.deploy())
    assert claimed(world) == [elsewhere]
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    assert claimed(world) == [single, 2, 3]


def test_a_retry_that_falls_due_while_paused_is_held(world: World) -> None:
    call = world.queue()
    active = world.dial()
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    assert world.state(call) is CallState.DIALING
    assert world.write(lambda tx: retry(tx, active, end(), after(60)))
    assert claimed(world, seconds=120) == []
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    assert claimed(world, seconds=120) == [call]


def test_each_of_two_pauses_holds_by_itself(world: World) -> None:
    call = world.queue()
    details = world.read(lambda tx: tx.call_details(call, NOON))
    assert details is not None
    batch = details.batch_id
    world.write(lambda tx: tx.pause_batch(batch, world.user.id, NOON))
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    assert claimed(world) == []
    assert world.read(lambda tx: tx.paused_batches([batch])) == {batch}
    world.write(lambda tx: tx.resume_batch(batch))
    assert world.read(lambda tx: tx.paused_batches([batch])) == set()
    assert claimed(world) == [call]


def test_pausing_again_keeps_the_first_moment_and_resuming_again_does_nothing(
    world: World,
) -> None:
    call = world.queue()
    for seconds in (0, 60):
        world.write(
            lambda tx, s=seconds: tx.pause_deployment(world.deployment, world.user.id, after(s))
        )
    assert world.read(lambda tx: tx.deployment_paused_at(world.deployment)) == NOON
    for _ in range(2):
        world.write(lambda tx: tx.resume_deployment(world.deployment))
    assert world.read(lambda tx: tx.deployment_paused_at(world.deployment)) is None
    assert claimed(world) == [call]


@pytest.mark.parametrize("settled", [True, False])
def test_more_than_a_slice_is_put_aside_and_comes_back(world: World, settled: bool) -> None:
    """Whether somebody goes on with it at once or claiming has to."""
    count = PUT_ASIDE + 700

    def add(tx: WriteTx) -> None:
        for _ in range(count):
            tx.add_call(world.deployment, world.user.id, schedule(), contacts(1)[0], NOON)

    world.write(add)
    other = world.queue(deployment=world.deploy(), now=after(1))
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    if settled:
        while not world.write(lambda tx: tx.settle_pauses()):
            pass
    assert claimed(world, limit=5) == [other]
    assert claimed(world, limit=5) == []
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    if settled:
        while not world.write(lambda tx: tx.settle_pauses()):
            pass
    taken: list[CallId] = []
    while more := claimed(world, limit=1000):
        taken += more
    assert sorted(taken) == list(range(1, count + 1))


def test_a_pause_lifted_and_put_again_before_it_was_settled_holds(world: World) -> None:
    def add(tx: WriteTx) -> None:
        for _ in range(PUT_ASIDE + 10):
            tx.add_call(world.deployment, world.user.id, schedule(), contacts(1)[0], NOON)

    world.write(add)
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, after(1)))
    assert claimed(world) == []
    assert world.read(lambda tx: tx.deployment_paused_at(world.deployment)) == after(1)


def test_a_paused_call_can_be_cancelled_and_its_window_shuts(world: World) -> None:
    canceled = world.queue()
    closing = world.queue(schedule(closes=60))
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    world.write(lambda tx: tx.cancel_call(canceled, after(1)))
    endings = world.write(lambda tx: tx.take_ending_calls(after(90), 10))
    assert {(ending.call_id, str(ending.event)) for ending in endings} == {
        (canceled, "cancel"),
        (closing, "window_close"),
    }
