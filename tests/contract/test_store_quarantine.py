"""Counting deaths, and calls that wait for a person."""

from store_world import NOON, OWNER, World, after, end, hold_of, retry, schedule

from callwright.domain.ids import CallId, OwnerId
from callwright.domain.lifecycle import CallState
from callwright.ports.control import CallsSought, Whose
from callwright.ports.motion import Claim, Hold, Progress
from callwright.ports.store import WriteTx
from callwright.service.claim_calls import claim_due_calls

LATER = after(86_400)


def quarantined(world: World) -> CallId:
    """A call that was tried, waits for its second attempt, and is set aside."""
    call = world.queue(schedule(0, 90_000))
    active = world.dial()
    assert world.write(lambda tx: tx.note_death(hold_of(active), after(1))) == 1
    assert world.write(lambda tx: retry(tx, active, end(), after(60)))
    assert world.write(lambda tx: tx.quarantine(call, after(2)))
    return call


def found(world: World, *, is_quarantined: bool | None) -> list[CallId]:
    whose = Whose(account_id=world.user.account_id, user_id=None)
    sought = CallsSought(whose=whose, is_quarantined=is_quarantined)
    calls = world.read(lambda tx: tx.find_calls(sought, below=None, limit=9, now=NOON)).calls
    return [call.id for call in calls]


def test_a_death_is_counted_once_for_each_claim(world: World) -> None:
    call = world.queue()
    first = Hold(call, 1, OwnerId("a"))
    for hold, deaths in (
        (first, 1),
        (first, 1),
        (first._replace(owner=OwnerId("b")), 2),
        (first._replace(attempt=2), 3),
    ):
        assert world.write(lambda tx, hold=hold: tx.note_death(hold, NOON)) == deaths
    assert world.read(lambda tx: tx.call_facts(call)).deaths == 3


def test_a_quarantined_call_is_never_claimed_and_still_waits(world: World) -> None:
    call = quarantined(world)
    assert world.claim(now=LATER) == []
    assert world.state(call) is CallState.WAITING
    facts = world.read(lambda tx: tx.call_facts(call))
    assert (facts.quarantined_at, facts.next_attempt_at, facts.deaths) == (after(2), None, 1)
    counts = world.read(lambda tx: tx.queue_counts())
    assert (counts.waiting, counts.quarantined) == (1, 1)


def test_quarantined_calls_can_be_looked_for(world: World) -> None:
    call, other = quarantined(world), world.queue()
    assert found(world, is_quarantined=True) == [call]
    assert found(world, is_quarantined=False) == [other]
    assert found(world, is_quarantined=None) == [other, call]
    assert world.read(lambda tx: tx.quarantined_calls([call, other])) == {call}


def test_a_released_call_is_due_at_once_and_starts_with_a_clean_slate(world: World) -> None:
    call = quarantined(world)
    assert world.write(lambda tx: tx.release_quarantined(call, after(10)))
    assert not world.write(lambda tx: tx.release_quarantined(call, after(10)))
    facts = world.read(lambda tx: tx.call_facts(call))
    assert (facts.quarantined_at, facts.next_attempt_at, facts.deaths) == (None, after(10), 0)
    (claim,) = world.claim(now=after(10))
    assert (claim.call_id, claim.attempt) == (call, 2)


def test_a_quarantined_call_ends_by_its_window_or_a_cancellation(world: World) -> None:
    call = quarantined(world)
    assert world.settle(after(90_001)) == [(call, CallState.EXPIRED)]
    assert not world.write(lambda tx: tx.release_quarantined(call, after(90_002)))
    assert world.read(lambda tx: tx.queue_counts()).quarantined == 0
    other = quarantined(world)
    world.write(lambda tx: tx.cancel_call(other, after(5)))
    assert world.settle(after(6)) == [(other, CallState.CANCELED)]


def test_a_pause_comes_and_goes_without_releasing_anybody(world: World) -> None:
    call = quarantined(world)
    world.write(lambda tx: tx.pause_deployment(world.deployment, world.user.id, NOON))
    world.write(lambda tx: tx.resume_deployment(world.deployment))
    assert world.claim(now=LATER) == []
    assert world.read(lambda tx: tx.quarantined_calls([call])) == {call}


def test_what_does_not_wait_is_not_quarantined(world: World) -> None:
    call = world.queue()
    world.dial()
    assert not world.write(lambda tx: tx.quarantine(call, NOON))


def test_the_tag_of_the_first_ringing_is_kept(world: World) -> None:
    world.queue()
    active = world.dial()
    for tag in ("first", "second"):
        heard = Progress(hold=hold_of(active), rang_at=after(1), early_tag=tag)
        world.write(lambda tx, heard=heard: tx.note_progress([heard]))
    assert world.active(active).early_tag == "first"


def test_nobody_is_due_before_the_window_when_the_clock_was_set_back(world: World) -> None:
    world.queue(schedule(600))
    world.write(lambda tx: tx.release_claim(world_claim(tx), NOON))
    assert world.claim(now=after(599)) == []
    active = world.dial(now=after(600))
    assert world.write(lambda tx: retry(tx, active, end(), NOON))
    assert world.claim(now=after(599)) == []
    assert world.write(lambda tx: tx.quarantine(active.call_id, after(1)))
    assert world.write(lambda tx: tx.release_quarantined(active.call_id, after(2)))
    assert world.claim(now=after(599)) == []
    assert len(world.claim(now=after(600))) == 1


def world_claim(tx: WriteTx) -> Claim:
    (claim,) = claim_due_calls(tx, OWNER, ("main",), 1, after(600)).claims
    return claim
