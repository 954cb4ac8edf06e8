"""Pacing: no second holds more starts than its limit, and trouble slows the trunk."""

from hypothesis import given
from hypothesis import strategies as st

from callwright.runtime.pacing import PROBE_EVERY_S, TROUBLE_AFTER, Pacer, TrunkLimits


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
            paced.trunk_failed(now)
        if index - 1 in outages:
            paced.trunk_answered()
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
    begins = [paced.trunk_failed(0.0) for _ in range(TROUBLE_AFTER + 1)]
    assert begins == [False] * (TROUBLE_AFTER - 1) + [True, False]
    moments = [index / 1000 for index in range(30_000)]
    starts = starts_of(paced, moments, 0.01)
    assert len(starts) == 30 / PROBE_EVERY_S
    assert paced.trunk_answered()
    assert len(starts_of(paced, [30 + moment for moment in moments[:1000]], 0.01)) > 90


def test_failures_in_between_answers_are_no_outage() -> None:
    paced = pacer(100)
    for _ in range(10):
        assert not paced.trunk_failed(0.0)
        assert not paced.trunk_answered()
    assert not paced.in_trouble


def test_the_trunk_is_left_alone_for_as_long_as_it_asks() -> None:
    paced = pacer(100)
    paced.trunk_failed(0.0, retry_after_s=7)
    assert paced.wait_s(1.0) == 6
    assert paced.free_starts(6.9, 0) == 0
    assert paced.free_starts(7.0, 0) == 1
