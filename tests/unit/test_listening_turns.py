"""When the other side has fallen silent, and how long it had spoken."""

import numpy as np
import pytest
from numpy.typing import NDArray

from callwright.ivr.values import Amd
from callwright.telephony.listening import TurnHearing
from callwright.telephony.listening.sounds import LONG, sounds_in

Wave = NDArray[np.float64]
_chance = np.random.default_rng(3)


def silence(ms: int) -> Wave:
    return _chance.normal(0, 20, ms * 8)


def voice(ms: int, level: float = 3000.0) -> Wave:
    return _chance.normal(0, level, ms * 8)


def tone(hertz: float, ms: int) -> Wave:
    return np.asarray(4000 * np.sin(np.arange(ms * 8) * (2 * np.pi * hertz / 8000)))


def turns(*parts: Wave) -> list[tuple[int, int]]:
    """When it was our turn, and what had been said; milliseconds."""
    wave = np.concatenate(parts)
    rows = wave[: len(wave) // LONG * LONG].astype(np.float32).reshape(-1, LONG)
    hearing = TurnHearing(Amd())
    heard = ((at * 40, hearing.hear(sound)) for at, sound in enumerate(sounds_in(rows), 1))
    return [(at, said_ms) for at, said_ms in heard if said_ms is not None]


def test_it_is_our_turn_after_a_silence_and_for_as_long_as_it_lasts() -> None:
    found = turns(silence(200), voice(600), silence(2500))
    assert [round(at, -2) for at, _ in found] == [1600, 2400, 3200]
    first, *later = (said_ms for _, said_ms in found)
    assert abs(first - 600) <= 60
    assert later == [0, 0]


def test_a_pause_between_words_is_no_turn_and_counts_as_said() -> None:
    ((_, said_ms),) = turns(silence(200), voice(400), silence(500), voice(300), silence(1000))
    assert abs(said_ms - 1200) <= 60


def test_a_click_is_no_word() -> None:
    assert [said_ms for _, said_ms in turns(silence(200), voice(40), silence(1000))] == [0]


@pytest.mark.parametrize("ring_ms", [400, 1000, 2000])
def test_ringing_is_not_said(ring_ms: int) -> None:
    rings = [tone(425, ring_ms), silence(1800)] * 3
    assert {said_ms for _, said_ms in turns(silence(200), *rings)} <= {0}


def test_somebody_quieter_is_heard_after_a_while() -> None:
    parts = (voice(3000, 9000), silence(6000), voice(500, 900), silence(1000))
    assert any(abs(said_ms - 500) <= 80 for _, said_ms in turns(*parts)[1:])
