"""Tones of the network before the answer, country by country."""

import numpy as np
import pytest
from numpy.typing import NDArray

from callwright.telephony.listening.progress import CADENCES, NetworkTone, NetworkTones
from callwright.telephony.listening.sounds import LONG, sounds_in
from callwright.telephony.rtp.g711 import decode, encode

Wave = NDArray[np.float64]
HERTZ = {"1": (480, 620), "33": (440,), "43": (420,), "44": (400,), "81": (400,)}


def tone(hertz: tuple[float, ...], ms: int) -> Wave:
    at = np.arange(ms * 8) * (2 * np.pi / 8000)
    return np.asarray(sum(3000 * np.sin(at * each) for each in hertz) if hertz else 0 * at)


def heard(number: str, *parts: Wave, lead_ms: int = 130) -> list[tuple[NetworkTone, float]]:
    """What was said, each with the seconds after which it was."""
    wave = np.concatenate([np.zeros(lead_ms * 8), *parts])
    wave = wave + np.random.default_rng(3).normal(0, 60, len(wave))
    samples = decode(encode(wave.astype(np.int16), "PCMA"), "PCMA").astype(np.float32)
    tones = NetworkTones(number)
    said = []
    for at, sound in enumerate(sounds_in(samples[: len(samples) // LONG * LONG].reshape(-1, LONG))):
        found = tones.hear(sound)
        if found is not None:
            said.append((found, at * 0.04))
    return said


def cadence(hertz: tuple[float, ...], *lengths_ms: int) -> list[Wave]:
    """Tone and silence in turn, for eight seconds or so."""
    one = [tone(hertz if at % 2 == 0 else (), ms) for at, ms in enumerate(lengths_ms)]
    return one * (8000 // sum(lengths_ms))


@pytest.mark.parametrize(
    ("code", "kind"), [(code, kind) for code, kinds in CADENCES.items() for kind in kinds]
)
@pytest.mark.parametrize("lead_ms", [100, 117])
def test_each_country_s_tones_are_told_apart(code: str, kind: NetworkTone, lead_ms: int) -> None:
    parts = cadence(HERTZ.get(code, (425,)), *CADENCES[code][kind])
    said = heard(f"+{code}5551234567", *parts, lead_ms=lead_ms)
    assert {each for each, _ in said} == {kind}
    assert 1.0 < said[0][1] <= 5.0


@pytest.mark.parametrize(
    ("number", "hertz", "lengths_ms"),
    [
        ("+15551234567", (440, 480), (2000, 4000)),
        ("+442071234567", (400, 450), (400, 200, 400, 2000)),
        ("+49301234567", (425,), (1000, 4000)),
        ("+33123456789", (440,), (1500, 3500)),
        ("+34912345678", (425,), (1500, 3000)),
        ("+61212345678", (413, 438), (400, 200, 400, 2000)),
        ("+81312345678", (400,), (1000, 2000)),
    ],
)
def test_ringing_is_no_end(number: str, hertz: tuple[float, ...], lengths_ms: tuple[int]) -> None:
    assert heard(number, *cadence(hertz, *lengths_ms), *cadence(hertz, *lengths_ms)) == []


SPECIAL = [tone((each,), 330) for each in (950, 1400, 1800)]


def special(first_hz: float, first_ms: int, second_hz: float, second_ms: int) -> list[Wave]:
    return [tone((first_hz,), first_ms), tone((second_hz,), second_ms), tone((1776.7,), 380)]


@pytest.mark.parametrize(
    ("number", "parts", "kind"),
    [
        ("+49301234567", SPECIAL, NetworkTone.NO_SUCH_NUMBER),
        ("+15551234567", SPECIAL, NetworkTone.NO_SUCH_NUMBER),
        ("+15551234567", special(913.8, 274, 1370.6, 274), NetworkTone.NO_SUCH_NUMBER),
        ("+15551234567", special(985.2, 380, 1370.6, 274), NetworkTone.NO_SUCH_NUMBER),
        ("+15551234567", special(913.8, 274, 1428.5, 380), NetworkTone.NO_CIRCUIT),
        ("+15551234567", special(985.2, 380, 1428.5, 380), NetworkTone.NO_CIRCUIT),
        ("+49301234567", special(985.2, 380, 1428.5, 380), NetworkTone.NO_SUCH_NUMBER),
    ],
)
def test_special_information_tones(number: str, parts: list[Wave], kind: NetworkTone) -> None:
    assert [each for each, _ in heard(number, *parts, np.zeros(8000))] == [kind]


def test_a_beep_and_a_voice_are_no_tones_of_the_network() -> None:
    chance = np.random.default_rng(1)
    words = [part for _ in range(9) for part in (chance.normal(0, 3000, 4000), np.zeros(4000))]
    assert heard("+15551234567", tone((440,), 400), np.zeros(8000), *words) == []
