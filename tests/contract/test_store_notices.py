"""Notices: one a call, handed to one sender at a time, until delivered or dead."""

from datetime import datetime, timedelta

import pytest
from store_world import NOON, OTHER, OWNER, World, after, claim_due_notices

from callwright.domain.ids import AccountId, CallId, NoticeId, OwnerId, UserId
from callwright.domain.notice import LASTS, Delivery, NoticeState
from callwright.domain.receiver import Standing
from callwright.ports.control import DeadPlace, Whose
from callwright.ports.notices import HostsWanted
from callwright.ports.store import NewNotice, OwedNotice, QueueCounts, TriedNotice
from callwright.service.find_owned import whose

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
    return world.write(lambda tx: claim_due_notices(tx, owner, after(at), limit))


def note(
    world: World,
    notice: OwedNotice,
    state: NoticeState,
    due_at: datetime | None = None,
    *,
    owner: OwnerId = OWNER,
    delivery: Delivery = TIMEOUT,
) -> bool:
    tried = TriedNotice(
        id=notice.id,
        at=after(1),
        ended_at=after(2),
        delivery=delivery,
        state=state,
        due_at=due_at,
    )
    return notice.id in world.write(lambda tx: tx.note_deliveries(owner, [tried]))


def next_at(world: World) -> datetime | None:
    return world.read(lambda tx: tx.next_notice_at(HostsWanted()))


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


def owe_to(world: World, host: str, count: int = 1, due: float = 0) -> None:
    """Queue calls and owe their notices to one host."""
    calls = [world.queue() for _ in range(count)]
    new = [
        NewNotice(
            call_id=call,
            url=f"http://{host}/{call}",
            webhook_id=f"msg_{call}",
            content_type="application/json",
            body=b"{}",
        )
        for call in calls
    ]
    world.write(lambda tx: tx.add_notices(new, after(due)))


def due_hosts(world: World, at: float, wanted: HostsWanted | None = None) -> list[str]:
    wanted = wanted or HostsWanted()
    return list(world.write(lambda tx: tx.hosts_due(after(at), wanted, 100)))


def take(world: World, host: str, at: float, limit: int = 10) -> list[OwedNotice]:
    return list(world.write(lambda tx: tx.claim_notices(OWNER, host, after(at), limit)))


def test_hosts_are_found_by_who_waits_longest_and_only_if_wanted(world: World) -> None:
    for due, host in ((3, "c"), (1, "a"), (2, "b"), (99, "later")):
        owe_to(world, host, due=due)
    assert due_hosts(world, 9) == ["a:80", "b:80", "c:80"]
    assert due_hosts(world, 9, HostsWanted(but_not=["a:80"])) == ["b:80", "c:80"]
    assert due_hosts(world, 9, HostsWanted(only=["c:80", "x:80"])) == ["c:80"]
    assert due_hosts(world, 9, HostsWanted(only=[])) == []
    wanted = HostsWanted(but_not=["a:80", "b:80"])
    assert world.read(lambda tx: tx.next_notice_at(wanted)) == after(3)


def test_claiming_for_a_host_leaves_the_others_alone(world: World) -> None:
    owe_to(world, "a", 3)
    owe_to(world, "b", due=5)
    assert [notice.host for notice in take(world, "a:80", 9, 2)] == ["a:80"] * 2
    assert due_hosts(world, 9) == ["a:80", "b:80"]
    assert len(take(world, "a:80", 9)) == 1
    assert take(world, "a:80", 9) == []
    assert due_hosts(world, 9) == ["b:80"]
    assert next_at(world) == after(5)


def test_a_notice_that_comes_again_brings_its_host_back(world: World) -> None:
    owe_to(world, "a")
    (notice,) = take(world, "a:80", 0)
    assert note(world, notice, NoticeState.PENDING, after(300))
    assert (due_hosts(world, 299), due_hosts(world, 300)) == ([], ["a:80"])


def test_nothing_is_claimed_for_a_host_that_is_left_alone(world: World) -> None:
    owe_to(world, "a")
    resting = Standing(failing_since=NOON, rests_until=after(60))
    world.write(lambda tx: tx.note_standing("a:80", resting))
    owe_to(world, "a", due=1)
    assert due_hosts(world, 59) == []
    assert next_at(world) == after(60)
    assert due_hosts(world, 60) == ["a:80"]
    known = world.read(lambda tx: tx.hosts_in_trouble())["a:80"]
    assert (known.failing_since, known.rests_until) == (NOON, after(60))
    world.write(lambda tx: tx.shorten_rests(after(2)))
    assert due_hosts(world, 2) == ["a:80"]
    world.write(lambda tx: tx.note_standing("a:80", Standing()))
    assert due_hosts(world, 1) == ["a:80"]
    assert world.read(lambda tx: tx.hosts_in_trouble()) == {}


def test_what_is_long_overdue_for_a_host_can_be_given_up(world: World) -> None:
    owe_to(world, "a", 3)
    owe_to(world, "a", due=50)
    owe_to(world, "b")
    (held,) = take(world, "a:80", 0, 1)
    late = LASTS.total_seconds() + 49

    def give_up(limit: int) -> int:
        return len(world.write(lambda tx: tx.give_up_notices("a:80", after(late), limit)))

    assert [give_up(1), give_up(9), give_up(9)] == [1, 1, 0]
    assert len(take(world, "a:80", late)) == 1
    assert len(take(world, "b:80", late)) == 1
    dead = world.read(
        lambda tx: tx.notices(whose(world.user), state=NoticeState.DEAD, below=None, limit=9)
    ).notices
    assert {one.over_at for one in dead} == {after(late)}
    assert held.id not in [one.id for one in dead]
    (line,) = world.read(lambda tx: tx.notice_tries(dead[0].id))
    assert (line.number, line.problem, line.address) == (1, "host down", "")


def test_what_its_receiver_put_off_is_given_up_as_much_later(world: World) -> None:
    owe(world)
    (notice,) = claim(world)
    tried = TriedNotice(
        id=notice.id,
        at=NOON,
        ended_at=NOON,
        delivery=Delivery(status=503),
        state=NoticeState.PENDING,
        due_at=after(100),
        extended_by=timedelta(seconds=90),
    )
    world.write(lambda tx: tx.note_deliveries(OWNER, [tried]))
    lasts_s = LASTS.total_seconds()

    def give_up(at: float) -> int:
        return len(world.write(lambda tx: tx.give_up_notices(notice.host, after(at), 9)))

    assert [give_up(lasts_s + 89), give_up(lasts_s + 90)] == [0, 1]


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
