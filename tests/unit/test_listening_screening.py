"""Known recordings of screening services, found again in what is heard of a call."""

import numpy as np
import pytest
from numpy.typing import NDArray

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.values import Amd
from callwright.telephony.listening import AnswerHearing, ScreeningPrompts
from callwright.telephony.listening.sounds import LONG, sounds_in
from callwright.telephony.rtp.g711 import Codec, decode, encode

Wave = NDArray[np.float64]


def said(seed: int, length_s: float = 4.0) -> Wave:
    """Something like speech: syllables of other pitches, each with other overtones."""
    chance = np.random.default_rng(seed)
    parts = []
    while sum(map(len, parts)) < length_s * 8000:
        at = np.arange(round(chance.uniform(0.08, 0.25) * 8000)) / 8000
        tones = (
            chance.uniform(0.2, 1) * np.sin(2 * np.pi * hertz * at)
            for hertz in chance.uniform(250, 3300, 6)
        )
        parts.append(np.asarray(sum(tones)) * np.hanning(len(at)))
        parts.append(np.zeros(round(chance.uniform(0.0, 0.06) * 8000)))
    wave = np.concatenate(parts)[: round(length_s * 8000)]
    return np.asarray(wave / np.abs(wave).max())


def kept(wave: Wave) -> NDArray[np.int16]:
    return (wave * 12_000).astype(np.int16)


def heard(wave: Wave, prompts: ScreeningPrompts | None, law: Codec = "PCMU") -> AnswerHearing:
    """A hearing of the call, at its verdict."""
    codes = encode(np.concatenate([wave, np.zeros(32_000)]).astype(np.int16), law)
    samples = decode(codes, law).astype(np.float32)
    hearing = AnswerHearing(Amd(), prompts)
    for sound in sounds_in(samples[: len(samples) // LONG * LONG].reshape(-1, LONG)):
        if hearing.hear(sound) is not None:
            break
    return hearing


MINE = ScreeningPrompts([kept(said(1)), kept(said(2))])
SILENCE = np.zeros(3000)


@pytest.mark.parametrize("late", [0, 70, 133, 200, 311])
@pytest.mark.parametrize("cut_s", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("peak", "law"), [(20_000, "PCMA"), (1500, "PCMU")])
def test_a_recording_is_known_whatever_the_line_did(
    late: int, cut_s: float, peak: int, law: Codec
) -> None:
    noise = np.random.default_rng(late).normal(0, peak / 40, 3000 + late + 32_000)
    wave = np.concatenate([np.zeros(3000 + late), said(2)[round(cut_s * 8000) :] * peak])
    verdict = heard(wave + noise[: len(wave)], MINE, law).verdict
    assert verdict is not None
    assert verdict.who is AnsweredBy.SCREENING, verdict
    assert verdict.cause.startswith("PROMPT-")


@pytest.mark.parametrize("seed", range(3, 13))
def test_nothing_else_is_taken_for_it(seed: int) -> None:
    verdict = heard(np.concatenate([SILENCE, said(seed) * 12_000]), MINE).verdict
    assert verdict is not None
    assert verdict.who is AnsweredBy.MACHINE


def test_without_a_recording_it_is_a_machine() -> None:
    wave = np.concatenate([SILENCE, said(2) * 12_000])
    for prompts in (None, ScreeningPrompts(), ScreeningPrompts([kept(said(1))])):
        verdict = heard(wave, prompts).verdict
        assert verdict is not None
        assert verdict.who is AnsweredBy.MACHINE


def test_a_recording_of_silence_is_like_nothing() -> None:
    assert not ScreeningPrompts([np.zeros(32_000, dtype=np.int16)])
