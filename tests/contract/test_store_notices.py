"""Notices: one a call, with one sender at a time, until delivered or dead; their log."""

import pytest
from notice_world import DONE, claim, next_at, note, owe
from store_world import NOON, OTHER, OWNER, World, after

from callwright.domain.ids import AccountId, NoticeId, UserId
from callwright.domain.notice import Delivery, NoticeState
from callwright.ports.control import DeadPlace, Whose
from callwright.ports.store import NewNotice, OwedNotice, QueueCounts, TriedNotice
from callwright.service.find_owned import whose


def test_a_notice_is_handed_out_as_it_was_rendered(world: World) -> None:
    call = owe(world, 5)
    assert next_at(world) == after(5)
    assert claim(world, 4.999999) == []
    (notice,) = claim(world, 5)
    assert notice == OwedNotice(
        id=notice.id,
        call_id=call,
        url="https://example.org/ä",
        host="example.org:443",
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


def test_what_was_sent_and_answered_is_kept_with_the_try(world: World) -> None:
    owe(world)
    (notice,) = claim(world)
    delivery = Delivery(
        status=500,
        problem="http 500",
        took_ms=7,
        address="192.0.2.1",
        request_head=b"POST / HTTP/1.1\r\n\r\n",
        answer=b"HTTP/1.1 500 \xff",
        answer_size=99,
    )
    assert note(world, notice, NoticeState.PENDING, after(5), delivery=delivery)
    (again,) = claim(world, 5)
    assert note(world, again, NoticeState.DELIVERED, delivery=DONE)
    first, second = world.read(lambda tx: tx.notice_tries(notice.id))
    assert (first.address, first.request_head) == ("192.0.2.1", b"POST / HTTP/1.1\r\n\r\n")
    assert (first.answer, first.answer_size) == (b"HTTP/1.1 500 \xff", 99)
    assert (second.address, second.request_head, second.answer) == ("", b"", b"")


def test_notices_long_over_are_dropped_with_their_logs_in_slices(world: World) -> None:
    for _ in range(4):
        owe(world)
    delivered, dead, young, waiting = claim(world)
    full = Delivery(status=200, request_head=b"x", answer=b"y", answer_size=1)
    for notice, state in ((delivered, NoticeState.DELIVERED), (dead, NoticeState.DEAD)):
        assert note(world, notice, state, delivery=full)
    late = TriedNotice(
        id=young.id,
        at=after(1),
        ended_at=after(100),
        delivery=full,
        state=NoticeState.DELIVERED,
        due_at=None,
    )
    world.write(lambda tx: tx.note_deliveries(OWNER, [late]))
    assert note(world, waiting, NoticeState.PENDING, after(9))

    def drop() -> int:
        return world.write(lambda tx: tx.drop_old_notices(after(50), 1))

    assert [drop(), drop(), drop()] == [1, 1, 0]
    left = [
        one.id
        for one in (young, waiting, delivered, dead)
        if world.read(lambda tx, wanted=one.id: tx.notice(wanted)) is not None
    ]
    assert left == [young.id, waiting.id]


def test_a_notice_sent_anew_begins_its_schedule_again(world: World) -> None:
    owe(world)
    (first,) = claim(world)
    assert note(world, first, NoticeState.PENDING, after(5))
    assert world.write(lambda tx: tx.replay_notice(first.id, after(2)))
    (hurried,) = claim(world, 2)
    assert (hurried.tries, hurried.tries_before_replay) == (1, 0)
    assert note(world, hurried, NoticeState.DEAD)
    assert world.write(lambda tx: tx.replay_notice(first.id, after(3)))
    (anew,) = claim(world, 3)
    assert (anew.tries, anew.tries_before_replay) == (2, 2)
    stored = world.read(lambda tx: tx.notice(first.id))
    assert stored is not None
    assert stored.over_at is None


def give_up(world: World, at: float, status: int | None = None) -> NoticeId:
    """Owe a notice and give it up."""
    owe(world)
    (notice,) = claim(world)
    tried = TriedNotice(
        id=notice.id,
        at=after(at),
        ended_at=after(at),
        delivery=Delivery(status=status, problem="x"),
        state=NoticeState.DEAD,
        due_at=None,
    )
    world.write(lambda tx: tx.note_deliveries(OWNER, [tried]))
    return notice.id


def replay(
    world: World, since: float, before: float, limit: int = 10, whose_: Whose | None = None
) -> list[NoticeId]:
    """What is due again after replaying dead notices, slice after slice."""
    place: DeadPlace | None = DeadPlace(over_at=after(since), id=NoticeId(0))
    whose_ = whose_ or whose(world.user)
    count = 0
    while place is not None:
        done = world.write(
            lambda tx, start=place: tx.replay_dead_notices(
                whose_, after=start, before=after(before), limit=limit, now=after(999)
            )
        )
        count += done.count
        place = done.looked_to
    due = [notice.id for notice in claim(world, 999)]
    assert len(due) == count
    return due


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_what_was_given_up_in_a_span_can_be_sent_anew(world: World, limit: int) -> None:
    dead = [give_up(world, at) for at in (1, 2, 2, 3, 4)]
    assert replay(world, 2, 4, limit) == dead[1:4]


def test_what_its_receiver_does_not_want_is_not_sent_anew_with_the_rest(world: World) -> None:
    gone, failed = give_up(world, 1, 410), give_up(world, 1, 500)
    assert replay(world, 0, 9) == [failed]
    assert world.write(lambda tx: tx.replay_notice(gone, after(5)))


def test_what_others_have_is_not_sent_anew(world: World) -> None:
    give_up(world, 1)
    account = world.user.account_id
    for other in (
        Whose(account_id=account, user_id=UserId(999)),
        Whose(account_id=AccountId(999), user_id=None),
    ):
        assert replay(world, 0, 9, 1, other) == []
    assert len(replay(world, 0, 9, 1, Whose(account_id=account, user_id=None))) == 1
