"""When a notice is tried again, and when it is not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.domain.notice import (
    MAX_RETRY_AFTER,
    RETRY_WAITS,
    Delivery,
    NoticeState,
    NoticeStep,
    after_delivery,
)

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
JITTERS = st.floats(-1, 1)
FAILED = Delivery(status=500, problem="http error")
FAILURES = st.sampled_from([None, 302, 400, 404, 429, 500, 503]).map(
    lambda status: Delivery(status=status, problem="x")
)


def test_the_pauses_are_those_of_standard_webhooks() -> None:
    seconds = [wait.total_seconds() for wait in RETRY_WAITS]
    minute, hour = 60, 3600
    hours = [2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour]
    assert seconds == [5, 5 * minute, 30 * minute, *hours]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    step = after_delivery(Delivery(status=status), tries=1, now=NOON, jitter=0)
    assert step == NoticeStep(state=NoticeState.DELIVERED)


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 302, 307, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    step = after_delivery(Delivery(status=status, problem="x"), tries=1, now=NOON, jitter=0)
    assert step == NoticeStep(state=NoticeState.PENDING, due_at=NOON + timedelta(seconds=5))


def test_gone_stops_at_once() -> None:
    step = after_delivery(Delivery(status=410, problem="gone"), tries=1, now=NOON, jitter=0)
    assert step == NoticeStep(state=NoticeState.DEAD)


@REPEATABLE
@given(failures=st.lists(FAILURES, min_size=10, max_size=10), jitter=JITTERS)
def test_there_are_ten_tries_in_all(failures: list[Delivery], jitter: float) -> None:
    steps = [
        after_delivery(failure, tries=n, now=NOON, jitter=jitter)
        for n, failure in enumerate(failures, start=1)
    ]
    assert [step.state for step in steps] == [NoticeState.PENDING] * 9 + [NoticeState.DEAD]
    assert steps[-1].due_at is None


@REPEATABLE
@given(tries=st.integers(1, 9), jitter=JITTERS)
def test_a_pause_is_within_ten_percent_of_its_figure(tries: int, jitter: float) -> None:
    due_at = after_delivery(FAILED, tries=tries, now=NOON, jitter=jitter).due_at
    assert due_at is not None
    tolerance = timedelta(microseconds=1)
    assert RETRY_WAITS[tries - 1] * 0.9 - tolerance <= due_at - NOON
    assert due_at - NOON <= RETRY_WAITS[tries - 1] * 1.1 + tolerance


@REPEATABLE
@given(
    tries=st.integers(1, 9),
    jitter=JITTERS,
    retry_after=st.timedeltas(timedelta(days=-1), timedelta(days=400)),
)
def test_retry_after_lengthens_a_pause_up_to_a_day_and_never_shortens_it(
    tries: int, jitter: float, retry_after: timedelta
) -> None:
    plain = after_delivery(FAILED, tries=tries, now=NOON, jitter=jitter).due_at
    asked = after_delivery(
        Delivery(status=503, problem="x", retry_after=retry_after),
        tries=tries,
        now=NOON,
        jitter=jitter,
    ).due_at
    assert plain is not None
    assert asked == max(plain, NOON + min(retry_after, MAX_RETRY_AFTER))
    assert timedelta(hours=24) == MAX_RETRY_AFTER


def test_how_much_a_receiver_put_its_notice_off_is_told() -> None:
    asked = Delivery(status=503, problem="x", retry_after=timedelta(seconds=65))
    step = after_delivery(asked, tries=1, now=NOON, jitter=0)
    assert step.extended_by == timedelta(seconds=60)
    assert after_delivery(FAILED, tries=1, now=NOON, jitter=0).extended_by == timedelta(0)


def test_retry_after_gives_no_eleventh_try() -> None:
    asked = Delivery(status=503, problem="x", retry_after=timedelta(seconds=1))
    step = after_delivery(asked, tries=10, now=NOON, jitter=0)
    assert step.state is NoticeState.DEAD
