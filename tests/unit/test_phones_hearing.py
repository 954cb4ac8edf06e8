"""When a prompt is over: speech and pauses, frame by frame."""

import pytest

from callwright.telephony.phones.hearing import Hearing
from callwright.telephony.rtp.g711 import SILENCE, Codec


def prompts(*spans: tuple[str, float], codec: Codec = "PCMU") -> list[float]:
    """The times at which a prompt was heard to end."""
    hearing, ends, at = Hearing(codec), [], 0.0
    frames = {"loud": b"\x20" * 160, "quiet": SILENCE[codec]}
    for kind, seconds in spans:
        for _ in range(round(seconds / 0.02)):
            at += 0.02
            if hearing.hear(frames[kind]):
                ends.append(round(at, 2))
    return ends


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_second_of_speech_and_a_short_pause_end_a_prompt(codec: Codec) -> None:
    assert prompts(("loud", 1.0), ("quiet", 5.0), codec=codec) == [1.4]


def test_less_speech_needs_a_longer_pause() -> None:
    assert prompts(("loud", 0.3), ("quiet", 0.6), ("loud", 0.3), ("quiet", 2.0)) == [2.2]


def test_pauses_between_words_end_nothing() -> None:
    words = [("loud", 0.5), ("quiet", 0.2)] * 6
    assert prompts(*words, ("quiet", 1.0)) == [4.2 + 0.2]


def test_silence_and_clicks_are_no_prompt() -> None:
    assert prompts(("quiet", 10.0)) == []
    assert prompts(("quiet", 1.0), ("loud", 0.04), ("quiet", 3.0)) == []


def test_each_prompt_is_told_once() -> None:
    assert len(prompts(*[("loud", 1.5), ("quiet", 2.0)] * 3)) == 3
