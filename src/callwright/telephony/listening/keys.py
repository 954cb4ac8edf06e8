"""Keys inside the audio: the two tones of a telephone key, told from speech.

For callees whose answer takes no telephone-event. `keys_in` looks at many short windows at
once, of one call or of a hundred; `KeyHearing` makes digits of what it finds, one a press.

A window counts only if the two tones hold most of its energy, neither is much louder than
the other, and each stands well above its neighbours; a press only if it lasts. Forty
milliseconds are always heard, 23 never.

Source: ITU-T Q.23 (frequencies) and Q.24 annex A (twist, durations); ETSI ES 201 235-3.
"""

import numpy as np
from numpy.typing import NDArray

from callwright.telephony.rtp.digits import COLUMNS, KEYPAD, ROWS
from callwright.telephony.rtp.g711 import SAMPLE_RATE

WINDOW = 160
HOP = 80
"""Windows overlap by half: a key of 40 ms then fills at least two wherever it begins."""

_LEAST_SHARE = 0.58
"""Of the window's energy, in the two tones. A window at a key's edge has less."""
_MOST_TWIST = 10 ** (10 / 10)
"""Power of the louder tone over the other: Q.24 asks for 8 dB at most, and noise adds some."""
_STANDS_OUT = 4.0
_LEAST_POWER = 200.0**2
"""Mean square: some -38 dBm0 in all."""
_HITS = 3
_MISSES = 4

_at = np.arange(WINDOW) * (2 * np.pi / SAMPLE_RATE)
_TONES = np.array([*ROWS, *COLUMNS])
_BANK = np.concatenate(
    [np.cos(np.outer(_at, _TONES)), np.sin(np.outer(_at, _TONES))], axis=1
).astype(np.float32)
_KEY_AT = np.array([*KEYPAD, ""])
_NO_KEY = len(KEYPAD)


def windows_of(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The two windows that end in each new frame; a row is the last `HOP` samples and the frame."""
    return np.stack((rows[:, :WINDOW], rows[:, HOP:]), axis=1).reshape(-1, WINDOW)


def keys_in(windows: NDArray[np.float32]) -> list[str]:
    """The key that sounds in each window, "" where none does; a row has `WINDOW` samples."""
    energy = np.einsum("ij,ij->i", windows, windows)
    parts = windows @ _BANK
    parts *= parts
    power = (parts[:, : len(_TONES)] + parts[:, len(_TONES) :]).reshape(-1, 2, 4)
    sizes = np.sort(power, axis=2)
    loudest, next_loudest = sizes[:, :, 3], sizes[:, :, 2]
    row, column = loudest[:, 0], loudest[:, 1]
    heard = (
        # A whole window of one tone of amplitude a has the energy n a²/2 and the power (n a/2)².
        ((row + column) * (2 / WINDOW) >= _LEAST_SHARE * energy)
        & (energy >= _LEAST_POWER * WINDOW)
        & (row <= _MOST_TWIST * column)
        & (column <= _MOST_TWIST * row)
        & (loudest >= _STANDS_OUT * next_loudest).all(axis=1)
    )
    place = power.argmax(axis=2)
    keys: list[str] = _KEY_AT[np.where(heard, place[:, 0] * 4 + place[:, 1], _NO_KEY)].tolist()
    return keys


class KeyHearing:
    """Turns what the windows of one call show, in order, into digits: one a press.

    Said as soon as it is sure, while the finger is still down, so that a key cuts a prompt
    short at once. A tone broken for less than 40 ms is still the same press.
    """

    def __init__(self) -> None:
        self._last = ""
        self._hits = 0
        self._down = ""
        self._misses = 0

    @property
    def is_unsure(self) -> bool:
        """Whether a key may just have begun: the next windows decide."""
        return self._last != "" and self._last != self._down

    def hear(self, key: str) -> str:
        """The digit if with this window a press has become certain, else ""."""
        if self._down:
            self._misses = 0 if key == self._down else self._misses + 1
            if self._misses >= _MISSES:
                self._down = ""
        self._hits = self._hits + 1 if key == self._last else 1
        self._last = key
        if not key or self._hits != _HITS or key == self._down:
            return ""
        self._down, self._misses = key, 0
        return key
