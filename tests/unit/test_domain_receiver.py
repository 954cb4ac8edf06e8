"""How a host that notices go to is treated by how it answers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.domain.notice import LASTS, RETRY_WAITS, Delivery, Problem, host_of
from callwright.domain.receiver import (
    LONGEST_REST,
    MOST_A_HOST,
    SLOTS,
    Standing,
    after_try,
    remembered,
)

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
GOOD = Delivery(status=200)
SILENT = Delivery(status=None, problem=Problem.TIMEOUT)
BROKEN = Delivery(status=500, problem="http 500")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def after(*deliveries: Delivery, standing: Standing | None = None, jitter: float = 0) -> Standing:
    """The standing after tries of a second each, one after the other."""
    standing = standing or Standing()
    for second, delivery in enumerate(deliveries):
        standing = after_try(
            standing, delivery, began_at=at(second), now=at(second + 1), jitter=jitter
        )
    return standing


def test_a_host_has_a_quarter_of_all_slots_at_most() -> None:
    assert after(*[GOOD] * 1000).at_once == MOST_A_HOST == SLOTS // 4


def test_a_host_begins_with_one_try_and_earns_more_by_answering() -> None:
    assert Standing().at_once == 1
    assert after(GOOD, GOOD).at_once == 3


@pytest.mark.parametrize("status", [200, 204, 301, 400, 404, 410, 499])
def test_any_answer_but_5xx_and_429_comes_from_a_host_in_order(status: int) -> None:
    standing = after(SILENT, SILENT, Delivery(status=status))
    assert (standing.is_proven, standing.strain, standing.rests_until) == (True, 0, None)


def test_a_host_that_falls_silent_has_fewer_tries_and_is_not_proven() -> None:
    standing = after(*[GOOD] * 15, SILENT)
    assert (standing.at_once, standing.is_proven, standing.rests_until) == (8, False, None)


def test_three_silences_in_a_row_are_too_much() -> None:
    assert after(SILENT, SILENT).rests_until is None
    assert after(SILENT, SILENT, SILENT).rests_until == at(3 + 5)
    assert after(SILENT, SILENT, GOOD, SILENT, SILENT).rests_until is None


def test_twelve_bad_answers_in_a_row_are_too_much() -> None:
    assert after(*[BROKEN] * 11).rests_until is None
    assert after(*[BROKEN] * 12).rests_until == at(12 + 5)


def test_a_proven_host_stays_so_through_single_bad_answers() -> None:
    standing = after(GOOD, GOOD, BROKEN)
    assert (standing.is_proven, standing.at_once) == (True, 3)


def test_each_failed_probe_doubles_the_rest_up_to_a_minute() -> None:
    standing = after(SILENT, SILENT, SILENT)
    rests = []
    for probe in range(1, 8):
        now = at(1000 * probe)
        standing = after_try(standing, SILENT, began_at=now, now=now, jitter=0)
        assert standing.at_once == 1
        assert standing.rests_until is not None
        rests.append((standing.rests_until - now).total_seconds())
    assert rests == [10, 20, 40, 60, 60, 60, 60]


def test_tries_that_began_before_a_rest_tell_nothing_new() -> None:
    resting = after(SILENT, SILENT, SILENT)
    for began in (0.0, 2.9):
        assert after_try(resting, SILENT, began_at=at(began), now=at(17), jitter=0) == resting


def test_an_answer_ends_every_trouble() -> None:
    resting = after(*[SILENT] * 3)
    answered = after_try(resting, GOOD, began_at=at(0), now=at(5), jitter=0)
    assert answered == Standing(at_once=2, is_proven=True)


def test_a_host_fails_since_its_first_failure_after_an_answer() -> None:
    assert after(GOOD, SILENT, SILENT, SILENT).failing_since == at(2)


@pytest.mark.parametrize("problem", [Problem.BAD_URL, Problem.BLOCKED_ADDRESS, Problem.INTERNAL])
def test_what_never_reached_a_host_tells_nothing_of_it(problem: Problem) -> None:
    refused = Delivery(status=None, problem=problem)
    assert after(*[refused] * 20) == Standing()


def test_trouble_is_remembered_over_a_restart() -> None:
    standing = remembered(NOON, at(60))
    again = after_try(standing, SILENT, began_at=at(70), now=at(85), jitter=0)
    assert again.failing_since == NOON
    assert again.rests_until == at(85) + LONGEST_REST


@REPEATABLE
@given(
    deliveries=st.lists(st.sampled_from([GOOD, SILENT, BROKEN]), max_size=60),
    jitter=st.floats(-1, 1),
)
def test_no_host_is_ever_shut_out(deliveries: list[Delivery], jitter: float) -> None:
    standing = after(*deliveries, jitter=jitter)
    assert 1 <= standing.at_once <= MOST_A_HOST
    if standing.rests_until is not None:
        assert standing.rests_until <= at(len(deliveries)) + LONGEST_REST * 1.1


def test_nothing_is_given_up_for_its_host_sooner_than_ten_tries_could_take() -> None:
    most = sum((wait * 1.1 for wait in RETRY_WAITS), timedelta()) + 10 * timedelta(seconds=15)
    assert most < LASTS


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Example.ORG/x?y", "example.org:80"),
        ("https://example.org.", "example.org:443"),
        ("https://user:secret@example.org:8443/x", "example.org:8443"),
        ("http://[2001:DB8::1]:81/", "[2001:db8::1]:81"),
        ("ftp://example.org/", ""),
        ("http://example.org:99999/", ""),
        ("http://[::1/", ""),
        ("", ""),
    ],
)
def test_whom_a_url_is_for(url: str, host: str) -> None:
    assert host_of(url) == host
