"""Who gets which call, when, and how a claim is given back."""

import pytest
from msgspec.structs import replace
from store_world import (
    NOON,
    OTHER,
    OWNER,
    World,
    after,
    begin,
    contact,
    end,
    intent,
    retry,
    schedule,
)

from callwright.domain.ids import CallId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.ports.motion import Hold


def ids(claims: list) -> list[CallId]:
    return [claim.call_id for claim in claims]


def test_a_claim_brings_all_that_dialling_needs(world: World) -> None:
    plan = schedule(0, 600, attempts=2, url="https://example.org/")
    call = world.queue(plan, number=3)
    (claim,) = world.claim(now=after(5))
    assert (claim.call_id, claim.attempt, claim.counted, claim.given_back) == (call, 1, 0, 0)
    assert (claim.owner, claim.deployment_id) == (OWNER, world.deployment)
    assert (claim.contact, claim.schedule, claim.due_at) == (contact(3), plan, NOON)
    assert world.state(call) is CallState.CLAIMED


def test_a_call_of_a_list_is_claimed_just_so(world: World) -> None:
    plan = schedule(2, 600)
    world.queue_list(2, plan=plan)
    assert world.claim(now=after(1)) == []
    first, second = world.claim(now=after(2))
    assert (first.contact, second.contact) == (contact(0), contact(1))
    assert (first.schedule, first.due_at, first.attempt) == (plan, after(2), 1)


def test_each_call_is_handed_out_once(world: World) -> None:
    world.queue_list(5)
    single = world.queue()
    first, second = world.claim(4), world.claim(4, owner=OTHER)
    assert ids(first)[0] == single
    assert len({*ids(first), *ids(second)}) == 6
    assert world.claim() == []


def test_limits_are_kept(world: World) -> None:
    world.queue()
    world.queue_list(3)
    assert world.claim(0) == []
    assert world.claim(-1) == []
    assert [len(world.claim(limit)) for limit in (1, 2, 5)] == [1, 2, 1]


def test_singles_and_retries_come_first_the_earliest_due_first(world: World) -> None:
    world.queue_list(2)
    late = world.queue(schedule(20))
    early = world.queue(schedule(10))
    same = world.queue(schedule(10))
    (retried,) = world.claim(1)
    assert world.write(lambda tx: tx.release_claim(retried, after(15)))
    got = ids(world.claim(now=after(30)))
    assert got[:4] == [early, same, retried.call_id, late]
    assert len(got) == 5


def test_lists_come_in_the_order_in_which_they_went_live(world: World) -> None:
    first = world.load(2)
    second = world.load(2)
    world.write(lambda tx: tx.add_calls(first, [contact(9)]))
    world.write(lambda tx: tx.go_live(second, NOON))
    world.write(lambda tx: tx.go_live(first, NOON))
    seconds = world.read(lambda tx: tx.batch_calls(second, NOON, 9))
    firsts = world.read(lambda tx: tx.batch_calls(first, NOON, 9))
    assert ids(world.claim()) == [call.id for call in [*seconds, *firsts]]


def test_a_list_that_opens_later_does_not_hold_others_up(world: World) -> None:
    world.queue_list(2, plan=schedule(60))
    world.queue(schedule(60))
    now_due = world.queue_list(1)
    (claim,) = world.claim()
    assert world.details(claim.call_id).batch_id == now_due


def test_a_list_whose_time_went_backwards_is_not_claimed(world: World) -> None:
    world.queue_list(2, plan=schedule(60))
    assert len(world.claim(1, now=after(61))) == 1
    assert world.claim(1, now=after(59)) == []


def test_each_trunk_has_its_own_queue(world: World) -> None:
    other = world.deploy(trunk="other")
    mine, theirs = world.queue(), world.queue(deployment=other)
    world.queue_list(1, deployment=other)
    assert world.claim(trunk="") == []
    assert ids(world.claim(trunk="main")) == [mine]
    assert ids(world.claim(trunk="other"))[0] == theirs
    assert world.read(lambda tx: tx.queue_counts()).active == 3


def test_a_window_is_half_open(world: World) -> None:
    world.queue(schedule(10, 20))
    world.queue_list(1, plan=schedule(10, 20))
    assert world.claim(now=after(9.999999)) == []
    assert world.claim(now=after(20)) == []
    assert len(world.claim(1, now=after(10))) == 1
    assert len(world.claim(1, now=after(19.999999))) == 1


