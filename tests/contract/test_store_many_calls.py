"""Many calls said at once: for each of them what would be done for it alone."""

from store_world import DIALOG, NOON, OTHER, World, after, end, hold_of, intent, schedule

from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.ports.motion import CallEnd, Claim, Dialog, HaltedCall, Progress, Retry
from callwright.ports.notices import NewNotice
from callwright.ports.store import WriteTx
from callwright.ports.visits import EndedVisit, VisitsSought

MANY = 47
"""More than the store takes in one statement, and no multiple of that."""


def dialog(number: int) -> Dialog:
    return Dialog(
        to_tag=f"t{number}", remote_target=f"sip:{number}", route_set=(f"<{number}>",), cseq=number
    )


def claim_many(world: World) -> list[Claim]:
    world.queue_list(MANY, plan=schedule(url="http://example.org/told"))
    return world.claim(MANY)


def begin_many(world: World) -> list[Claim]:
    claims = claim_many(world)
    intents = [
        intent(claim, after(number), trunk=f"trunk{number}", sip_call_id=f"sip{number}")
        for number, claim in enumerate(claims)
    ]
    assert world.write(lambda tx: tx.begin_attempts(intents)) == {one.call_id for one in intents}
    return claims


def test_each_attempt_is_written_down_as_it_is(world: World) -> None:
    for number, claim in enumerate(begin_many(world)):
        active = world.active(claim)
        assert active.state is CallState.DIALING
        assert active.trunk == f"trunk{number}"
        assert active.intent is not None
        assert (active.intent.at, active.intent.sip_call_id) == (after(number), f"sip{number}")


def test_who_does_not_hold_a_call_begins_none_while_all_others_do(world: World) -> None:
    claims = claim_many(world)
    intents = [intent(claim) for claim in claims]
    intents[3] = intent(claims[3], owner=OTHER)
    intents[-1] = intent(claims[-1], attempt=2)
    begun = world.write(lambda tx: tx.begin_attempts(intents))
    refused = {claims[3].call_id, claims[-1].call_id}
    assert begun == {claim.call_id for claim in claims} - refused
    assert {world.active(claim).state for claim in claims if claim.call_id in refused} == {
        CallState.CLAIMED
    }
    assert world.write(lambda tx: tx.begin_attempts(intents)) == set()


def test_each_report_is_kept_with_its_attempt(world: World) -> None:
    claims = begin_many(world)
    holds = [hold_of(claim) for claim in claims]
    holds[5] = holds[5]._replace(owner=OTHER)
    heard = [
        Progress(hold=hold, rang_at=after(number), answered_at=after(90), dialog=dialog(number))
        for number, hold in enumerate(holds)
    ]
    talking = world.write(lambda tx: tx.note_progress(heard))
    assert talking == {claim.call_id for claim in claims} - {claims[5].call_id}
    for number, claim in enumerate(claims):
        active = world.active(claim)
        is_stranger = number == 5
        assert active.state is (CallState.DIALING if is_stranger else CallState.CONNECTED)
        assert active.dialog == (None if is_stranger else dialog(number))
        (attempt,) = world.details(claim.call_id).attempts
        assert attempt.rang_at == after(number)
    assert world.write(lambda tx: tx.note_progress(heard)) == set()


def test_of_several_reports_on_one_attempt_each_counts(world: World) -> None:
    claims = begin_many(world)
    hold = hold_of(claims[0])
    heard = [Progress(hold=hold, remote_address=f"a{number}") for number in range(MANY)]
    heard[1].rang_at, heard[2].rang_at = after(1), after(2)
    world.write(lambda tx: tx.note_progress(heard))
    active = world.active(claims[0])
    (attempt,) = world.details(claims[0].call_id).attempts
    assert (active.remote_address, attempt.rang_at) == (f"a{MANY - 1}", after(1))


def test_each_call_ends_or_waits_as_was_decided_for_it(world: World) -> None:
    claims = begin_many(world)
    holds = [hold_of(claim) for claim in claims]
    heard = [Progress(hold=hold, answered_at=NOON, dialog=DIALOG) for hold in holds]
    world.write(lambda tx: tx.note_progress(heard))

    def over(call: HaltedCall) -> CallEnd:
        at = after(call.hold.call_id)
        return CallEnd(
            call=call, end=end(Outcome.ANSWERED, at, code=200), state=CallState.COMPLETED, at=at
        )

    def work(tx: WriteTx) -> None:
        halted = sorted(tx.halt_calls(holds), key=lambda call: call.hold)
        tx.retry_calls([Retry(call=one, end=end(), due_at=after(300)) for one in halted[:2]])
        tx.end_calls([over(one) for one in halted[2:]])
        tx.add_visits([EndedVisit(one.hold.call_id, one.hold.attempt, True) for one in halted[2:]])
        tx.add_notices(
            [
                NewNotice(
                    call_id=one.hold.call_id,
                    url="http://example.org/told",
                    webhook_id=f"m{one.hold.call_id}",
                    content_type="text/plain",
                    body=f"{one.hold.call_id}".encode(),
                )
                for one in halted[2:]
            ],
            NOON,
        )

    world.write(work)
    calls = sorted(claim.call_id for claim in claims)
    assert [world.state(call) for call in calls[:2]] == [CallState.WAITING] * 2
    for call in calls[2:]:
        details = world.details(call)
        assert (details.state, details.disconnected_at) == (CallState.COMPLETED, after(call))
        assert details.attempts[0].outcome is Outcome.ANSWERED
    program = world.read(lambda tx: tx.deployment(world.deployment)).program.id  # type: ignore[union-attr]
    sought = VisitsSought(program_ids=[program])
    visits = world.read(lambda tx: tx.visits(sought, offset=0, limit=100))
    assert sorted(visit.call_id for visit in visits) == calls[2:]
    assert world.read(lambda tx: tx.queue_counts()).notices_pending == MANY - 2
