"""Keys inside the audio: heard when they last, told from speech, said once a press."""

import subprocess

import numpy as np
import pytest
from numpy.typing import NDArray

from callwright.telephony.listening.ears import Ears
from callwright.telephony.rtp.digits import COLUMNS, KEYPAD, ROWS, plan_digits
from callwright.telephony.rtp.g711 import FRAME_SAMPLES, SILENCE, Codec, encode, transcode
from callwright.telephony.rtp.ticker import Member
from callwright.telephony.rtp.wav import read_wav
from callwright.testing.programs import require

Wave = NDArray[np.float64]


class HandBeat:
    def __init__(self) -> None:
        self.members: list[Member] = []

    def join(self, member: Member) -> None:
        self.members.append(member)

    def leave(self, member: Member) -> None:
        self.members.remove(member)

    def turn(self) -> None:
        for member in tuple(self.members):
            member.tick(0)


def heard(codes: bytes) -> str:
    """The digits in µ-law audio that comes 20 ms at a time."""
    beat, digits = HandBeat(), list[str]()
    ear = Ears(beat).for_keys(digits.append)
    for start in range(0, len(codes) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        ear.hear(start, codes[start : start + FRAME_SAMPLES])
        beat.turn()
    ear.close()
    assert not beat.members
    return "".join(digits)


def press(key: str, length_ms: float, *, twist_db: float = 0.0, off: float = 0.0) -> Wave:
    row, column = divmod(KEYPAD.index(key), 4)
    at = np.arange(round(length_ms * 8)) * (2 * np.pi / 8000 * (1 + off))
    louder = 10 ** (twist_db / 20)
    return np.asarray(3000 * np.sin(at * ROWS[row]) + 3000 * louder * np.sin(at * COLUMNS[column]))


def on_the_line(*waves: Wave, lead: int = 0, noise: float = 100.0) -> bytes:
    quiet = np.zeros(800)
    wave = np.concatenate([np.zeros(800 + lead), *[part for w in waves for part in (w, quiet)]])
    wave = wave + np.random.default_rng(lead).normal(0, noise, len(wave))
    return encode(wave.astype(np.int16), "PCMU")


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_what_a_telephone_sends_is_heard(codec: Codec) -> None:
    slots = plan_digits("".join(KEYPAD), codec, as_events=False)
    codes = b"".join(slot for slot in slots if isinstance(slot, bytes))
    assert heard(transcode(codes, codec, "PCMU")) == KEYPAD


@pytest.mark.parametrize("lead", range(0, 160, 23))
@pytest.mark.parametrize(
    ("length_ms", "twist_db", "off", "is_heard"),
    [
        (40, 0, 0, True),
        (40, 8, 0, True),
        (40, -8, 0, True),
        (50, 0, 0.01, True),
        (50, 0, -0.01, True),
        (400, 0, 0, True),
        (20, 0, 0, False),
        (100, 14, 0, False),
        (100, -14, 0, False),
        (100, 0, 0.035, False),
        (100, 0, -0.035, False),
    ],
)
def test_a_key_must_last_and_its_tones_must_be_right(
    length_ms: float, twist_db: float, off: float, is_heard: bool, lead: int
) -> None:
    for key in "158D":
        wave = press(key, length_ms, twist_db=twist_db, off=off)
        assert heard(on_the_line(wave, lead=lead)) == (key if is_heard else ""), key


def test_a_short_break_is_one_press_and_a_longer_one_two() -> None:
    half = press("7", 60)
    whole = np.concatenate([half, np.zeros(20 * 8), half])
    assert heard(on_the_line(whole)) == "7"
    whole = np.concatenate([half, np.zeros(50 * 8), half])
    assert heard(on_the_line(whole)) == "77"


def test_keys_without_a_gap_are_both_heard() -> None:
    assert heard(on_the_line(np.concatenate([press("3", 80), press("4", 80)]))) == "34"


def test_one_tone_is_no_key() -> None:
    at = np.arange(4000) * (2 * np.pi / 8000)
    for hertz in (*ROWS, *COLUMNS, 440, 1000, 2100):
        assert heard(on_the_line(np.asarray(5000 * np.sin(at * hertz)))) == ""


def test_each_of_many_calls_hears_its_own_keys() -> None:
    beat = HandBeat()
    ears = Ears(beat)
    digits = [list[str]() for _ in range(300)]
    mine = [ears.for_keys(each.append) for each in digits]
    assert 1 < len(beat.members) < 10
    codes = {key: on_the_line(press(key, 100)) for key in KEYPAD}
    for start in range(0, 2400 - FRAME_SAMPLES, FRAME_SAMPLES):
        for number, ear in enumerate(mine):
            ear.hear(start, codes[KEYPAD[number % 16]][start : start + FRAME_SAMPLES])
        beat.turn()
    assert ["".join(each) for each in digits] == [KEYPAD[n % 16] for n in range(300)]
    for ear in mine:
        ear.close()
        ear.hear(0, SILENCE["PCMU"])
        ear.close()
    assert not beat.members


TALK = """
The quick brown fox jumps over the lazy dog. Good evening, this is the office of Smith and
Partners, how may we help you today? One, two, three, four, five, six, seven, eight, nine, zero.
Your order will be delivered between half past nine and a quarter to eleven on Wednesday.
Whistling sisters sing soft songs in Mississippi, who knew you knew Sue too. """


@pytest.mark.parametrize("voice", ["en-us", "de", "fr-fr+f4", "es+f2", "it+m7"])
def test_minutes_of_speech_hold_no_key(voice: str) -> None:
    """Some ten minutes in all."""
    require("espeak-ng")
    command = ["espeak-ng", "-v", voice, "--stdin", "--stdout"]
    wav = subprocess.run(command, input=TALK.encode() * 6, capture_output=True, check=True).stdout
    samples = read_wav(wav)
    assert len(samples) > 90 * 8000
    assert heard(encode(samples, "PCMU")) == ""
