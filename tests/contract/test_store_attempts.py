"""Attempts: written down first, guarded by the claim, ended once."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from store_world import (
    DIALOG,
    NOON,
    OTHER,
    OWNER,
    World,
    after,
    answer,
    begin,
    end,
    finish,
    hold_of,
    intent,
    retry,
    schedule,
)

from callwright.domain.call import Attempt, HistoryEvent
from callwright.domain.lifecycle import FINAL_STATES, TRANSITIONS, CallState
from callwright.domain.outcome import Outcome
from callwright.errors import IllegalTransition
from callwright.ports.control import Keyed
from callwright.ports.motion import ActiveCall, Hold, Progress
from callwright.ports.store import WriteTx


def test_an_attempt_is_written_down_as_it_will_be_sent(world: World) -> None:
    call = world.queue(schedule(0, 600))
    claim = world.claim_one(now=after(1))
    before = world.active(claim)
    assert (before.state, before.intent, before.counted, before.trunk) == (
        CallState.CLAIMED,
        None,
        0,
        "main",
    )
    sent = intent(claim, after(2), trunk="second", cseq=7)
    assert world.write(lambda tx: begin(tx, sent))
    active = world.active(claim)
    assert active == ActiveCall(
        call_id=call,
        attempt=1,
        owner=OWNER,
        state=CallState.DIALING,
        deployment_id=world.deployment,
        trunk="second",
        claimed_at=after(1),
        counted=1,
        given_back=0,
        schedule=claim.schedule,
        canceled=False,
        intent=sent,
        remote_address="",
        early_tag="",
        dialog=None,
        rang=False,
    )
    (attempt,) = world.details(call).attempts
    assert attempt == Attempt(number=1, started_at=after(2), sip_call_id=sent.sip_call_id)


def test_only_a_held_claim_can_begin_an_attempt_and_once(world: World) -> None:
    world.queue()
    claim = world.claim_one()
    for changed in ({"owner": OTHER}, {"attempt": 2}, {"call_id": 99}):
        wrong = intent(claim, **changed)
        assert not world.write(lambda tx, wrong=wrong: begin(tx, wrong))
    assert world.write(lambda tx: begin(tx, intent(claim)))
    assert not world.write(lambda tx: begin(tx, intent(claim)))
    assert len(world.details(claim.call_id).attempts) == 1


def test_nobody_begins_an_attempt_with_a_claim_that_was_taken_from_them(world: World) -> None:
    world.queue()
    claim = world.claim_one()
    assert world.write(lambda tx: tx.release_claim(claim, NOON))
    assert not world.write(lambda tx: begin(tx, intent(claim)))
    world.claim_one(owner=OTHER)
    assert not world.write(lambda tx: begin(tx, intent(claim)))


def test_what_the_line_reports_is_kept(world: World) -> None:
    world.queue()
    active = world.dial()
    call, hold = active.call_id, hold_of(active)
    note(world, Progress(hold=hold, remote_address="192.0.2.1:5060"))
    note(world, Progress(hold=hold, rang_at=after(1)))
    note(world, Progress(hold=hold, rang_at=after(2)))
    assert world.write(lambda tx: answer(tx, hold, after(3)))
    talking = world.active(active)
    assert (talking.state, talking.dialog, talking.rang, talking.remote_address) == (
        CallState.CONNECTED,
        DIALOG,
        True,
        "192.0.2.1:5060",
    )
    (attempt,) = world.details(call).attempts
    assert (attempt.rang_at, attempt.answered_at, attempt.ended_at) == (after(1), after(3), None)


def test_only_the_holder_can_note_an_answer_and_once(world: World) -> None:
    world.queue()
    active = world.dial()
    hold = hold_of(active)

    def answered(hold: Hold) -> bool:
        return world.write(lambda tx: answer(tx, hold, NOON))

    assert not answered(hold._replace(owner=OTHER))
    assert not answered(hold._replace(attempt=hold.attempt + 1))
    assert answered(hold)
    assert not answered(hold)


def test_a_claim_that_was_not_dialled_cannot_be_answered(world: World) -> None:
    world.queue()
    claim = world.claim_one()
    assert not world.write(lambda tx: answer(tx, hold_of(claim), NOON))


def test_answers_are_kept_in_order_and_the_last_of_a_name_counts(world: World) -> None:
    world.queue()
    active = world.talk()
    for at, name, value in ((0, "q2", "1"), (1, "q1", "5"), (2, "q2", "9"), (2, "", "")):
        keyed = [Keyed(at=after(at), name=name, value=value)]
        note(world, Progress(hold=hold_of(active), keyed=keyed))
    (attempt,) = world.details(active.call_id).attempts
    assert attempt.answers == {"q2": "9", "q1": "5", "": ""}
    assert list(attempt.answers) == ["q2", "q1", ""]


def test_an_answer_without_an_attempt_is_refused(world: World) -> None:
    call = world.queue()
    with pytest.raises(ValueError, match="FOREIGN KEY"):
        note(
            world, Progress(hold=Hold(call, 1, OWNER), keyed=[Keyed(at=NOON, name="q", value="1")])
        )


def test_a_failed_attempt_is_followed_by_another(world: World) -> None:
    call = world.queue()
    active = world.dial(now=after(1))
    assert world.write(lambda tx: retry(tx, active, end(at=after(4)), after(300)))
    details = world.details(call)
    assert details.state is CallState.WAITING
    (attempt,) = details.attempts
    assert (
        attempt.ended_at,
        attempt.outcome,
        attempt.sip_code,
        attempt.reason,
        attempt.counts,
    ) == (
        after(4),
        Outcome.BUSY,
        486,
        "why",
        True,
    )
    assert world.write(lambda tx: tx.active_calls(OWNER)) == []
    second = world.dial(now=after(300))
    assert (second.attempt, second.counted) == (2, 2)
    assert [one.number for one in world.details(call).attempts] == [1, 2]


def test_a_given_back_attempt_keeps_its_number_and_does_not_count(world: World) -> None:
    call = world.queue()
    active = world.dial()
    trouble = end(Outcome.TRUNK_TROUBLE, counts=False)
    assert world.write(lambda tx: retry(tx, active, trouble, after(5)))
    details = world.details(call)
    assert (details.attempts_made, details.state) == (0, CallState.WAITING)
    second = world.dial(now=after(5))
    assert (second.attempt, second.counted, second.given_back) == (2, 1, 1)


def test_an_ended_call_has_its_end_and_never_moves_again(world: World) -> None:
    call = world.queue()
    active = world.talk(now=after(1))
    answered = end(Outcome.ANSWERED, after(9))

    def complete() -> bool:
        return world.write(lambda tx: finish(tx, active, answered, CallState.COMPLETED, after(9)))

    assert complete()
    details = world.details(call)
    assert details.state is CallState.COMPLETED
    assert [(entry.event, entry.at) for entry in details.history] == [
        (HistoryEvent.QUEUED, NOON),
        (HistoryEvent.DIALING, after(1)),
        (HistoryEvent.CONNECTED, after(1)),
        (HistoryEvent.DISCONNECTED, after(9)),
    ]
    assert not complete()
    assert not world.write(lambda tx: retry(tx, active, answered, NOON))
    assert world.write(lambda tx: tx.active_call(call, 1, OWNER)) is None
    assert world.claim(now=after(9999)) == []


def test_reports_on_an_attempt_that_is_over_change_nothing(world: World) -> None:
    call = world.queue()
    active = world.dial()
    world.write(lambda tx: finish(tx, active, end(), CallState.EXHAUSTED, NOON))
    before = world.details(call)
    hold = hold_of(active)
    note(world, Progress(hold=hold, remote_address="192.0.2.1:5060", rang_at=after(1)))
    assert not world.write(lambda tx: answer(tx, hold, NOON))
    assert world.details(call) == before


def note(world: World, progress: Progress) -> None:
    world.write(lambda tx: tx.note_progress([progress]))


Move = Callable[[World, ActiveCall], bool]


def _retry(world: World, active: ActiveCall) -> bool:
    return world.write(lambda tx: retry(tx, active, end(), after(60)))


def _end(world: World, active: ActiveCall) -> bool:
    return world.write(lambda tx: finish(tx, active, end(), CallState.EXHAUSTED, after(60)))


@pytest.mark.parametrize("move", [_retry, _end])
@pytest.mark.parametrize("changed", [{"owner": OTHER}, {"attempt": 2}, {"call_id": 99}])
def test_a_move_names_the_claim_it_expects(
    world: World, move: Move, changed: dict[str, object]
) -> None:
    world.queue()
    active = world.dial()
    assert not move(world, replace(active, **changed))  # type: ignore[arg-type]
    assert world.active(active) == active
    assert move(world, active)
    assert not move(world, active)


def test_a_call_can_end_before_anything_was_dialled(world: World) -> None:
    call = world.queue()
    active = world.active(world.claim_one())
    assert world.write(lambda tx: finish(tx, active, None, CallState.REJECTED, after(2)))
    details = world.details(call)
    assert (details.state, details.attempts) == (CallState.REJECTED, ())
    assert details.history[-1].event is HistoryEvent.REJECTED
    assert details.history[-1].at == after(2)


@pytest.mark.parametrize("target", list(CallState))
@pytest.mark.parametrize("state", [CallState.CLAIMED, CallState.DIALING, CallState.CONNECTED])
def test_a_call_ends_only_as_the_life_cycle_allows(
    world: World, state: CallState, target: CallState
) -> None:
    call = world.queue()
    if state is CallState.CLAIMED:
        active, over = world.active(world.claim_one()), None
    else:
        active, over = (world.dial() if state is CallState.DIALING else world.talk()), end()

    def move(tx: WriteTx) -> bool:
        return finish(tx, active, over, target, NOON)

    if target in TRANSITIONS[state].values() and target in FINAL_STATES:
        assert world.write(move)
        assert world.state(call) is target
    else:
        with pytest.raises(IllegalTransition):
            world.write(move)
        assert world.state(call) is state


def test_an_end_needs_an_attempt_and_an_attempt_an_end(world: World) -> None:
    world.queue_list(2)
    claimed = world.active(world.claim_one())
    dialing = world.dial()
    with pytest.raises(IllegalTransition):
        world.write(lambda tx: finish(tx, claimed, end(), CallState.CANCELED, NOON))
    with pytest.raises(IllegalTransition):
        world.write(lambda tx: finish(tx, dialing, None, CallState.CANCELED, NOON))
    with pytest.raises(IllegalTransition):
        world.write(lambda tx: retry(tx, claimed, end(), NOON))


def test_a_call_in_motion_knows_that_it_was_cancelled(world: World) -> None:
    world.queue()
    active = world.dial()
    assert not active.canceled
    world.cancel(after(5))
    assert world.active(active).canceled
    assert world.state(active.call_id) is CallState.DIALING
    world.queue(number=1)
    assert not world.dial().canceled
