"""Tones as pieces: what sounded, from its beginning to its end, and the silence before it."""

from dataclasses import dataclass

from callwright.telephony.listening.sounds import LONG_S, Sound

_WINDOW_MS = round(LONG_S * 1000)
_LEAST_LEVEL = 100.0
_LEAST_SHARE = 0.8
_SINGLE_SHARE = 0.75
_DRIFT_HZ = 12.0
"""Between two windows of one tone; speech glides."""
_BEAT_HZ = 60.0
"""Two tones so close look like one that wanders between them."""

_BEEP_HZ = (350.0, 2600.0)
_BEEP_MS = (100, 2500)
_LOW_HZ = 500.0
_LOW_BEEP_MS = 200
"""So low lie the first overtones of a voice, and an "oo" may stand for more than 100 ms."""


@dataclass(slots=True)
class Piece:
    """One tone, or a pair."""

    hz: float
    """The lower one's, in the mean."""
    second_hz: float
    """0 = there is one tone only."""
    on_ms: int
    off_before_ms: int
    """How long there was no tone before it, whatever else there was."""

    @property
    def is_single(self) -> bool:
        return self.second_hz == 0.0

    @property
    def is_beep(self) -> bool:
        """Whether it is of the kind after which one speaks."""
        low, high = _BEEP_HZ
        least, most = _BEEP_MS
        if self.hz < _LOW_HZ:
            least = _LOW_BEEP_MS
        return self.is_single and low <= self.hz <= high and least <= self.on_ms <= most


class ToneHearing:
    """Follows one call. A piece needs two windows that agree; what is shorter is no tone."""

    def __init__(self) -> None:
        self.sounding: Piece | None = None
        self._last: tuple[float, float] | None = None
        self._off_ms = 0

    def hear(self, sound: Sound) -> Piece | None:
        """The piece that is over with this window, if one is."""
        tone = _tone_in(sound)
        piece = self.sounding
        if tone is not None and piece is not None and _agree(tone, (piece.hz, piece.second_hz)):
            share = _WINDOW_MS / (piece.on_ms + _WINDOW_MS)
            piece.hz += (tone[0] - piece.hz) * share
            piece.second_hz += (tone[1] - piece.second_hz) * share
            piece.on_ms += _WINDOW_MS
            return None
        self.sounding = None
        before, self._last = self._last, tone
        if piece is not None:
            self._off_ms = 0
        if tone is not None and before is not None and _agree(tone, before):
            # It began with the window before this one.
            hz, second_hz = ((a + b) / 2 for a, b in zip(tone, before, strict=True))
            off_ms = max(0, self._off_ms - _WINDOW_MS)
            self.sounding = Piece(hz, second_hz, 2 * _WINDOW_MS, off_ms)
        else:
            self._off_ms += _WINDOW_MS
        return piece


def _tone_in(sound: Sound) -> tuple[float, float] | None:
    """The one or two tones that a window consists of, the lower first; a lone one and 0."""
    if max(sound.levels) < _LEAST_LEVEL or sound.share + sound.second_share < _LEAST_SHARE:
        return None
    apart = abs(sound.hz - sound.second_hz)
    if sound.share >= _SINGLE_SHARE or (apart < 2 * _BEAT_HZ and sound.share >= 0.5):
        return sound.hz, 0.0
    return min(sound.hz, sound.second_hz), max(sound.hz, sound.second_hz)


def _agree(tone: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether they are the same, as far as 40 ms can tell."""
    if (tone[1] == 0.0) != (other[1] == 0.0):
        return False
    return all(abs(a - b) <= _DRIFT_HZ for a, b in zip(tone, other, strict=True))
