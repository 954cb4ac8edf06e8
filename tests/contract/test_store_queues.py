"""Turns between deployments, order within them, and limits that pass callers by."""

from collections import Counter
from datetime import datetime

import pytest
from store_world import NOON, OWNER, World, after, begin, contacts, end, intent, retry, schedule

from callwright.domain.ids import BatchId, CallId, DeploymentId
from callwright.domain.limits import UNLIMITED, Limited, LimitKind, Limits, Room
from callwright.ports.motion import Claim
from callwright.service.claim_calls import NOBODY, Claimed, claim_due_calls, look_ahead
from callwright.store.sqlite.limits import MOVED


def claim(
    world: World,
    limit: int,
    *,
    trunks: tuple[str, ...] = ("main",),
    turn: DeploymentId = NOBODY,
    retries_first: bool = True,
    room: dict[Limited, int] | None = None,
    now: datetime = NOON,
) -> Claimed:
    return world.write(
        lambda tx: claim_due_calls(
            tx,
            OWNER,
            trunks,
            limit,
            now,
            turn=turn,
            retries_first=retries_first,
            room=Room(room),
        )
    )


def ids(claims: object) -> list[CallId]:
    return [claim.call_id for claim in claims]  # type: ignore[attr-defined]


def shares(claims: object) -> Counter[DeploymentId]:
    return Counter(claim.deployment_id for claim in claims)  # type: ignore[attr-defined]


def of_batch(batch: BatchId) -> Limited:
    return Limited(LimitKind.BATCH, batch)


def of_deployment(deployment: DeploymentId) -> Limited:
    return Limited(LimitKind.DEPLOYMENT, deployment)


def fail(world: World, call: Claim, due: float) -> None:
    """Let a claimed call's attempt fail, to be tried again so many seconds after noon."""
    assert world.write(lambda tx: begin(tx, intent(call)))
    active = world.active(call)
    assert world.write(lambda tx: retry(tx, active, end(), after(due)))


# Turns


def test_every_deployment_has_its_share_of_a_claim(world: World) -> None:
    second, third = world.deploy(), world.deploy()
    for deployment in (world.deployment, second, third):
        world.queue_list(50, deployment=deployment)
    taken = claim(world, 30)
    assert shares(taken.claims) == {world.deployment: 10, second: 10, third: 10}
    assert taken.outlook is None


def test_one_at_a_time_the_deployments_take_turns(world: World) -> None:
    second, third = world.deploy(), world.deploy()
    for deployment in (world.deployment, second, third):
        world.queue_list(9, deployment=deployment)
    turn, served = NOBODY, []
    for _ in range(7):
        taken = claim(world, 1, turn=turn)
        turn = taken.turn
        served.append(taken.claims[0].deployment_id)
    first = world.deployment
    assert served == [first, second, third, first, second, third, first]


def test_what_one_deployment_leaves_the_others_get(world: World) -> None:
    other = world.deploy()
    world.queue_list(50)
    world.queue(deployment=other)
    assert shares(claim(world, 20).claims) == {world.deployment: 19, other: 1}


def test_a_single_call_and_a_retry_get_out_beside_a_long_list(world: World) -> None:
    other, third = world.deploy(), world.deploy()
    world.queue(deployment=third)
    fail(world, claim(world, 1).claims[0], 5)
    world.queue_list(500)
    for _ in range(500):
        world.queue(number=1)
    single = world.queue(deployment=other)
    taken = claim(world, 3, now=after(5))
    assert shares(taken.claims) == {world.deployment: 1, other: 1, third: 1}
    assert single in ids(taken.claims)


def test_the_cost_of_a_claim_does_not_grow_with_what_waits(world: World) -> None:
    """Counted in steps of the database's machine, not in seconds."""
    other = world.deploy()
    world.queue(deployment=other)

    def steps() -> int:
        counted = 0

        def count() -> bool:
            nonlocal counted
            counted += 1
            return False

        def work(tx: object) -> None:
            connection = tx._connection  # type: ignore[attr-defined]
            connection.set_progress_handler(count, 1)
            claim_due_calls(tx, OWNER, ("main",), 1, NOON)  # type: ignore[arg-type]
            connection.set_progress_handler(None)

        world.write(work)
        return counted

    for _ in range(20):
        world.queue()
    world.queue_list(20)
    few = steps()
    for _ in range(1000):
        world.queue()
    world.queue_list(5000)
    assert steps() <= few * 1.2


