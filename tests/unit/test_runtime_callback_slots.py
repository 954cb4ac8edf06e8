"""Who is given the callback pump's slots."""

from datetime import UTC, datetime

import pytest

from callwright.domain.ids import CallId, NoticeId
from callwright.domain.notice import Delivery, Problem
from callwright.domain.receiver import MOST_A_HOST, MOST_UNPROVEN, SLOTS, Standing
from callwright.ports.notices import OwedNotice
from callwright.runtime.callback_slots import NEW, REMEMBERED, Offer, Slots

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
PROVEN = Standing(at_once=MOST_A_HOST, is_proven=True)
SILENT = Delivery(status=None, problem=Problem.TIMEOUT)


def slots(held: dict[str, int] | None = None, **standings: Standing) -> Slots:
    one = Slots(standings)
    for host, count in (held or {}).items():
        for _ in range(count):
            one.take(host)
    return one


def owed(host: str) -> OwedNotice:
    return OwedNotice(
        id=NoticeId(1),
        call_id=CallId(1),
        url=f"http://{host}/",
        host=host,
        webhook_id="w",
        content_type="t",
        body=b"",
        tries=0,
    )


def learn(one: Slots, host: str, delivery: Delivery) -> bool:
    return one.learn(host, delivery, began_at=NOON, now=NOON, jitter=0)


def test_a_host_gets_a_quarter_at_most_however_much_is_free() -> None:
    offer = slots(a=PROVEN).offer()
    assert offer.share(["a"]) == {"a": SLOTS // 4}
    assert slots({"a": 60}, a=PROVEN).offer().share(["a"]) == {"a": SLOTS // 4 - 60}


def test_a_host_that_has_all_it_may_have_is_passed_by() -> None:
    offer = slots({"a": MOST_A_HOST, "new": 1}, a=PROVEN).offer()
    assert sorted(offer.wanted.but_not) == ["a", "new"]
    assert offer.share(["a", "new", "other"]) == {"other": 1}


@pytest.mark.parametrize("held", [0, 1, 3, 60, 63, 64])
@pytest.mark.parametrize("standing", [NEW, PROVEN])
def test_a_host_alone_gets_what_it_would_get_beside_others(held: int, standing: Standing) -> None:
    offer = slots({"a": held, "full": MOST_A_HOST}, a=standing, full=PROVEN).offer()
    assert offer.share(["a"]) == offer.share(["a", "full"])


def test_what_is_free_goes_first_to_whoever_holds_least() -> None:
    proven = dict.fromkeys("abcdef", PROVEN)
    held = dict.fromkeys("abcd", 63)
    offer = slots(held, **proven).offer()
    assert offer.room == 4
    assert offer.share("abcdef") == {"e": 2, "f": 2}


def test_hosts_that_did_not_answer_have_half_together_and_leave_the_rest_to_others() -> None:
    hanging = {f"h{n}": 1 for n in range(MOST_UNPROVEN)}
    offer = slots(hanging, good=PROVEN).offer()
    assert offer.wanted.only == ["good"]
    assert offer.share(["fresh", "good"]) == {"good": MOST_A_HOST}


def test_what_was_claimed_is_no_longer_offered() -> None:
    offer = slots(good=PROVEN).offer().without([owed("good"), owed("new")])
    assert (offer.room, offer.unproven_room) == (SLOTS - 2, MOST_UNPROVEN - 1)
    assert offer.share(["new"]) == {}


def test_an_offer_does_not_change_with_the_slots() -> None:
    one = slots(a=PROVEN)
    offer = one.offer()
    one.take("a")
    assert offer == Offer(room=SLOTS, unproven_room=MOST_UNPROVEN, held={}, standings={"a": PROVEN})


def test_only_the_beginning_and_the_end_of_a_rest_are_news() -> None:
    one = slots()
    assert [learn(one, "a", SILENT) for _ in range(4)] == [False, False, True, True]
    assert one.in_trouble == 1
    assert learn(one, "a", Delivery(status=200))
    assert not learn(one, "a", Delivery(status=200))
    assert one.in_trouble == 0


def test_the_memory_of_hosts_is_bounded_and_keeps_those_in_trouble() -> None:
    one = slots()
    for _ in range(3):
        learn(one, "silent", SILENT)
    for number in range(REMEMBERED + 100):
        one.take(f"h{number}")
        learn(one, f"h{number}", Delivery(status=200))
        one.give_back(f"h{number}")
    assert len(one.offer().standings) == REMEMBERED
    assert one.in_trouble == 1
