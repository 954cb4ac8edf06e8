"""What listeners hear of packets that come late, twice, in the wrong order or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.rtp.g711 import FRAME_SAMPLES, SILENCE
from callwright.telephony.rtp.jitter import HOLD, JitterBuffer

HUSH = SILENCE["PCMU"]


def frame(number: int) -> bytes:
    """A frame that tells its number; none is silence."""
    return bytes([number % 250]) * FRAME_SAMPLES


class Heard:
    """A buffer, its clock, and what came out of it."""

    def __init__(self, first_timestamp: int = 1000) -> None:
        self.buffer = JitterBuffer()
        self.clock = 0
        self.frames: list[bytes] = []
        self.first = first_timestamp

    def put(self, *numbers: int) -> None:
        for number in numbers:
            self.buffer.put((self.first + number * FRAME_SAMPLES) % (1 << 32), 7, frame(number))

    def tick(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.frames += self.buffer.take(self.clock)
            self.clock += FRAME_SAMPLES
            assert len(self.frames) * FRAME_SAMPLES >= self.clock - FRAME_SAMPLES - HOLD


def test_what_comes_in_order_is_heard_at_once() -> None:
    heard = Heard()
    for number in range(5):
        heard.put(number)
        heard.tick()
        assert heard.frames[-1] == frame(number)
    assert heard.buffer.concealed == heard.buffer.late == 0


def test_packets_in_the_wrong_order_are_sorted() -> None:
    heard = Heard()
    heard.put(0)
    heard.tick()
    heard.put(2)
    heard.tick()
    assert heard.frames == [frame(0)]
    heard.put(1)
    heard.tick()
    assert heard.frames == [frame(0), frame(1), frame(2)]


def test_a_lost_packet_is_silence_and_the_rest_keeps_its_place() -> None:
    heard = Heard()
    for number in (0, 1, 3, 4, 5):
        heard.put(number)
        heard.tick()
    assert heard.frames == [frame(0), frame(1), HUSH, frame(3), frame(4), frame(5)]
    assert heard.buffer.concealed == 1


def test_a_packet_after_its_time_is_dropped() -> None:
    heard = Heard()
    heard.put(0, 2, 3, 4)
    heard.tick()
    heard.put(1)
    heard.tick()
    assert heard.frames == [frame(0), HUSH, frame(2), frame(3), frame(4)]
    assert heard.buffer.late == 1


def test_a_packet_that_comes_twice_is_heard_once() -> None:
    heard = Heard()
    heard.put(0, 0, 1, 1)
    heard.tick(2)
    assert heard.frames == [frame(0), frame(1)]


def test_a_sender_that_says_nothing_is_heard_as_silence_in_real_time() -> None:
    heard = Heard()
    heard.put(0)
    heard.tick(50)
    heard.put(50)  # its timestamp went on counting
    heard.tick(6)
    assert heard.frames.index(frame(50)) == 50
    assert heard.frames[1:50] == [HUSH] * 49


def test_the_timestamp_may_wrap_and_may_jump() -> None:
    heard = Heard(first_timestamp=(1 << 32) - FRAME_SAMPLES)
    heard.put(0, 1)
    heard.tick(2)
    heard.first += 77_777_777
    heard.put(2)
    heard.tick()
    assert heard.frames == [frame(0), frame(1), frame(2)]


def test_a_road_that_got_longer_is_heard_again() -> None:
    heard = Heard()
    heard.put(0)
    heard.tick(20)
    for number in range(1, 40):
        heard.put(number)
        heard.tick()
    assert heard.frames[-10:] == [frame(number) for number in range(30, 40)]
    assert heard.buffer.late == 5


def test_a_sender_with_a_fast_clock_loses_a_packet_now_and_then() -> None:
    heard = Heard()
    for number in range(2200):  # 10 % too fast
        heard.put(number)
        if number % 11:
            heard.tick()
    assert 1995 <= len(heard.frames) <= 2011
    assert HUSH not in heard.frames


def test_a_sender_with_a_slow_clock_gets_pauses() -> None:
    heard = Heard()
    for number in range(2000):  # 5 % too slow
        heard.put(number)
        heard.tick(2 if number % 20 == 0 else 1)
    assert len(heard.frames) * FRAME_SAMPLES >= heard.clock - HOLD - FRAME_SAMPLES
    assert len([each for each in heard.frames if each != HUSH]) > 1800


@given(st.lists(st.sampled_from([80, 160, 240, 320, 7]), min_size=1, max_size=40))
def test_packets_of_any_length_come_out_as_frames(lengths: list[int]) -> None:
    buffer = JitterBuffer()
    said = b""
    heard = b""
    for length in lengths:
        codes = bytes(at % 251 for at in range(len(said), len(said) + length))
        buffer.put(len(said), 7, codes)
        said += codes
        frames = buffer.take(len(said))
        assert all(len(each) == FRAME_SAMPLES for each in frames)
        heard += b"".join(frames)
    assert said.startswith(heard)
    assert len(said) - len(heard) < FRAME_SAMPLES


@given(
    st.lists(
        st.tuples(st.integers(0, (1 << 32) - 1), st.integers(0, 2), st.integers(0, 400)),
        max_size=200,
    )
)
def test_nothing_a_peer_sends_makes_it_hoard_or_fall_behind(
    packets: list[tuple[int, int, int]],
) -> None:
    buffer = JitterBuffer()
    samples = 0
    for tick, (timestamp, ssrc, length) in enumerate(packets):
        buffer.put(timestamp, ssrc, bytes(length))
        samples += sum(map(len, buffer.take(tick * FRAME_SAMPLES)))
        assert samples > tick * FRAME_SAMPLES - HOLD - FRAME_SAMPLES
        assert len(buffer._waiting) <= 64
