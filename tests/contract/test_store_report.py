"""What the store answers about the queue: how much, and when to look again."""

from datetime import datetime

from store_world import NOON, World, after, end, finish, retry, schedule

from callwright.domain.ids import BatchId, CallId
from callwright.domain.lifecycle import CallState
from callwright.ports.notices import HostsWanted
from callwright.ports.store import QueueCounts


def due(world: World, trunk: str = "main") -> datetime | None:
    return world.next_due_at(trunk)


def closing(world: World) -> datetime | None:
    return world.read(lambda tx: tx.next_closing_at())


def test_an_empty_queue_has_nothing_to_come_back_for(world: World) -> None:
    assert (due(world), closing(world)) == (None, None)
    assert world.read(lambda tx: tx.next_notice_at(HostsWanted())) is None
    assert world.read(lambda tx: tx.queue_counts()) == QueueCounts(
        waiting=0, active=0, quarantined=0, notices_pending=0, notices_dead=0
    )


def test_calls_that_do_not_exist_are_not_known(world: World) -> None:
    for number in (0, 1, -1, 2**63 - 1, 2**63, 10**30):
        assert world.read(lambda tx, n=number: tx.call_details(CallId(n), NOON)) is None
        assert world.read(lambda tx, n=number: tx.batch_calls(BatchId(n), NOON, 5)) == []


def test_the_next_due_moment_is_the_earliest_of_singles_retries_and_lists(world: World) -> None:
    world.queue_list(1, plan=schedule(50))
    assert due(world) == after(50)
    world.queue(schedule(40))
    assert due(world) == after(40)
    assert due(world, "other") is None
    world.queue_list(1, plan=schedule(-10))
    assert due(world) == after(-10)
    active = world.dial()
    world.write(lambda tx: retry(tx, active, end(), after(30)))
    assert due(world) == after(30)
    world.claim(now=after(50))
    assert due(world) is None


def test_what_was_cancelled_is_not_due(world: World) -> None:
    world.queue()
    world.queue_list(1)
    world.queue_list(1, plan=schedule(5))
    world.cancel()
    assert due(world) is None
    world.queue(schedule(9))
    assert due(world) == after(9)


def test_a_list_that_is_claimed_in_part_is_still_due(world: World) -> None:
    world.queue_list(3, plan=schedule(5))
    world.claim(2, now=after(6))
    assert due(world) == after(5)
    world.claim(2, now=after(6))
    assert due(world) is None


def test_the_next_closing_is_the_earliest_window_of_what_waits(world: World) -> None:
    world.queue()
    assert closing(world) is None
    world.queue_list(1, plan=schedule(0, 50))
    world.load(1, plan=schedule(0, 10))
    assert closing(world) == after(50)
    world.queue(schedule(0, 40))
    assert closing(world) == after(40)
    world.settle(after(40))
    assert closing(world) == after(50)
    world.claim(now=after(41))
    assert closing(world) is None


def test_a_cancellation_that_waits_is_something_to_come_back_for(world: World) -> None:
    world.queue(schedule(0, 50))
    world.cancel(after(3))
    assert closing(world) == after(3)
    world.settle(after(4))
    assert closing(world) is None


def test_each_call_is_counted_where_it_stands(world: World) -> None:
    def counts() -> tuple[int, int]:
        found = world.read(lambda tx: tx.queue_counts())
        return found.waiting, found.active

    world.queue()
    world.queue_list(4, 5)
    world.load(7)
    assert counts() == (10, 0)
    world.claim(3)
    assert counts() == (7, 3)
    active = world.dial()
    assert counts() == (6, 4)
    world.write(lambda tx: retry(tx, active, end(), after(60)))
    assert counts() == (7, 3)
    active = world.dial()
    world.write(lambda tx: finish(tx, active, end(), CallState.EXHAUSTED, NOON))
    assert counts() == (6, 3)


def test_a_batch_shows_each_call_where_it_stands(world: World) -> None:
    batch = world.queue_list(4)
    done = world.talk()
    world.write(lambda tx: finish(tx, done, end(), CallState.COMPLETED, NOON))
    failed = world.dial()
    world.write(lambda tx: retry(tx, failed, end(), after(60)))
    world.dial()
    calls = world.read(lambda tx: tx.batch_calls(batch, NOON, 9))
    assert [call.state for call in calls] == [
        CallState.COMPLETED,
        CallState.WAITING,
        CallState.DIALING,
        CallState.QUEUED,
    ]
    assert [len(call.attempts) for call in calls] == [1, 1, 1, 0]
    assert calls == [world.details(call.id) for call in calls]


def test_questions_can_be_asked_inside_a_change_too(world: World) -> None:
    call = world.queue()
    assert world.write(lambda tx: tx.call_details(call, NOON)) == world.details(call)
    assert world.write(lambda tx: tx.queue_counts()).waiting == 1
