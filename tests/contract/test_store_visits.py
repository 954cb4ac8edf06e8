"""Conversations that are over, as logs and reports page through them."""

from store_world import NOON, World, after, answer, contact, end, finish, hold_of, schedule

from callwright.domain.ids import CallId, ProgramId, UserId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.domain.phone import PhoneNumber
from callwright.domain.visit import Keyed, Visit
from callwright.ports.motion import Progress
from callwright.ports.visits import EndedVisit, VisitsSought


def program(world: World) -> ProgramId:
    deployment = world.read(lambda tx: tx.deployment(world.deployment))
    assert deployment is not None
    return deployment.program.id


def talk_to(world: World, number: int, at: float, *, finished: bool = True) -> CallId:
    """Queue a call and let it be answered at `at`, keyed in, and ended 10 s later."""
    call = world.queue(schedule(), number=number)
    active = world.dial(now=after(at - 2))
    hold = hold_of(active)
    world.write(lambda tx: answer(tx, hold, after(at)))
    keyed = [Keyed(at=after(at + 1), name="q1", value=str(number))]
    world.write(lambda tx: tx.note_progress([Progress(hold=hold, keyed=keyed)]))
    over = end(Outcome.ANSWERED, after(at + 10), code=200)
    world.write(lambda tx: finish(tx, active, over, CallState.COMPLETED, over.at))
    world.write(lambda tx: tx.add_visits([EndedVisit(call, active.attempt, finished)]))
    return call


def sought(world: World, **changed: object) -> VisitsSought:
    values: dict[str, object] = {"program_ids": [program(world)]}
    return VisitsSought(**(values | changed))  # type: ignore[arg-type]


def calls(world: World, what: VisitsSought, offset: int = 0, limit: int = 10) -> list[CallId]:
    found = world.read(lambda tx: tx.visits(what, offset=offset, limit=limit))
    return [visit.call_id for visit in found]


def test_a_visit_tells_what_a_report_needs(world: World) -> None:
    call = talk_to(world, 5, at=100, finished=False)
    what = sought(world)
    (visit,) = world.read(lambda tx: tx.visits(what, offset=0, limit=10))
    assert visit == Visit(
        call_id=call,
        attempt=1,
        program_id=program(world),
        deployment_id=world.deployment,
        number=PhoneNumber("+16175550005"),
        caller_id="+16175550000",
        queued_at=NOON,
        started_at=after(98),
        rang_at=None,
        answered_at=after(100),
        ended_at=after(110),
        finished=False,
        keyed=[Keyed(at=after(101), name="q1", value="5")],
    )


def test_visits_come_the_latest_first_in_pages(world: World) -> None:
    a, b, c = (talk_to(world, number, at=100 + number) for number in range(3))
    assert calls(world, sought(world)) == [c, b, a]
    assert calls(world, sought(world), offset=1, limit=1) == [b]
    what = sought(world)
    assert world.read(lambda tx: tx.count_visits(what)) == 3


def test_visits_are_sought_by_moment_number_user_and_program(world: World) -> None:
    a, b = talk_to(world, 1, at=100), talk_to(world, 2, at=200)
    number = contact(1).dial.number
    assert calls(world, sought(world, answered_from=after(101))) == [b]
    assert calls(world, sought(world, answered_before=after(200))) == [a]
    assert calls(world, sought(world, answered_from=after(100), answered_before=after(100))) == []
    assert calls(world, sought(world, number=number)) == [a]
    assert calls(world, sought(world, user_id=world.user.id)) == [b, a]
    assert calls(world, sought(world, user_id=UserId(99))) == []
    assert calls(world, sought(world, program_ids=[ProgramId(99)])) == []
    what = sought(world, number=number)
    assert world.read(lambda tx: tx.count_visits(what)) == 1


def test_an_attempt_that_nobody_answered_is_no_visit(world: World) -> None:
    world.queue()
    active = world.dial()
    world.write(lambda tx: finish(tx, active, end(), CallState.EXHAUSTED, NOON))
    world.write(lambda tx: tx.add_visits([EndedVisit(active.call_id, active.attempt, True)]))
    assert calls(world, sought(world)) == []
