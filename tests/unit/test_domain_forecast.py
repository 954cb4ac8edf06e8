"""Forecasts: what the limits, the wait and the window make of a batch."""

from datetime import UTC, datetime, timedelta

import pytest

from callwright.domain.forecast import Pace, Work, foretell
from callwright.domain.limits import Limited, LimitKind, Limits
from callwright.domain.pace import LimitStanding, Measured, TrunkStanding
from callwright.domain.retry import RetryRules

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def work(calls: int, *, attempts: int = 1, closes: float | None = None, **more: object) -> Work:
    values: dict[str, object] = {
        "untried": calls,
        "tried": {},
        "in_motion": {},
        "max_attempts": attempts,
        "opens_at": NOON,
        "last_due_at": None,
        "closes_at": None if closes is None else after(closes),
        "wait": timedelta(seconds=600),
    }
    return Work(**(values | more))  # type: ignore[arg-type]


def pace(rate: float = 10, most: int = 10_000, *, done: float = 0.5, **more: object) -> Pace:
    trunk = TrunkStanding(name="main", names=("main",), calls_per_second=rate, max_calls=most)
    measured = Measured(attempts=100, mean_s=20, done_share=done)
    return Pace(trunk=trunk, limits=(), measured=measured, **more)  # type: ignore[arg-type]


def test_the_rate_says_when_all_have_started_and_the_last_talks_on() -> None:
    seen = foretell(work(6000), pace(rate=10), NOON)
    assert (seen.starts_at, seen.ends_at) == (NOON, after(600 + 20))
    assert (seen.attempts, seen.will_not_fit, seen.cut_short) == (6000, 0, 0)


def test_where_places_are_few_they_say_it() -> None:
    seen = foretell(work(6000), pace(rate=1000, most=100), NOON)
    assert seen.ends_at == after((6000 - 100) * 20 / 100 + 20)


def test_each_further_round_is_smaller_and_comes_after_the_wait() -> None:
    seen = foretell(work(1000, attempts=3), pace(rate=10), NOON)
    assert seen.attempts == 1000 + 500 + 250
    assert seen.ends_at == after(100 + 2 * (20 + 600) + 20)


def test_waits_that_a_deployment_names_go_before_the_batchs_own() -> None:
    rules = RetryRules(waits=(timedelta(seconds=60), timedelta(seconds=3600)))
    seen = foretell(work(1000, attempts=3, rules=rules), pace(rate=10), NOON)
    assert seen.ends_at == after(100 + 20 + 60 + 20 + 3600 + 20)


def test_what_starts_after_closing_does_not_fit() -> None:
    seen = foretell(work(6000, closes=300), pace(rate=10), NOON)
    assert (seen.attempts, seen.will_not_fit, seen.ends_at) == (3000, 3000, after(320))
    seen = foretell(work(1000, attempts=2, closes=500), pace(rate=10), NOON)
    assert (seen.attempts, seen.will_not_fit, seen.cut_short) == (1000, 0, 500)
    assert seen.ends_at == after(500)


def test_a_window_that_opens_later_is_waited_for() -> None:
    seen = foretell(work(600, opens_at=after(3600)), pace(rate=10, before=100), NOON)
    assert (seen.starts_at, seen.ends_at) == (after(3600), after(3600 + 60 + 20))


def test_what_goes_before_and_takes_turns_puts_it_off() -> None:
    seen = foretell(work(600), pace(rate=10, before=300, others=(100, 10_000)), NOON)
    # 300 before it, 600 of its own, 100 and 900 of the two others
    assert seen.ends_at == after((300 + 600 + 100 + 900) / 10 + 20)


def test_its_own_limits_hold_too() -> None:
    mine = LimitStanding(limited=Limited(LimitKind.BATCH, 1), limits=Limits(calls_per_second=1))
    slow = Pace(trunk=pace().trunk, limits=[mine], measured=pace().measured)
    assert foretell(work(600), slow, NOON).ends_at == after(620)


def test_calls_in_motion_and_waiting_retries_are_part_of_it() -> None:
    seen = foretell(work(0, attempts=2, in_motion={1: 100}), pace(), NOON)
    assert (seen.attempts, seen.ends_at) == (50, after(620 + 20))
    assert seen.starts_at is not None
    waits = work(0, attempts=2, tried={1: 10}, last_due_at=after(300))
    assert foretell(waits, pace(), NOON).ends_at == after(320)
    assert foretell(work(0), pace(), NOON).ends_at is None


@pytest.mark.parametrize("done", [0.0, 1.0])
def test_nothing_is_lost_at_the_edges(done: float) -> None:
    seen = foretell(work(100, attempts=4), pace(done=done), NOON)
    assert seen.attempts == (400 if done == 0.0 else 100)
