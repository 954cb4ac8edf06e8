"""When a call may be dialled."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.domain.window import Window

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(lambda gap: NOON + gap)
SPANS = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=400))


def test_a_window_opens_at_its_start_and_is_shut_at_its_end() -> None:
    window = Window(opens_at=NOON, closes_at=NOON + timedelta(hours=1))
    just = timedelta(microseconds=1)
    assert not window.is_open(NOON - just)
    assert window.is_open(NOON)
    assert window.is_open(NOON + timedelta(hours=1) - just)
    assert not window.is_open(NOON + timedelta(hours=1))
    assert not window.is_over(NOON + timedelta(hours=1) - just)
    assert window.is_over(NOON + timedelta(hours=1))


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=-1)])
def test_a_window_that_ends_before_it_begins_cannot_be_made(length: timedelta) -> None:
    with pytest.raises(ValueError, match="closes"):
        Window(opens_at=NOON, closes_at=NOON + length)


@REPEATABLE
@given(opens_at=MOMENTS, now=MOMENTS)
def test_a_window_without_an_end_never_shuts(opens_at: datetime, now: datetime) -> None:
    window = Window(opens_at=opens_at)
    assert not window.is_over(now)
    assert window.is_open(now) == (now >= opens_at)


@REPEATABLE
@given(opens_at=MOMENTS, length=SPANS, now=MOMENTS)
def test_a_moment_is_before_in_or_after_a_window(
    opens_at: datetime, length: timedelta, now: datetime
) -> None:
    window = Window(opens_at=opens_at, closes_at=opens_at + length)
    assert [now < opens_at, window.is_open(now), window.is_over(now)].count(True) == 1


@REPEATABLE
@given(opens_at=MOMENTS, length=SPANS, earlier=MOMENTS, later=MOMENTS)
def test_a_window_that_is_over_stays_over(
    opens_at: datetime, length: timedelta, earlier: datetime, later: datetime
) -> None:
    window = Window(opens_at=opens_at, closes_at=opens_at + length)
    if earlier <= later and window.is_over(earlier):
        assert window.is_over(later)