def test_names_of_one_trunk_share_it_too(world: World) -> None:
    unnamed = world.deploy(trunk="")
    world.queue_list(50)
    world.queue_list(50, deployment=unnamed)
    taken = claim(world, 10, trunks=("", "main"))
    assert shares(taken.claims) == {world.deployment: 5, unnamed: 5}


def test_what_an_earlier_look_saw_serves_and_what_it_did_not_see_is_looked_for(
    world: World,
) -> None:
    other = world.deploy()
    world.queue_list(3)
    seen = claim(world, 1).waiting

    def again(limit: int) -> Claimed:
        return world.write(
            lambda tx: claim_due_calls(tx, OWNER, ("main",), limit, NOON, known=seen)
        )

    single = world.queue(deployment=other)
    assert shares(again(1).claims) == {world.deployment: 1}
    rest = again(5)
    assert shares(rest.claims) == {world.deployment: 1, other: 1}
    assert single in ids(rest.claims)
    assert rest.outlook is not None
    assert again(5).claims == []


def test_what_was_stopped_since_an_earlier_look_is_not_taken(world: World) -> None:
    world.queue()
    listed = world.queue_list(3)
    seen = world.read(lambda tx: tx.waiting(("main",)))
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    found = world.write(lambda tx: claim_due_calls(tx, OWNER, ("main",), 9, NOON, known=seen))
    assert found.claims == []
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    world.write(lambda tx: tx.set_limits(of_batch(listed), Limits(max_calls=1)))
    room = Room({of_batch(listed): 0})
    found = world.write(
        lambda tx: claim_due_calls(tx, OWNER, ("main",), 9, NOON, known=seen, room=room)
    )
    assert [claim.batch_id == listed for claim in found.claims] == [False]


# Order within a deployment


def test_retries_wait_for_all_that_were_never_tried_where_a_trunk_says_so(world: World) -> None:
    retried = world.queue()
    fail(world, claim(world, 1).claims[0], 1)
    world.queue_list(2)
    single = world.queue(schedule(2))
    got = ids(claim(world, 9, now=after(3), retries_first=False).claims)
    assert (got[0], got[-1], len(got)) == (single, retried, 4)


def test_a_retry_comes_in_its_turn_otherwise(world: World) -> None:
    retried = world.queue()
    fail(world, claim(world, 1).claims[0], 1)
    world.queue_list(2)
    single = world.queue(schedule(2))
    assert ids(claim(world, 9, now=after(3)).claims)[:2] == [retried, single]


# Limits


def test_who_has_no_room_is_passed_by(world: World) -> None:
    other = world.deploy()
    world.queue_list(50)
    world.queue_list(50, deployment=other)
    taken = claim(world, 20, room={of_deployment(world.deployment): 3})
    assert shares(taken.claims) == {world.deployment: 3, other: 17}
    taken = claim(world, 40, room={of_deployment(world.deployment): 0})
    assert shares(taken.claims) == {other: 33}
    assert taken.outlook is not None
    assert not taken.outlook.is_due
    account = Limited(LimitKind.ACCOUNT, world.user.account_id)
    assert taken.outlook.held == {(account, of_deployment(world.deployment))}
    assert claim(world, 40, room={account: 0}).claims == []
    assert len(claim(world, 40, room={account: 2}).claims) == 2


def test_a_limited_list_lets_others_of_its_deployment_pass(world: World) -> None:
    slow, other = world.queue_list(10), world.queue_list(10)
    single = world.queue()
    world.write(lambda tx: tx.set_limits(of_batch(slow), Limits(max_calls=2)))
    taken = claim(world, 10, room={of_batch(slow): 2})
    batches = Counter(claim.batch_id for claim in taken.claims)
    assert single in ids(taken.claims)
    assert (batches[slow], batches[other]) == (2, 7)


