"""Pacing: no second holds more starts than its limit, and trouble slows the trunk."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.domain.limits import Limits
from callwright.runtime.pacing import (
    PROBE_EVERY_S,
    TROUBLE_AFTER,
    Pacer,
    TrunkLimits,
    free_starts,
)
from callwright.runtime.rate import Starts, free_now, wait_s


def pacer(calls_per_second: float = 10, max_calls: int = 1000) -> Pacer:
    return Pacer(TrunkLimits(name="main", calls_per_second=calls_per_second, max_calls=max_calls))


def starts_of(paced: Pacer, moments: list[float], quantum_s: float) -> list[float]:
    starts: list[float] = []
    for now in moments:
        free = paced.free_starts(now, 0, quantum_s=quantum_s)
        if free:
            paced.started(now, free)
            starts += [now] * free
    return starts


@given(
    rate=st.integers(1, 2000),
    gaps=st.lists(st.floats(0, 0.2), min_size=1, max_size=300),
    outages=st.sets(st.integers(0, 300), max_size=20),
)
def test_no_second_holds_more_starts_than_the_limit(
    rate: int, gaps: list[float], outages: set[int]
) -> None:
    paced = pacer(rate, max_calls=10_000)
    starts: list[float] = []
    now = 0.0
    for index, gap in enumerate(gaps):
        now += gap
        starts += starts_of(paced, [now], 0.01)
        for _ in range(TROUBLE_AFTER if index in outages else 0):
            paced.trunk_failed(now, asked_at=now)
        if index - 1 in outages:
            paced.trunk_answered(now, asked_at=now)
    for first in starts:
        assert sum(first <= start < first + 1 for start in starts) <= rate


def test_a_turn_every_millisecond_reaches_nearly_the_whole_rate() -> None:
    moments = [index / 1000 for index in range(10_000)]
    for rate in (1, 10, 200, 1000):
        assert 0.9 * rate * 10 <= len(starts_of(pacer(rate), moments, 0.01)) <= rate * 10


def test_a_pause_is_not_made_up_for_by_a_burst() -> None:
    paced = pacer(10)
    assert starts_of(paced, [0.0, 100.0], 0.0) == [0.0, 100.0]
    assert paced.free_starts(100.01, 0) == 0


def test_no_start_while_every_slot_is_taken() -> None:
    paced = pacer(1000, max_calls=3)
    assert paced.free_starts(0.0, 3) == 0
    assert paced.free_starts(0.0, 2, quantum_s=1.0) == 1


def test_an_outage_leaves_one_probe_every_few_seconds() -> None:
    paced = pacer(100)
    begins = [paced.trunk_failed(0.0, asked_at=0.0) for _ in range(TROUBLE_AFTER + 1)]
    assert begins == [False] * (TROUBLE_AFTER - 1) + [True, False]
    moments = [index / 1000 for index in range(30_000)]
    starts = starts_of(paced, moments, 0.01)
    assert len(starts) == 30 / PROBE_EVERY_S
    assert paced.trunk_answered(30.0, asked_at=30.0)
    assert not paced.in_trouble


def test_after_an_outage_the_rate_goes_up_from_a_tenth_within_a_minute() -> None:
    paced = pacer(100)
    for _ in range(TROUBLE_AFTER):
        paced.trunk_failed(0.0, asked_at=0.0)
    assert paced.trunk_answered(10.0, asked_at=10.0)
    starts = starts_of(paced, [10 + index / 1000 for index in range(90_000)], 0.01)
    counts = [sum(10 + n <= start < 11 + n for start in starts) for n in range(90)]
    assert 9 <= counts[0] <= 12
    assert 50 <= counts[30] <= 60
    assert all(later >= earlier - 2 for earlier, later in itertools.pairwise(counts[:60]))
    assert all(94 <= count <= 100 for count in counts[61:])


def test_a_call_from_before_the_trouble_that_rings_at_last_does_not_end_it() -> None:
    paced = pacer(100)
    for asked_at in (5.0, 5.1, 5.2):
        paced.trunk_failed(6.0, asked_at=asked_at)
    assert not paced.trunk_answered(7.0, asked_at=4.9)
    assert paced.in_trouble
    assert paced.trunk_answered(12.0, asked_at=11.0)


def test_a_silence_that_a_later_answer_has_ended_begins_no_outage() -> None:
    paced = pacer(100)
    paced.trunk_answered(31.0, asked_at=30.5)
    for asked_at in (0.0, 0.1, 0.2, 0.3):
        assert not paced.trunk_failed(asked_at + 32.0, asked_at=asked_at)
    assert not paced.in_trouble


def test_a_trunk_that_named_a_time_is_ramped_up_from_then_on() -> None:
    paced = pacer(100)
    paced.trunk_failed(0.0, retry_after_s=20, asked_at=0.0)
    paced.trunk_answered(1.0, asked_at=1.0)
    starts = starts_of(paced, [index / 1000 for index in range(21_000)], 0.01)
    assert starts[0] == 20.0
    assert 9 <= len(starts) <= 12


def test_while_no_call_has_a_chance_none_starts_and_after_an_outage_a_few_at_first() -> None:
    pacer = Pacer(TrunkLimits(name="main", calls_per_second=100, max_calls=1000))
    pacer.out(50.0, failed=False)
    assert pacer.free_starts(49.9, 0) == 0
    assert pacer.free_starts(50.0, 0) > 0
    pacer.out(100.0, failed=False)
    pacer.back(60.0)
    assert (pacer.free_starts(60.0, 0) > 0, pacer.calls_per_second(60.0)) == (True, 100)
    pacer.out(100.0, failed=True)
    pacer.out(100.0, failed=False)
    pacer.back(70.0)
    assert pacer.calls_per_second(70.0) == pytest.approx(10)
    assert pacer.calls_per_second(130.0) == 100


def test_a_trunk_without_a_ramp_has_its_whole_rate_at_once() -> None:
    limits = TrunkLimits(name="main", calls_per_second=100, max_calls=1000, ramp_up_s=0.0)
    paced = Pacer(limits)
    for _ in range(TROUBLE_AFTER):
        paced.trunk_failed(0.0, asked_at=0.0)
    paced.trunk_answered(10.0, asked_at=10.0)
    assert len(starts_of(paced, [10 + index / 1000 for index in range(1000)], 0.01)) > 90


def test_failures_in_between_answers_are_no_outage() -> None:
    paced = pacer(100)
    for _ in range(10):
        assert not paced.trunk_failed(0.0, asked_at=0.0)
        assert not paced.trunk_answered(0.0, asked_at=0.0)
    assert not paced.in_trouble


def test_the_trunk_is_left_alone_for_as_long_as_it_asks() -> None:
    paced = pacer(100)
    paced.trunk_failed(0.0, retry_after_s=7, asked_at=0.0)
    assert paced.wait_s(1.0) == 6
    assert paced.free_starts(6.9, 0) == 0
    assert paced.free_starts(7.0, 0) == 1


@given(
    rates=st.lists(st.floats(0.5, 500), min_size=1, max_size=5),
    gaps=st.lists(st.floats(0, 0.3), min_size=1, max_size=200),
)
def test_a_rate_that_changes_while_running_makes_no_burst(
    rates: list[float], gaps: list[float]
) -> None:
    last, now, starts = Starts(), 0.0, []
    for index, gap in enumerate(gaps):
        now += gap
        rate = rates[index * len(rates) // len(gaps)]
        free = free_starts(Limits(calls_per_second=rate), 0, last, now, quantum_s=0.01)
        if free:
            last = last.after(now, free, rate)
            starts += [now] * free
    for first in starts:
        assert sum(first <= start < first + 1 for start in starts) <= math.ceil(max(rates))


def test_both_limits_hold() -> None:
    limits = Limits(calls_per_second=2, max_calls=3)
    last = Starts(at=10.0, count=1)
    assert wait_s(last, 2, 10.1) == pytest.approx(0.41)
    assert free_starts(limits, 3, last, 11.0) == 0
    assert free_starts(limits, 2, last, 10.1) == 0
    assert free_starts(limits, 1, last, 11.0, quantum_s=5.0) == 2
    assert free_starts(Limits(), 10**6, last, 10.0) is None


@pytest.mark.parametrize("started_at", [n * 0.257 for n in range(200)])
def test_a_start_is_free_as_soon_as_there_is_nothing_to_wait_for(started_at: float) -> None:
    last = Starts().after(started_at, 1, 1.0)
    now = started_at + wait_s(last, 1.0, started_at)
    while wait_s(last, 1.0, now) > 0:
        now = math.nextafter(now, math.inf)
    assert free_now(last, 1.0, now, quantum_s=0.0) == 1
