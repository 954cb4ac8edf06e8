"""Notices: one a call, handed to one sender at a time, until delivered or dead."""

from datetime import datetime

import pytest
from store_world import NOON, OTHER, OWNER, World, after

from callwright.domain.ids import CallId, OwnerId
from callwright.domain.notice import Delivery, NoticeState
from callwright.ports.store import NewNotice, OwedNotice, QueueCounts, TriedNotice

TIMEOUT = Delivery(status=None, problem="timeout", took_ms=15_000)
DONE = Delivery(status=200, took_ms=12)


def owe(world: World, due: float = 0, body: bytes = b"body\x00\xff") -> CallId:
    """Queue a call and owe its notice."""
    call = world.queue()

    notice = NewNotice(
        call_id=call,
        url="https://example.org/ä",
        webhook_id=f"msg_{call}",
        content_type="application/x-www-form-urlencoded",
        body=body,
    )
    world.write(lambda tx: tx.add_notices([notice], after(due)))
    return call


def claim(world: World, at: float = 0, owner: OwnerId = OWNER, limit: int = 10) -> list[OwedNotice]:
    return list(world.write(lambda tx: tx.claim_due_notices(owner, after(at), limit)))


def note(
    world: World,
    notice: OwedNotice,
    state: NoticeState,
    due_at: datetime | None = None,
    *,
    owner: OwnerId = OWNER,
    delivery: Delivery = TIMEOUT,
) -> bool:
    tried = TriedNotice(id=notice.id, at=after(1), delivery=delivery, state=state, due_at=due_at)
    return notice.id in world.write(lambda tx: tx.note_deliveries(owner, [tried]))


def next_at(world: World) -> datetime | None:
    return world.read(lambda tx: tx.next_notice_at())


def test_a_notice_is_handed_out_as_it_was_rendered(world: World) -> None:
    call = owe(world, 5)
    assert next_at(world) == after(5)
    assert claim(world, 4.999999) == []
    (notice,) = claim(world, 5)
    assert notice == OwedNotice(
        id=notice.id,
        call_id=call,
        url="https://example.org/ä",
        webhook_id=f"msg_{call}",
        content_type="application/x-www-form-urlencoded",
        body=b"body\x00\xff",
        tries=0,
    )


def test_a_notice_is_handed_to_one_sender_at_a_time(world: World) -> None:
    owe(world)
    assert len(claim(world)) == 1
    assert claim(world, 99) == []
    assert claim(world, 99, OTHER) == []
    assert next_at(world) is None


def test_notices_come_in_the_order_they_are_due(world: World) -> None:
    late, early, same = owe(world, 9), owe(world, 1), owe(world, 1)
    assert [notice.call_id for notice in claim(world, 10, limit=2)] == [early, same]
    assert [notice.call_id for notice in claim(world, 10, limit=2)] == [late]
    assert claim(world, 10, limit=2) == []


def test_a_call_has_one_notice(world: World) -> None:
    call = owe(world)
    again = NewNotice(call_id=call, url="u", webhook_id="w", content_type="t", body=b"")
    with pytest.raises(ValueError, match="UNIQUE"):
        world.write(lambda tx: tx.add_notices([again], NOON))


def test_a_failed_try_comes_again_with_its_count(world: World) -> None:
    owe(world)
    (first,) = claim(world)
    assert note(world, first, NoticeState.PENDING, after(300))
    assert next_at(world) == after(300)
    assert claim(world, 299) == []
    (second,) = claim(world, 300, OTHER)
    assert (second.id, second.tries, second.body) == (first.id, 1, first.body)


@pytest.mark.parametrize("state", [NoticeState.DELIVERED, NoticeState.DEAD])
def test_a_notice_that_is_over_is_not_handed_out_again(world: World, state: NoticeState) -> None:
    owe(world)
    (notice,) = claim(world)
    assert note(world, notice, state, delivery=DONE)
    assert claim(world, 10**6) == []
    assert next_at(world) is None
    dead = int(state is NoticeState.DEAD)
    assert world.read(lambda tx: tx.queue_counts()) == QueueCounts(
        waiting=1, active=0, quarantined=0, notices_pending=0, notices_dead=dead
    )


def test_only_the_holder_can_say_what_a_try_came_to_and_once(world: World) -> None:
    owe(world)
    (notice,) = claim(world)
    assert not note(world, notice, NoticeState.DELIVERED, owner=OTHER)
    assert note(world, notice, NoticeState.PENDING, after(5))
    assert not note(world, notice, NoticeState.DELIVERED)
    assert claim(world, 5)[0].tries == 1


def test_a_pending_notice_has_its_time_and_no_other(world: World) -> None:
    owe(world)
    (notice,) = claim(world)
    with pytest.raises(ValueError, match="CHECK"):
        note(world, notice, NoticeState.PENDING, None)
    with pytest.raises(ValueError, match="CHECK"):
        note(world, notice, NoticeState.DELIVERED, after(1))
    assert note(world, notice, NoticeState.DELIVERED)


def test_notices_of_the_dead_are_released(world: World) -> None:
    for _ in range(3):
        owe(world)
    world.write(lambda tx: tx.add_owner(OWNER, NOON))
    (alive,) = claim(world, limit=1)
    (lost,) = claim(world, limit=1, owner=OTHER)
    assert world.write(lambda tx: tx.release_notices_of_the_dead(NOON)) == 1
    assert not note(world, lost, NoticeState.DELIVERED, owner=OTHER)
    again = claim(world)
    assert lost.id in [notice.id for notice in again]
    assert alive.id not in [notice.id for notice in again]
    assert world.write(lambda tx: tx.release_notices_of_the_dead(after(1))) == 3
    assert len(claim(world)) == 3


def test_pending_notices_are_counted_whether_claimed_or_not(world: World) -> None:
    owe(world)
    owe(world)
    claim(world, limit=1)
    assert world.read(lambda tx: tx.queue_counts()).notices_pending == 2


def test_a_claim_that_nobody_heard_of_can_be_given_back(world: World) -> None:
    owe(world)
    owe(world)
    sending, unheard = claim(world)
    other = owe(world)
    [others] = claim(world, owner=OTHER)
    assert world.write(lambda tx: tx.release_notices(OWNER, [sending.id])) == 1
    assert [notice.id for notice in claim(world)] == [unheard.id]
    assert others.call_id == other