def test_retries_of_a_limited_list_are_limited_with_it(world: World) -> None:
    slow = world.queue_list(MOVED + 5)
    taken = claim(world, MOVED + 5).claims
    for call in taken:
        world.write(lambda tx, call=call: tx.release_claim(call, after(1)))  # type: ignore[misc]
    single = world.queue(schedule(2))
    world.write(lambda tx: tx.set_limits(of_batch(slow), Limits(calls_per_second=1)))
    room = {of_batch(slow): 0}
    # Those that have not moved to their lane yet are not taken either.
    assert ids(claim(world, 9, room=room, now=after(3)).claims) == [single]
    assert claim(world, 9, room=room, now=after(3)).claims == []
    room[of_batch(slow)] = 3
    assert len(claim(world, 9, room=room, now=after(3)).claims) == 3
    late = claim(world, 1, now=after(3)).claims[0]
    fail(world, late, 4)
    assert claim(world, 9, room={of_batch(slow): 0}, now=after(5)).claims == []


def test_limits_that_are_lifted_leave_nothing_behind(world: World) -> None:
    batch = world.queue_list(3)
    world.write(lambda tx: tx.set_limits(of_batch(batch), Limits(max_calls=1)))
    first = claim(world, 1, room={of_batch(batch): 1}).claims[0]
    world.write(lambda tx: tx.set_limits(of_batch(batch), UNLIMITED))
    fail(world, first, 1)
    assert len(claim(world, 9, now=after(2)).claims) == 3
    assert world.read(lambda tx: tx.all_limits()) == {}


def test_limits_of_a_list_that_is_being_loaded_hold_once_it_is_live(world: World) -> None:
    batch = world.load(2)
    world.write(lambda tx: tx.set_limits(of_batch(batch), Limits(max_calls=1)))
    world.write(lambda tx: tx.add_calls(batch, contacts(100)))
    world.write(lambda tx: tx.go_live(batch, NOON))
    assert len(claim(world, 90, room={of_batch(batch): 4}).claims) == 4


def test_limits_are_kept_and_every_change_shows(world: World) -> None:
    whose = of_deployment(world.deployment)
    assert world.read(lambda tx: tx.limits_of(whose)) == UNLIMITED
    before = world.read(lambda tx: tx.limits_version())
    limits = Limits(calls_per_second=2.5, max_calls=7)
    world.write(lambda tx: tx.set_limits(whose, limits))
    assert world.read(lambda tx: tx.limits_of(whose)) == limits
    assert world.read(lambda tx: tx.all_limits()) == {whose: limits}
    changed = world.read(lambda tx: tx.limits_version())
    world.write(lambda tx: tx.set_limits(whose, Limits(max_calls=1)))
    assert world.read(lambda tx: tx.limits_of(whose)) == Limits(max_calls=1)
    assert len({before, changed, world.read(lambda tx: tx.limits_version())}) == 3


@pytest.mark.parametrize("wrong", [{"calls_per_second": 0.0}, {"max_calls": 0}])
def test_limits_that_would_be_a_pause_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Limits(**wrong)  # type: ignore[arg-type]


# Looking ahead


def test_looking_ahead_tells_who_is_held_and_when_to_come_back(world: World) -> None:
    other = world.deploy()
    world.queue_list(2)
    world.queue(schedule(40), deployment=other)
    world.queue_list(2, plan=schedule(30), deployment=other)
    world.write(lambda tx: tx.open_queues(("main",), NOON))
    waiting = world.read(lambda tx: tx.waiting(("main",)))
    free = look_ahead(waiting, NOON, Room())
    assert (free.is_due, free.due_at, free.held) == (True, after(30), frozenset())
    full = look_ahead(waiting, NOON, Room({of_deployment(world.deployment): 0}))
    assert (full.is_due, full.due_at, len(full.held)) == (False, after(30), 1)
