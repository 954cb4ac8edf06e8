"""Notices by host: who waits longest, who is left alone, what is given up."""

from datetime import timedelta

from notice_world import claim, next_at, note, owe
from store_world import NOON, OWNER, World, after

from callwright.domain.notice import LASTS, Delivery, NoticeState
from callwright.domain.receiver import Standing
from callwright.ports.notices import HostsWanted
from callwright.ports.store import NewNotice, OwedNotice, TriedNotice
from callwright.service.find_owned import whose


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
