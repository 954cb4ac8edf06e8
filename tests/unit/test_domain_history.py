"""How the kept facts of a call read in order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.domain.call import FINAL_EVENTS, Attempt, HistoryEvent
from callwright.domain.history import history_of
from callwright.domain.lifecycle import FINAL_STATES, CallState
from callwright.domain.outcome import Outcome

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def read(
    *attempts: Attempt, state: CallState, ended_at: datetime | None = None
) -> list[tuple[str, datetime]]:
    entries = history_of(NOON, attempts, state=state, ended_at=ended_at)
    return [(str(entry.event), entry.at) for entry in entries]


BUSY = Attempt(number=1, started_at=at(1), ended_at=at(2), outcome=Outcome.BUSY)
ANSWERED = Attempt(
    number=2,
    started_at=at(301),
    rang_at=at(302),
    answered_at=at(310),
    ended_at=at(313),
    outcome=Outcome.ANSWERED,
)


def test_a_queued_call_has_one_entry() -> None:
    assert read(state=CallState.QUEUED) == [("queued", NOON)]


def test_each_attempt_has_one_dialling_entry() -> None:
    assert read(BUSY, state=CallState.WAITING) == [("queued", NOON), ("dialing", at(1))]


def test_a_call_that_talks_is_connected_and_not_yet_disconnected() -> None:
    talking = Attempt(number=1, started_at=at(1), answered_at=at(4))
    assert read(talking, state=CallState.CONNECTED) == [
        ("queued", NOON),
        ("dialing", at(1)),
        ("connected", at(4)),
    ]


def test_a_completed_call_ends_with_its_hang_up() -> None:
    assert read(BUSY, ANSWERED, state=CallState.COMPLETED, ended_at=at(313)) == [
        ("queued", NOON),
        ("dialing", at(1)),
        ("dialing", at(301)),
        ("connected", at(310)),
        ("disconnected", at(313)),
    ]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (CallState.CANCELED, "canceled"),
        (CallState.EXHAUSTED, "failed"),
        (CallState.EXPIRED, "failed"),
        (CallState.REJECTED, "rejected"),
    ],
)
def test_every_other_end_is_an_entry_of_its_own(state: CallState, word: str) -> None:
    assert read(state=state, ended_at=at(9)) == [("queued", NOON), (word, at(9))]


def test_every_final_state_says_how_it_reads() -> None:
    assert set(FINAL_EVENTS) == FINAL_STATES


def test_an_attempt_that_was_given_back_is_not_told() -> None:
    given_back = Attempt(number=1, started_at=at(1), ended_at=at(1), counts=False)
    assert read(given_back, BUSY, state=CallState.WAITING) == [
        ("queued", NOON),
        ("dialing", at(1)),
    ]


@st.composite
def attempts_in_order(draw: st.DrawFn) -> list[Attempt]:
    gaps = st.floats(0, 1000)
    attempts, moment = [], 0.0
    for number in range(1, draw(st.integers(0, 6)) + 1):
        started = moment + draw(gaps)
        answered = started + draw(gaps) if draw(st.booleans()) else None
        moment = (answered or started) + draw(gaps)
        attempts.append(
            Attempt(
                number=number,
                started_at=at(started),
                counts=answered is not None or draw(st.booleans()),
                answered_at=None if answered is None else at(answered),
                ended_at=at(moment),
            )
        )
    return attempts


@REPEATABLE
@given(attempts=attempts_in_order(), state=st.sampled_from(CallState))
def test_a_history_is_in_order_and_agrees_with_the_attempts(
    attempts: list[Attempt], state: CallState
) -> None:
    end = max((a.ended_at for a in attempts if a.ended_at), default=NOON)
    ended_at = end if state.is_final else None
    history = history_of(NOON, attempts, state=state, ended_at=ended_at)
    assert history[0].event is HistoryEvent.QUEUED
    assert [entry.at for entry in history] == sorted(entry.at for entry in history)
    events = [entry.event for entry in history]
    assert events.count(HistoryEvent.DIALING) == sum(a.counts for a in attempts)
    assert events.count(HistoryEvent.CONNECTED) == events.count(HistoryEvent.DISCONNECTED)
    ends = [e for e in events if e in set(FINAL_EVENTS.values())]
    assert len(ends) == (state.is_final and state is not CallState.COMPLETED)
    assert not ends or events[-1] is ends[0]
