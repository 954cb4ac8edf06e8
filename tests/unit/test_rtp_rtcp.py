"""Reports: what ours say on the wire, and what is read from the peer's."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.rtp.receiver import Reception
from callwright.telephony.rtp.rtcp import Reports, is_rtcp

OURS, THEIRS = 0x11111111, 0x22222222
NOON = 1_700_000_000.0


def heard(*sequences: int) -> Reception:
    reception = Reception()
    for sequence in sequences:
        reception.note(sequence, THEIRS)
    return reception


def test_a_senders_report_is_written_as_the_standard_draws_it() -> None:
    report = Reports(OURS).compose(NOON, 4711, (3, 480), heard(10, 11, 14))
    words = struct.unpack("!13I", report[:52])
    assert words[0] == 0x81C8000C  # version 2, one block, SR, 12 words more
    assert words[1] == OURS
    assert words[2:4] == (int(NOON) + 2_208_988_800, 0)
    assert words[4:7] == (4711, 3, 480)
    assert words[7] == THEIRS
    assert words[8] == (2 * 256 // 5) << 24 | 2  # two of five are lost, two altogether
    assert words[9] == 14
    assert report[52:56] == bytes.fromhex("81ca0004")  # SDES, one source
    assert report[60:70] == b"\x01\x0811111111"
    assert len(report) == 72


def test_who_has_sent_nothing_writes_a_receivers_report() -> None:
    report = Reports(OURS).compose(NOON, 0, (0, 0), Reception())
    assert report[:8] == bytes.fromhex("80c9000111111111")


def test_the_fraction_lost_is_that_since_the_last_report() -> None:
    reports, reception = Reports(OURS), heard(0, 3)
    reports.compose(NOON, 0, (0, 0), reception)
    reception.note(4, THEIRS)
    report = reports.compose(NOON, 0, (0, 0), reception)
    assert report[12:16] == bytes([0, 0, 0, 2])


@pytest.mark.parametrize("mid", [0.0, 2.5])
def test_the_way_there_and_back_is_measured_over_both_sides_clocks(mid: float) -> None:
    ours, theirs = Reports(OURS), Reports(THEIRS)
    there = ours.compose(NOON, 0, (1, 160), Reception())
    clock_apart = 3333.25
    assert theirs.take(there, NOON + 0.03 + clock_apart)
    heard_of_us = Reception()
    heard_of_us.note(1, OURS)
    back = theirs.compose(NOON + 0.03 + mid + clock_apart, 0, (1, 160), heard_of_us)
    assert ours.take(back, NOON + 0.03 + mid + 0.05)
    assert ours.round_trip_s == pytest.approx(0.08, abs=0.001)


def test_the_peers_count_of_our_audio_is_read() -> None:
    ours, theirs = Reports(OURS), Reports(THEIRS)
    reception = Reception()
    for sequence in (1, 2, 5):
        reception.note(sequence, OURS)
    reception.jitter = 40.0
    ours.take(theirs.compose(NOON, 0, (0, 0), reception), NOON)
    assert (ours.far_lost, ours.far_jitter) == (2, 40.0)
    assert ours.round_trip_s is None


def test_blocks_about_others_and_our_own_echo_are_not_ours() -> None:
    ours, theirs = Reports(OURS), Reports(THEIRS)
    ours.take(theirs.compose(NOON, 0, (1, 1), heard(1, 9)), NOON)
    ours.take(ours.compose(NOON, 0, (1, 1), heard(1, 9)), NOON)
    assert ours.far_lost == 0


@given(st.binary(max_size=120))
def test_nothing_a_peer_sends_is_an_error(data: bytes) -> None:
    Reports(OURS).take(data, NOON)
    Reports(OURS).take(b"\x9f\xc8\x00\x0c" + data, NOON)


def test_reports_are_told_from_audio_by_their_second_byte() -> None:
    assert all(is_rtcp(kind) for kind in (200, 201, 202, 203, 204, 205, 206, 207))
    assert not any(is_rtcp(second) for second in (0, 8, 13, 128, 136, 101, 229))
