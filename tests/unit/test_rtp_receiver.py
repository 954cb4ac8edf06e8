"""Whose packets are heard, and the count of those that never came."""

from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.rtp.receiver import Reception, SourceLatch

STATED = ("192.0.2.1", 4000)
BEHIND_NAT = ("198.51.100.9", 31337)
SCANNER = ("203.0.113.66", 6)


def test_the_stated_address_is_heard_at_once() -> None:
    latch = SourceLatch(STATED)
    assert latch.admits(STATED, 1)
    assert latch.is_settled


def test_another_address_is_taken_after_three_packets_in_a_row() -> None:
    latch = SourceLatch(STATED)
    assert [latch.admits(BEHIND_NAT, 1) for _ in range(3)] == [False, False, True]
    assert latch.address == BEHIND_NAT


def test_single_packets_of_scanners_capture_nothing() -> None:
    latch = SourceLatch(STATED)
    for number in range(20):
        assert not latch.admits(SCANNER, number)
        assert not latch.admits(BEHIND_NAT, 1)
    assert latch.address == STATED


def test_once_settled_everyone_else_is_silence() -> None:
    latch = SourceLatch(STATED)
    latch.admits(STATED, 1)
    assert not any(latch.admits(SCANNER, 9) for _ in range(10))
    assert latch.admits(STATED, 2)


def count(sequences: list[int], ssrc: int = 1) -> Reception:
    loss = Reception()
    for sequence in sequences:
        loss.note(sequence, ssrc)
    return loss


def test_gaps_are_losses() -> None:
    loss = count([10, 11, 14, 15])
    assert (loss.received, loss.lost) == (4, 2)


def test_packets_out_of_order_are_no_losses() -> None:
    assert count([10, 12, 11, 13]).lost == 0


def test_the_sequence_number_may_wrap() -> None:
    assert count([65534, 65535, 0, 2]).lost == 1


def test_a_sender_that_starts_again_is_no_loss() -> None:
    assert count([10, 11, 40000, 40001]).lost == 0
    loss = count([10, 12])
    loss.note(50000, 2)
    loss.note(50002, 2)
    assert loss.lost == 2


def test_duplicates_never_make_the_loss_negative() -> None:
    assert count([5, 5, 5, 5]).lost == 0


def test_jitter_is_how_unevenly_packets_come() -> None:
    even, uneven = Reception(), Reception()
    for number in range(500):
        even.note_time(number * 640, 1000 + number * 0.08)
        uneven.note_time(number * 640, 1000 + number * 0.08 + (number % 2) * 0.005)
    assert even.jitter < 0.5
    assert abs(uneven.jitter - 40) < 1  # 5 ms


def test_a_clock_that_is_set_is_no_jitter() -> None:
    reception = Reception()
    for number in range(100):
        reception.note_time(number * 640, number * 0.08 + (3600 if number > 50 else 0))
    assert reception.jitter < 0.5


@given(st.integers(0, 65535), st.lists(st.booleans(), min_size=1, max_size=2000))
def test_every_missing_packet_between_first_and_last_is_counted(
    first: int, came: list[bool]
) -> None:
    sent = [(first + offset) & 0xFFFF for offset in range(len(came) + 2)]
    arrived = [True, *came, True]
    loss = count([number for number, there in zip(sent, arrived, strict=True) if there])
    assert loss.lost == arrived.count(False)