def test_a_cancelled_call_is_never_claimed(world: World) -> None:
    other = world.deploy()
    world.queue()
    world.queue_list(2)
    kept = world.queue(deployment=other)
    world.cancel()
    later = world.queue()
    assert sorted(ids(world.claim(now=after(1)))) == [kept, later]


def test_a_heap_of_cancelled_calls_does_not_block_the_queue(world: World) -> None:
    other = world.deploy()
    for _ in range(30):
        world.queue()
    kept = world.queue(deployment=other)
    world.cancel()
    assert ids(world.claim(1)) == [kept]


def test_a_released_claim_is_due_again_with_the_same_attempt_number(world: World) -> None:
    call = world.queue()
    claim = world.claim_one()
    assert world.write(lambda tx: tx.release_claim(claim, after(10)))
    assert world.state(call) is CallState.QUEUED
    assert world.claim(now=after(9)) == []
    again = world.claim_one(now=after(10), owner=OTHER)
    assert again == replace(claim, owner=OTHER, due_at=after(10))


def test_a_claim_can_be_released_as_recovery_sees_it(world: World) -> None:
    world.queue_list(1)
    claim = world.claim_one()
    active = world.active(claim)
    assert active.state is CallState.CLAIMED
    assert world.write(lambda tx: tx.release_claim(active, NOON))
    assert world.claim_one().call_id == claim.call_id


def test_only_the_holder_of_a_claim_can_release_it_and_once(world: World) -> None:
    world.queue()
    claim = world.claim_one()
    for wrong in (replace(claim, owner=OTHER), replace(claim, attempt=2)):
        assert not world.write(lambda tx, wrong=wrong: tx.release_claim(wrong, NOON))
    assert world.write(lambda tx: tx.release_claim(claim, NOON))
    assert not world.write(lambda tx: tx.release_claim(claim, NOON))
    assert len(world.claim()) == 1


def test_a_call_that_is_being_dialled_cannot_be_released(world: World) -> None:
    world.queue()
    claim = world.claim_one()
    assert world.write(lambda tx: begin(tx, intent(claim)))
    assert not world.write(lambda tx: tx.release_claim(claim, NOON))
    assert world.state(claim.call_id) is CallState.DIALING


def test_a_retry_is_claimed_with_its_count(world: World) -> None:
    world.queue()
    active = world.dial()
    assert world.write(lambda tx: retry(tx, active, end(), after(300)))
    assert world.claim(now=after(299)) == []
    second = world.claim_one(now=after(300))
    assert (second.attempt, second.counted, second.given_back) == (2, 1, 0)
    assert world.write(lambda tx: begin(tx, intent(second)))
    busy = end(Outcome.TRUNK_TROUBLE, counts=False)
    again = world.active(second)
    assert (again.counted, again.given_back) == (2, 0)
    assert world.write(lambda tx: retry(tx, again, busy, after(305)))
    third = world.claim_one(now=after(305))
    assert (third.attempt, third.counted, third.given_back) == (3, 1, 1)
    assert third.due_at == after(305)


def test_owners_live_by_their_heartbeat(world: World) -> None:
    world.write(lambda tx: tx.add_owner(OWNER, NOON))
    assert world.write(lambda tx: tx.heartbeat(OWNER, after(5)))
    assert not world.write(lambda tx: tx.heartbeat(OTHER, after(5)))
    world.write(lambda tx: tx.remove_owner(OWNER))
    assert not world.write(lambda tx: tx.heartbeat(OWNER, after(6)))
    with pytest.raises(ValueError, match="UNIQUE"):
        world.write(lambda tx: (tx.add_owner(OTHER, NOON), tx.add_owner(OTHER, NOON)))


def test_calls_of_the_dead_are_found(world: World) -> None:
    first, second = world.queue(), world.queue()
    world.write(lambda tx: tx.add_owner(OWNER, NOON))
    world.claim_one(owner=OWNER)
    world.claim_one(owner=OTHER, now=after(1))  # an owner nobody registered counts as dead

    def dead(since: float) -> list[CallId]:
        return ids(world.write(lambda tx: tx.dead_calls(after(since))))  # type: ignore[arg-type]

    assert dead(0) == [second]
    assert dead(0.000001) == [first, second]
    world.write(lambda tx: tx.heartbeat(OWNER, after(30)))
    assert dead(30) == [second]
    world.write(lambda tx: tx.remove_owner(OWNER))
    assert dead(-999) == [first, second]
    assert ids(world.write(lambda tx: tx.active_calls(OTHER))) == [second]  # type: ignore[arg-type]
    assert world.write(lambda tx: tx.holds(OTHER)) == [Hold(second, 1, OTHER)]
