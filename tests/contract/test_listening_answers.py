"""Who answered, on a small part of the labelled set; `python3 go bench amd` runs all of it.

Of the tuning half: a test that runs each day would make the other one known.
"""

from pathlib import Path

import numpy as np
import pytest

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.values import Amd
from callwright.telephony.listening import AnswerHearing, ScreeningPrompts
from callwright.telephony.listening.sounds import LONG, sounds_in
from callwright.telephony.rtp.g711 import decode
from callwright.testing.greetings import (
    HELD_OUT,
    TUNING,
    AnsweredCall,
    Half,
    answered_calls,
    screening_recordings,
)
from callwright.testing.programs import require

CALLS = 60


def verdict_of(
    call: AnsweredCall, settings: Amd, prompts: ScreeningPrompts | None = None
) -> tuple[AnsweredBy, float]:
    """Who it was taken for, and when: seconds after the answer."""
    samples = decode(b"".join(call.frames), "PCMU").astype(np.float32).reshape(-1, LONG)
    hearing = AnswerHearing(settings, prompts)
    for number, sound in enumerate(sounds_in(samples), 1):
        verdict = hearing.hear(sound)
        if verdict is not None:
            return verdict.who, number * LONG / 8000
    raise AssertionError("no verdict")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("espeak-ng")
    return tmp_path_factory.mktemp("greetings")


def test_people_are_told_from_machines(folder: Path) -> None:
    calls = list(answered_calls(TUNING, CALLS, seed=3, folder=folder))
    judged = [(call, *verdict_of(call, Amd())) for call in calls]
    assert max(at_s for _, _, at_s in judged) <= 4.0
    people = [who for call, who, _ in judged if call.kind == "person"]
    machines = [who for call, who, _ in judged if call.kind == "machine"]
    assert len(people) > 15
    assert len(machines) > 15
    assert people.count(AnsweredBy.MACHINE) <= 1
    assert machines.count(AnsweredBy.VOICE) <= 2
    # The same calls with patience for one word only: the check can fail.
    hasty = [verdict_of(call, Amd(max_words=1))[0] for call in calls if call.kind == "person"]
    assert hasty.count(AnsweredBy.MACHINE) > len(people) / 2


def test_screening_services_are_known_where_there_are_recordings_of_them(folder: Path) -> None:
    calls = list(answered_calls(TUNING, CALLS, seed=3, folder=folder))
    prompts = ScreeningPrompts(screening_recordings(TUNING, folder))
    for known in (None, prompts):
        found = [verdict_of(call, Amd(), known)[0] is AnsweredBy.SCREENING for call in calls]
        screened = [call.kind == "screening" for call in calls]
        others = [call.kind in ("person", "office", "fax") for call in calls]
        assert sum(screened) >= 2
        assert sum(map(min, found, screened)) == (sum(screened) if known else 0)
        assert not any(map(min, found, others))


def test_the_same_seed_makes_the_same_calls(folder: Path) -> None:
    first, again, other = (
        list(answered_calls(HELD_OUT, 8, seed=seed, folder=folder)) for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_the_halves_share_no_voice_and_no_text() -> None:
    def voices(half: Half) -> set[str]:
        return {voice for voices in half.voices.values() for voice in voices}

    def texts(half: Half) -> set[str]:
        return {text for kinds in half.texts.values() for each in kinds.values() for text in each}

    for of in (voices, texts):
        assert of(TUNING)
        assert of(HELD_OUT)
        assert not of(TUNING) & of(HELD_OUT)
