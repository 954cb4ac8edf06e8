"""What follows a failed attempt."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.domain.lifecycle import CallEvent, CallState, next_state
from callwright.domain.outcome import TRAITS, Outcome
from callwright.domain.retry import (
    GIVEN_BACK_WAIT,
    MAX_GIVEN_BACK,
    NO_RULES,
    Decision,
    RetryPolicy,
    RetryRules,
    after_attempt,
    next_due,
)
from callwright.domain.window import Window

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAILURES = [o for o, t in TRAITS.items() if t.retryable]
TRUNK_FAILURES = [o for o, t in TRAITS.items() if t.may_be_given_back]


def decide(
    outcome: Outcome,
    *,
    ended_at: datetime = NOON,
    attempts: int = 1,
    given_back: int = 0,
    rang: bool = False,
    canceled: bool = False,
    max_attempts: int = 3,
    wait: timedelta = 5 * MINUTE,
    closes_at: datetime | None = None,
    retry_after: timedelta = timedelta(0),
    rules: RetryRules = NO_RULES,
) -> Decision:
    return after_attempt(
        outcome,
        ended_at=ended_at,
        attempts=attempts,
        given_back=given_back,
        rang=rang,
        canceled=canceled,
        policy=RetryPolicy(max_attempts=max_attempts, wait=wait),
        window=Window(opens_at=datetime(2017, 1, 1, tzinfo=UTC), closes_at=closes_at),
        retry_after=retry_after,
        rules=rules,
    )


def test_an_attempt_due_at_closing_time_is_not_made() -> None:
    assert next_due(NOON, 5 * MINUTE, NOON + 5 * MINUTE) is None
    assert next_due(NOON, 5 * MINUTE, NOON + 6 * MINUTE) == NOON + 5 * MINUTE
    assert next_due(NOON, 5 * MINUTE, None) == NOON + 5 * MINUTE


@pytest.mark.parametrize("max_attempts", [0, 11, -1])
def test_a_policy_allows_one_to_ten_attempts(max_attempts: int) -> None:
    with pytest.raises(ValueError, match="max_attempts"):
        RetryPolicy(max_attempts=max_attempts)


def test_a_policy_refuses_a_negative_wait() -> None:
    with pytest.raises(ValueError, match="wait"):
        RetryPolicy(wait=timedelta(seconds=-1))


@pytest.mark.parametrize("outcome", FAILURES)
def test_a_failed_attempt_is_followed_by_another_after_the_wait(outcome: Outcome) -> None:
    assert decide(outcome, rang=True) == Decision(
        event=CallEvent.RETRY, counts=True, due_at=NOON + 5 * MINUTE
    )


@pytest.mark.parametrize("outcome", FAILURES)
def test_the_last_attempt_ends_the_call(outcome: Outcome) -> None:
    assert decide(outcome, attempts=3, rang=True) == Decision(event=CallEvent.GIVE_UP, counts=True)


@pytest.mark.parametrize("outcome", FAILURES)
def test_the_window_ends_the_call_when_the_next_attempt_would_be_too_late(
    outcome: Outcome,
) -> None:
    late = decide(outcome, rang=True, closes_at=NOON + 5 * MINUTE)
    assert late == Decision(event=CallEvent.WINDOW_CLOSE, counts=True)


@pytest.mark.parametrize("outcome", [o for o, t in TRAITS.items() if not t.reached])
def test_a_cancelled_call_gets_no_further_attempt(outcome: Outcome) -> None:
    assert decide(outcome, canceled=True, rang=True).event is CallEvent.CANCEL


@pytest.mark.parametrize("outcome", [o for o, t in TRAITS.items() if t.reached])
@pytest.mark.parametrize("canceled", [True, False])
def test_a_person_who_was_reached_is_never_dialled_again(outcome: Outcome, canceled: bool) -> None:
    for closes_at in (None, NOON):
        decision = decide(outcome, canceled=canceled, closes_at=closes_at, rang=True)
        assert decision == Decision(event=CallEvent.FINISH, counts=True)


def test_a_hang_up_on_request_cancels() -> None:
    assert decide(Outcome.CANCELED, rang=True).event is CallEvent.CANCEL


def test_a_call_refused_before_dialling_is_rejected_and_costs_no_attempt() -> None:
    assert decide(Outcome.REFUSED_HERE) == Decision(event=CallEvent.REFUSE, counts=False)


@pytest.mark.parametrize("outcome", TRUNK_FAILURES)
def test_a_trunk_s_own_failure_gives_the_attempt_back_three_times(outcome: Outcome) -> None:
    for given_back in range(MAX_GIVEN_BACK):
        assert decide(outcome, given_back=given_back, max_attempts=1) == Decision(
            event=CallEvent.RETRY, counts=False, due_at=NOON + GIVEN_BACK_WAIT
        )
    spent = decide(outcome, given_back=MAX_GIVEN_BACK, max_attempts=1)
    assert spent == Decision(event=CallEvent.GIVE_UP, counts=True)
    assert MAX_GIVEN_BACK == 3


@pytest.mark.parametrize("outcome", TRUNK_FAILURES)
def test_a_trunk_s_failure_after_ringing_counts(outcome: Outcome) -> None:
    assert decide(outcome, rang=True).counts


def test_a_given_back_attempt_waits_as_long_as_the_trunk_asked() -> None:
    asked = decide(Outcome.TRUNK_TROUBLE, retry_after=timedelta(seconds=40))
    assert asked.due_at == NOON + timedelta(seconds=40)


@REPEATABLE
@given(
    outcome=st.sampled_from(Outcome),
    attempts=st.integers(1, 10),
    given_back=st.integers(0, MAX_GIVEN_BACK),
    rang=st.booleans(),
    canceled=st.booleans(),
    max_attempts=st.integers(1, 10),
    wait=st.timedeltas(timedelta(0), timedelta(days=1)),
    closes_in=st.none() | st.timedeltas(timedelta(hours=-23), timedelta(days=2)),
    retry_after=st.timedeltas(timedelta(0), timedelta(days=1)),
)
def test_every_decision_keeps_the_rules(
    outcome: Outcome,
    attempts: int,
    given_back: int,
    rang: bool,
    canceled: bool,
    max_attempts: int,
    wait: timedelta,
    closes_in: timedelta | None,
    retry_after: timedelta,
) -> None:
    closes_at = None if closes_in is None else NOON + closes_in
    decision = decide(
        outcome,
        attempts=min(attempts, max_attempts),
        given_back=given_back,
        rang=rang,
        canceled=canceled,
        max_attempts=max_attempts,
        wait=wait,
        closes_at=closes_at,
        retry_after=retry_after,
    )
    assert (decision.due_at is not None) == (decision.event is CallEvent.RETRY)
    if decision.due_at is not None:
        assert not canceled
        assert decision.due_at >= NOON + (wait if decision.counts else GIVEN_BACK_WAIT)
        assert closes_at is None or decision.due_at < closes_at
        assert not decision.counts or attempts < max_attempts
    # What was decided must also be a legal move of a call that is being dialled or talks.
    in_flight = CallState.CONNECTED if TRAITS[outcome].reached else CallState.DIALING
    target = next_state(in_flight, decision.event)
    assert target is CallState.WAITING or target.is_final


@REPEATABLE
@given(
    outcomes=st.lists(st.tuples(st.sampled_from(FAILURES), st.booleans()), min_size=20),
    max_attempts=st.integers(1, 10),
    wait=st.timedeltas(timedelta(seconds=60), timedelta(days=1)),
    ring=st.timedeltas(timedelta(0), timedelta(minutes=2)),
    length=st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=5)),
)
def test_a_call_that_always_fails_ends_within_its_attempts_and_window(
    outcomes: list[tuple[Outcome, bool]],
    max_attempts: int,
    wait: timedelta,
    ring: timedelta,
    length: timedelta | None,
) -> None:
    closes_at = None if length is None else NOON + length
    counted = given_back = 0
    dialled_at, last_ended_at = NOON, None
    for outcome, rang in outcomes:
        assert closes_at is None or dialled_at < closes_at
        if last_ended_at is not None:
            assert dialled_at >= last_ended_at + min(wait, GIVEN_BACK_WAIT)
        ended_at = dialled_at + ring
        decision = decide(
            outcome,
            ended_at=ended_at,
            attempts=counted + 1,
            given_back=given_back,
            rang=rang,
            max_attempts=max_attempts,
            wait=wait,
            closes_at=closes_at,
        )
        counted += decision.counts
        given_back += not decision.counts
        assert counted <= max_attempts
        assert given_back <= MAX_GIVEN_BACK
        if decision.due_at is None:
            assert decision.event in (CallEvent.GIVE_UP, CallEvent.WINDOW_CLOSE)
            assert counted == max_attempts or decision.event is CallEvent.WINDOW_CLOSE
            return
        last_ended_at, dialled_at = ended_at, decision.due_at
    pytest.fail("the call never ended")


# What a deployment says beside the request


def waits(rules: RetryRules, outcome: Outcome = Outcome.BUSY) -> list[timedelta]:
    """The waits after the first attempts of a call."""
    found = []
    for attempts in (1, 2, 3):
        decision = decide(outcome, attempts=attempts, max_attempts=9, rules=rules)
        assert decision.due_at is not None
        found.append(decision.due_at - NOON)
    return found


def test_without_rules_the_wait_is_the_requests() -> None:
    assert waits(NO_RULES) == [5 * MINUTE] * 3


def test_waits_go_by_the_number_of_the_attempt_and_the_last_holds_for_the_rest() -> None:
    assert waits(RetryRules(waits=(MINUTE, 10 * MINUTE))) == [MINUTE, 10 * MINUTE, 10 * MINUTE]


def test_a_wait_by_outcome_goes_before_all_others() -> None:
    rules = RetryRules(waits=(MINUTE,), waits_after={Outcome.NO_ANSWER: 60 * MINUTE})
    assert waits(rules, Outcome.NO_ANSWER) == [60 * MINUTE] * 3
    assert waits(rules, Outcome.BUSY) == [MINUTE] * 3


def test_no_attempt_follows_an_outcome_that_is_ruled_out() -> None:
    rules = RetryRules(never_after=frozenset({Outcome.UNREACHABLE}))
    assert decide(Outcome.UNREACHABLE, rules=rules).event is CallEvent.GIVE_UP
    assert decide(Outcome.BUSY, rules=rules).event is CallEvent.RETRY
    assert decide(Outcome.UNREACHABLE).event is CallEvent.RETRY


def test_rules_allow_no_more_attempts_and_no_later_ones() -> None:
    rules = RetryRules(waits=(MINUTE,), waits_after={Outcome.BUSY: 20 * MINUTE})
    assert decide(Outcome.BUSY, attempts=3, rules=rules).event is CallEvent.GIVE_UP
    closing = NOON + 20 * MINUTE
    assert decide(Outcome.BUSY, closes_at=closing, rules=rules).event is CallEvent.WINDOW_CLOSE
    assert decide(Outcome.NO_ANSWER, closes_at=closing, rules=rules).event is CallEvent.RETRY


@pytest.mark.parametrize("outcome", TRUNK_FAILURES)
def test_what_the_trunk_spoilt_is_given_back_whatever_the_rules(outcome: Outcome) -> None:
    rules = RetryRules(waits=(60 * MINUTE,), never_after=frozenset({outcome}))
    decision = decide(outcome, max_attempts=1, rules=rules)
    assert (decision.event, decision.counts) == (CallEvent.RETRY, False)
    assert decision.due_at == NOON + GIVEN_BACK_WAIT
    counted = decide(outcome, given_back=MAX_GIVEN_BACK, rules=rules)
    assert counted.event is CallEvent.GIVE_UP


@pytest.mark.parametrize("outcome", [o for o, t in TRAITS.items() if not t.retryable])
def test_rules_about_what_is_never_tried_again_are_refused(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="never tried again"):
        RetryRules(never_after=frozenset({outcome}))
    with pytest.raises(ValueError, match="never tried again"):
        RetryRules(waits_after={outcome: MINUTE})


# The nights on which clocks change, and 2038

NIGHTS = [
    ("America/New_York", (2026, 3, 8), (2026, 11, 1)),
    ("Europe/London", (2026, 3, 29), (2026, 10, 25)),
    ("Australia/Lord_Howe", (2026, 10, 4), (2026, 4, 5)),
    ("America/Sao_Paulo", (2018, 11, 4), (2018, 2, 18)),
]
"""Zones with the day on which their clocks go forward, and back."""


@pytest.mark.parametrize(("zone", "forward", "back"), NIGHTS)
def test_a_wait_is_as_long_on_the_nights_when_clocks_change(
    zone: str, forward: tuple[int, int, int], back: tuple[int, int, int]
) -> None:
    for year, month, day in (forward, back):
        midnight = datetime(year, month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for minutes in range(-120, 240, 10):
            ended_at = midnight + minutes * MINUTE
            due_at = decide(Outcome.BUSY, ended_at=ended_at, wait=60 * MINUTE).due_at
            assert due_at is not None
            assert due_at.timestamp() - ended_at.timestamp() == 3600
            # A window of which the last lawful moment is just then, by any zone's clock.
            shut = decide(
                Outcome.BUSY,
                ended_at=ended_at,
                wait=60 * MINUTE,
                closes_at=due_at.astimezone(ZoneInfo(zone)),
            )
            assert shut.event is CallEvent.WINDOW_CLOSE


def test_a_retry_across_the_end_of_32_bits_is_one_like_any_other() -> None:
    end = datetime.fromtimestamp(2**31 - 1, UTC)
    decision = decide(Outcome.BUSY, ended_at=end - MINUTE, closes_at=end + 10 * MINUTE)
    assert decision.due_at == end + 4 * MINUTE
    assert decide(Outcome.BUSY, ended_at=end, closes_at=end + MINUTE).due_at is None
