"""Keys sent as RFC 4733 wants, and each received key heard once."""

import numpy as np
import pytest

from callwright.telephony.rtp.digits import DigitHearing, EventSlot, plan_digits
from callwright.telephony.rtp.g711 import SILENCE, decode
from callwright.telephony.rtp.packet import EVENT_DIGITS, TelephoneEvent

QUIET = SILENCE["PCMU"]


def test_a_key_is_five_updates_and_two_repeats_of_the_end() -> None:
    slots = plan_digits("5", "PCMU", as_events=True)
    events = [slot for slot in slots if isinstance(slot, EventSlot)]
    assert [event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.first for event in events] == [True] + [False] * 6
    assert [event.end for event in events] == [False] * 4 + [True] * 3
    assert {event.event for event in events} == {5}


def test_a_key_and_its_gap_take_200_ms() -> None:
    for as_events in (True, False):
        assert len(plan_digits("12", "PCMU", as_events=as_events)) == 20


def test_a_pause_is_a_second_of_silence() -> None:
    for pause in ",pP":
        assert plan_digits(pause, "PCMU", as_events=True) == [QUIET] * 50


def test_letters_keep_their_event_codes_in_any_case() -> None:
    assert EVENT_DIGITS.index("D") == 15
    assert plan_digits("d", "PCMU", as_events=True) == plan_digits("D", "PCMU", as_events=True)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="not a telephone key: 'x'"):
        plan_digits("1x", "PCMU", as_events=True)


@pytest.mark.parametrize(
    ("digit", "row", "column"),
    [("1", 697, 1209), ("6", 770, 1477), ("*", 941, 1209), ("D", 941, 1633)],
)
def test_an_audible_key_is_its_two_tones(digit: str, row: int, column: int) -> None:
    slots = plan_digits(digit, "PCMU", as_events=False)
    frames = [slot for slot in slots if isinstance(slot, bytes)]
    assert frames[5:] == [QUIET] * 5
    spectrum = np.abs(np.fft.rfft(decode(b"".join(frames[:5]), "PCMU")))
    loudest = sorted(np.argsort(spectrum)[-2:] * 10)
    assert loudest == [pytest.approx(row, abs=10), pytest.approx(column, abs=10)]


def hear(hearing: DigitHearing, *reports: tuple[int, bool, int, int, bool]) -> list[str | None]:
    return [
        hearing.hear(TelephoneEvent(event, end, duration), timestamp, marker)
        for event, end, duration, timestamp, marker in reports
    ]


def test_a_key_is_heard_at_its_first_report_and_only_once() -> None:
    heard = hear(
        DigitHearing(),
        (5, False, 160, 1000, True),
        (5, False, 320, 1000, False),
        (5, True, 480, 1000, False),
        (5, True, 480, 1000, False),
        (5, True, 480, 1000, False),
    )
    assert heard == ["5", None, None, None, None]


def test_the_same_key_twice_is_two_digits() -> None:
    heard = hear(
        DigitHearing(),
        (5, False, 160, 1000, True),
        (5, True, 480, 1000, False),
        (5, False, 160, 2600, True),
    )
    assert heard == ["5", None, "5"]


def test_a_key_whose_first_and_last_reports_are_lost_is_still_heard() -> None:
    heard = hear(DigitHearing(), (5, False, 320, 1000, False), (7, False, 320, 9000, False))
    assert heard == ["5", "7"]


def test_a_late_report_of_an_earlier_key_is_not_a_new_one() -> None:
    heard = hear(
        DigitHearing(),
        (5, False, 160, 1000, True),
        (7, False, 160, 2600, True),
        (5, True, 480, 1000, False),
        (7, True, 480, 2600, False),
    )
    assert heard == ["5", "7", None, None]


def test_timestamps_may_wrap() -> None:
    heard = hear(DigitHearing(), (1, True, 480, 2**32 - 100, True), (1, True, 480, 1500, True))
    assert heard == ["1", "1"]


def test_keys_are_heard_again_after_the_senders_clock_jumped_back() -> None:
    heard = hear(DigitHearing(), (1, True, 480, 1_000_000, True), (2, True, 480, 100, True))
    assert heard == ["1", "2"]


def test_a_key_held_into_a_further_segment_is_one_digit() -> None:
    heard = hear(
        DigitHearing(),
        (5, False, 160, 1000, True),
        (5, False, 65535, 1000, False),
        (5, False, 160, 66535, False),
        (5, True, 320, 66535, False),
    )
    assert heard == ["5", None, None, None]


def test_a_gateway_that_moves_the_timestamp_sends_one_digit() -> None:
    heard = hear(
        DigitHearing(),
        (5, False, 160, 1000, True),
        (5, False, 320, 1160, False),
        (5, False, 480, 1320, False),
        (5, True, 640, 1480, False),
    )
    assert heard == ["5", None, None, None]


def test_events_that_are_no_keys_are_not_heard() -> None:
    assert hear(DigitHearing(), (16, False, 160, 1, True), (70, False, 160, 2, True)) == [None] * 2
