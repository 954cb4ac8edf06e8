"""Who answered, by the rules of the cadence: bursts of noise and silence, and tones."""

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.values import Amd
from callwright.telephony.listening import AnswerHearing
from callwright.telephony.listening.sounds import LONG, sounds_in

Wave = NDArray[np.float64]
APP_AMD = Amd(
    greeting_ms=1500,
    after_greeting_silence_ms=800,
    max_words=3,
    silence_threshold=256,
    greeting_span_ms=10_000,
)
_chance = np.random.default_rng(5)


def silence(ms: int) -> Wave:
    return np.zeros(ms * 8)


def voice(ms: int, level: float = 3000.0) -> Wave:
    return _chance.normal(0, level, ms * 8)


def tone(hertz: float, ms: int, level: float = 6000.0) -> Wave:
    return np.asarray(level * np.sin(np.arange(ms * 8) * (2 * np.pi * hertz / 8000)))


def heard(*parts: Wave, settings: Amd = APP_AMD) -> tuple[AnswerHearing, float]:
    """The hearing after its verdict, and when that came, in milliseconds."""
    wave = np.concatenate([*parts, silence(6000)])
    rows = wave[: len(wave) // LONG * LONG].astype(np.float32).reshape(-1, LONG)
    hearing = AnswerHearing(settings)
    for number, sound in enumerate(sounds_in(rows), 1):
        if hearing.hear(sound) is not None:
            return hearing, number * 40
    raise AssertionError("no verdict")


@pytest.mark.parametrize(
    ("parts", "who", "cause", "at_ms"),
    [
        ([silence(400), voice(400)], "voice", "HUMAN-800-800", 1600),
        ([silence(400), voice(60)], "unknown", "INITIALSILENCE-2500-2500", 2960),
        ([silence(3000)], "unknown", "INITIALSILENCE-2500-2500", 2500),
        ([voice(300), silence(200), voice(1300)], "answeringmachine", "LONGGREETING", 1720),
        ([voice(300), silence(100)] * 3, "answeringmachine", "MAXWORDS-3-3", 920),
        ([voice(300), silence(40)] * 3, "voice", "HUMAN-800-800", 1820),
        ([voice(500), silence(600)] * 2, "voice", "HUMAN-800-800", 2400),
    ],
)
def test_the_rules_are_those_of_app_amd(
    parts: list[Wave], who: str, cause: str, at_ms: int
) -> None:
    hearing, at = heard(*parts)
    assert hearing.verdict is not None
    assert hearing.verdict.who == who
    assert hearing.verdict.cause.startswith(cause)
    assert abs(at - at_ms) <= 60


def test_one_long_word_is_a_machine() -> None:
    settings = Amd(greeting_ms=10_000, greeting_span_ms=10_000, max_word_ms=2000)
    hearing, at = heard(voice(4000), settings=settings)
    assert hearing.verdict is not None
    assert (hearing.verdict.who, at) == (AnsweredBy.MACHINE, 2000)


@pytest.mark.parametrize(
    ("starts_ms", "settings", "who", "cause"),
    [
        (300, Amd(), "answeringmachine", "LONGSPAN-25"),
        (1100, Amd(), "unknown", "LATESTART-1100-900"),
        (1100, Amd(late_start_ms=1200), "answeringmachine", "LONGSPAN-17"),
        (1100, Amd(greeting_span_ms=10_000), "unknown", "TOOLONG-4000"),
    ],
)
def test_who_begins_late_and_goes_on_is_no_machine_for_sure(
    starts_ms: int, settings: Amd, who: str, cause: str
) -> None:
    words = [part for _ in range(20) for part in (voice(180), silence(60))]
    hearing, _ = heard(silence(starts_ms), *words, settings=replace(settings, max_words=50))
    assert hearing.verdict is not None
    assert hearing.verdict.who == who
    assert hearing.verdict.cause.startswith(cause)


def test_nothing_certain_is_unknown_when_the_time_is_up() -> None:
    parts = [voice(300), silence(500)] * 8
    hearing, at = heard(*parts, settings=Amd(greeting_span_ms=10_000, total_analysis_ms=3000))
    assert hearing.verdict is not None
    assert (hearing.verdict.who, hearing.verdict.cause, at) == ("unknown", "TOOLONG-3000", 3000)


@pytest.mark.parametrize("noise", [0.0, 150.0, 600.0])
def test_noise_is_no_greeting(noise: float) -> None:
    """Six hundred is far over the threshold: a fixed one would hear a word without end."""
    wave = np.concatenate([silence(600), voice(400, 6000), silence(3000)])
    hearing, _ = heard(wave + _chance.normal(0, noise, len(wave)), settings=Amd())
    assert hearing.verdict is not None
    assert hearing.verdict.who is AnsweredBy.VOICE


@pytest.mark.parametrize(
    ("parts", "who", "cause"),
    [
        ([silence(300), tone(2100, 3000)], "fax", "CED"),
        ([silence(300), tone(2090, 200), silence(20), tone(2090, 2000)], "fax", "CED"),
        ([silence(300), tone(1100, 500)], "fax", "CNG"),
        ([silence(300), tone(1135, 500)], "fax", "CNG"),
        ([voice(700), silence(300), tone(1000, 400)], "answeringmachine", "BEEP-1000"),
        ([voice(700), silence(300), tone(1100, 500)], "answeringmachine", "BEEP-1100"),
        ([voice(700), silence(300), tone(2100, 500)], "answeringmachine", "BEEP-2100"),
        ([silence(300), tone(440, 300)], "answeringmachine", "BEEP-440"),
        ([silence(300), tone(440, 300) + tone(480, 300)], "voice", "HUMAN"),
        ([voice(400), silence(100), tone(360, 130)], "voice", "HUMAN"),
        ([voice(120, 300), silence(200), tone(1100, 500)], "fax", "CNG"),
        ([voice(400), silence(200), tone(1100, 500)], "answeringmachine", "BEEP-1100"),
    ],
)
def test_tones_say_who_it_is(parts: list[Wave], who: str, cause: str) -> None:
    hearing, _ = heard(*parts, settings=Amd())
    assert hearing.verdict is not None
    assert hearing.verdict.who == who
    assert hearing.verdict.cause.startswith(cause)


def test_beeps_are_heard_after_the_verdict_too() -> None:
    hearing = AnswerHearing(Amd())
    wave = np.concatenate([voice(5000), silence(400), tone(800, 300), silence(400)])
    rows = wave[: len(wave) // LONG * LONG].astype(np.float32).reshape(-1, LONG)
    beeps = []
    for number, sound in enumerate(sounds_in(rows)):
        hearing.hear(sound)
        if hearing.has_beeped:
            beeps.append(number * 40)
    assert len(beeps) == 1
    assert 5700 <= beeps[0] <= 5800
