"""Which server of a trunk is asked first, which is held back, and until when."""

import random
from collections import Counter

from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.targets import (
    HOLD_S,
    LONGEST_HOLD_S,
    PINGS_COUNT_FOR_S,
    Located,
    Targets,
)

A: Address = ("192.0.2.1", 5060)
B: Address = ("192.0.2.2", 5060)
C: Address = ("192.0.2.3", 5060)


def targets(*located: Located) -> Targets:
    made = Targets(random.Random(7))
    made.replace(located)
    return made


def test_priorities_come_in_order_and_weights_share_the_calls() -> None:
    servers = targets(Located(C, 2), Located(A, 1, 30), Located(B, 1, 10))
    first = Counter(servers.in_turn()[0] for _ in range(1000))
    assert {tuple(sorted(servers.in_turn()[:2])) for _ in range(50)} == {(A, B)}
    assert servers.in_turn()[2] == C
    assert 650 < first[A] < 850
    assert first[A] + first[B] == 1000


def test_one_that_failed_comes_last_until_it_answers() -> None:
    servers = targets(Located(A, 1), Located(B, 2))
    assert servers.failed(A, 0.0, "no reply", refused=False)
    assert servers.in_turn() == [B, A]
    assert not servers.failed(A, 1.0, "no reply", refused=False)
    assert servers.answered(A)
    assert servers.in_turn() == [A, B]
    assert not servers.answered(A)


def test_a_single_503_may_be_about_one_number_and_three_are_about_the_server() -> None:
    servers = targets(Located(A, 1), Located(B, 2))
    assert not servers.failed(A, 0.0, "503", refused=True)
    assert not servers.failed(A, 0.0, "503", refused=True)
    assert servers.in_turn() == [A, B]
    assert servers.failed(A, 0.0, "503", refused=True)
    assert servers.in_turn() == [B, A]


def test_it_is_held_back_for_as_long_as_it_asked_within_reason() -> None:
    servers = targets(Located(A, 1), Located(B, 2), Located(C, 3))
    assert servers.failed(A, 100.0, "503", 7.0, refused=True)
    servers.failed(B, 100.0, "503", 1e6, refused=True)
    servers.failed(C, 100.0, "no reply", refused=False)
    assert [each.held_until - 100.0 for each in servers] == [7.0, LONGEST_HOLD_S, HOLD_S]
    assert servers.in_turn() == [A, C, B]


def test_what_is_known_of_a_server_outlives_a_new_answer_of_dns() -> None:
    servers = targets(Located(A, 1), Located(B, 1))
    servers.failed(A, 0.0, "no reply", refused=False)
    servers.replace((Located(A, 1), Located(C, 2)))
    assert servers.in_turn() == [C, A]


def test_who_is_silent_is_away_for_certain_only_if_it_answered_options_not_long_ago() -> None:
    servers = targets(Located(A, 1))
    servers.failed(A, 0.0, "no reply", refused=False, silent=True)
    assert not servers.are_away
    servers.answered_ping(A, 10.0)
    servers.answered(A)
    servers.failed(A, 20.0, "no reply to OPTIONS", refused=False, silent=True)
    assert servers.are_away
    servers.failed(A, 10.0 + PINGS_COUNT_FOR_S, "no reply to OPTIONS", refused=False, silent=True)
    assert not servers.are_away


def test_where_nobody_listens_all_are_away_until_one_says_anything() -> None:
    servers = targets(Located(A, 1), Located(B, 1))
    servers.failed(A, 0.0, "connection refused", refused=False)
    assert not servers.are_away
    servers.failed(B, 0.0, "connection refused", refused=False)
    assert servers.are_away
    servers.failed(B, 1.0, "503", refused=True)
    assert not servers.are_away
    servers.failed(B, 2.0, "connection refused", refused=False)
    assert servers.are_away
    servers.answered(A)
    assert not servers.are_away


def test_an_answer_from_another_port_speaks_for_the_only_server_there() -> None:
    servers = targets(Located(A, 1), Located(B, 2))
    servers.failed(A, 0.0, "no reply", refused=False)
    assert servers.answered((A[0], 40000))
