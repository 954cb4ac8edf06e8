"""What the network's tones before the answer mean: busy, congestion, no such number, ringing.

A tone alone says little, its cadence says what it is, and the same cadence is busy in one
country and congestion in another: so the number that was called chooses the table. Pure:
each 40 ms go in as they were heard.

Source: ITU-T E.180 and its Supplement 2 (national tones); Telcordia SR-2275 section 6 (which
special information tone means congestion, in North America).
"""

from collections import deque
from enum import StrEnum

from callwright.telephony.listening.pieces import Piece, ToneHearing
from callwright.telephony.listening.sounds import Sound


class NetworkTone(StrEnum):
    """What a tone says of the call."""

    BUSY = "busy tone"
    CONGESTION = "congestion tone"
    NO_SUCH_NUMBER = "special information tone"
    NO_CIRCUIT = "special information tone of congestion"


Cadence = tuple[int, ...]
"""Milliseconds of tone and silence in turn, from a tone on."""

_BUSY, _CONGESTION = NetworkTone.BUSY, NetworkTone.CONGESTION
CADENCES: dict[str, dict[NetworkTone, Cadence]] = {
    "1": {_BUSY: (500, 500), _CONGESTION: (250, 250)},
    "31": {_BUSY: (500, 500), _CONGESTION: (250, 250)},
    "32": {_BUSY: (500, 500), _CONGESTION: (167, 167)},
    "33": {_BUSY: (500, 500), _CONGESTION: (250, 250)},
    "34": {_BUSY: (200, 200), _CONGESTION: (200, 200, 200, 200, 200, 600)},
    "39": {_BUSY: (500, 500), _CONGESTION: (200, 200)},
    "41": {_BUSY: (500, 500), _CONGESTION: (200, 200)},
    "43": {_BUSY: (400, 400), _CONGESTION: (200, 200)},
    "44": {_BUSY: (375, 375), _CONGESTION: (400, 350, 225, 525)},
    "45": {_BUSY: (500, 500), _CONGESTION: (200, 200)},
    "47": {_BUSY: (500, 500), _CONGESTION: (200, 200)},
    "49": {_BUSY: (480, 480), _CONGESTION: (240, 240)},
    "55": {_BUSY: (250, 250), _CONGESTION: (250, 250, 750, 250)},
    "61": {_BUSY: (375, 375)},
    "81": {_BUSY: (500, 500)},
}
"""By calling code. Ringing is in none: its silences are longer than any of these."""

_ELSEWHERE: dict[NetworkTone, Cadence] = {_BUSY: (500, 500), _CONGESTION: (250, 250)}
_TONE_HZ = (380.0, 640.0)
_SURE_MS = 2600
"""So long a cadence must have gone on, and be seen twice whole: a ring is over by then."""
_OFF_MS = 60
_OFF_SHARE = 0.2

_SPECIAL_HZ = (950.0, 1400.0, 1800.0)
_SPECIAL_OFF_HZ = 55.0
_SPECIAL_MS = range(200, 521)
_SPECIAL_GAP_MS = 120
_NO_CIRCUIT_FROM_HZ = 1415.0
"""In North America the middle tone is high for congestion and low for a wrong number."""
_KEPT = 14


class NetworkTones:
    """Of one call, to the number `+...` that was dialled."""

    def __init__(self, number: str) -> None:
        digits = number.removeprefix("+")
        codes = (digits[:length] for length in (1, 2, 3))
        self._code = next((code for code in codes if code in CADENCES), "")
        self._cadences = CADENCES.get(self._code, _ELSEWHERE)
        self._tones = ToneHearing()
        self._pieces: deque[Piece] = deque(maxlen=_KEPT)

    def hear(self, sound: Sound) -> NetworkTone | None:
        """What the call has come to, as soon as its tones have said so."""
        over = self._tones.hear(sound)
        if over is None:
            return None
        self._pieces.append(over)
        return self._special() or self._by_cadence()

    def _special(self) -> NetworkTone | None:
        last = tuple(self._pieces)[-3:]
        if len(last) < 3 or any(piece.off_before_ms > _SPECIAL_GAP_MS for piece in last[1:]):
            return None
        for piece, hertz in zip(last, _SPECIAL_HZ, strict=True):
            if not piece.is_single or abs(piece.hz - hertz) > _SPECIAL_OFF_HZ:
                return None
            if piece.on_ms not in _SPECIAL_MS:
                return None
        is_congestion = self._code == "1" and last[1].hz >= _NO_CIRCUIT_FROM_HZ
        return NetworkTone.NO_CIRCUIT if is_congestion else NetworkTone.NO_SUCH_NUMBER

    def _by_cadence(self) -> NetworkTone | None:
        low, high = _TONE_HZ
        heard: list[int] = []
        for piece in reversed(self._pieces):
            if not low <= piece.hz <= high:
                break
            heard += [piece.on_ms, piece.off_before_ms]
        # The silence before the oldest is not the cadence's.
        heard = heard[:-1][::-1]
        return next(
            (tone for tone, cadence in self._cadences.items() if _fits(heard, cadence)), None
        )


def _fits(heard: list[int], cadence: Cadence) -> bool:
    """Whether what was heard last is this cadence, whichever of its tones came first."""
    whole = -(-_SURE_MS // sum(cadence)) * len(cadence)
    needed = max(whole, 2 * len(cadence)) - 1
    if len(heard) < needed:
        return False
    last = heard[-needed:]
    return any(
        all(
            abs(ms - cadence[(start + at) % len(cadence)])
            <= max(_OFF_MS, _OFF_SHARE * cadence[(start + at) % len(cadence)])
            for at, ms in enumerate(last)
        )
        for start in range(0, len(cadence), 2)
    )
