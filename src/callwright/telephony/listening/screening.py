"""Call screening, told by its voice: the recordings of known services, found again in a call.

A service that asks "please state your name" says it to everybody from one recording. What
was kept of it is looked for in a call by how the energy moves between bands of pitch: that
survives another level, another law of G.711, noise, lost packets and a cut-off beginning,
and another voice that says the same words is not taken for it.

Pure: each 40 ms go in as they were heard.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from callwright.telephony.listening.sounds import BANDS, LONG, LONG_S, Sound, sounds_in
from callwright.telephony.rtp.g711 import Samples

Shape = NDArray[np.float32]

_ROWS = 30
"""Of 40 ms that are compared."""
LEAST_S = _ROWS * LONG_S
"""A recording must be longer from its first sound on."""
_EVERY = 8
"""Looked for once in so many."""
_SHIFTS = (0, 80, 160, 240)
"""Samples: the calls' windows fall anywhere in the recording."""
_LEAD_S = 1.0
"""So much of a recording's beginning may be missing in a call."""
_RANGE = 3.0
"""Natural logarithm of energy: what is so much weaker than the loudest is silence."""
_AXES = 48
"""In which the stretches are compared before the nearest is looked at closely."""
ALIKE = 0.85
"""The least correlation of two that are the same."""
_LEAST_LEVEL = 100.0


class ScreeningPrompts:
    """The recordings, prepared. Shared by all calls."""

    def __init__(self, recordings: Iterable[Samples] = ()) -> None:
        rows = [row for recording in recordings for row in _prepared(recording)]
        self._table = np.array(rows, dtype=np.float32).reshape(-1, _ROWS * BANDS)
        # Those in which they differ most: all numbers of all stretches would cost ten times more.
        _, axes = np.linalg.eigh(self._table.T @ self._table)
        self._axes = np.ascontiguousarray(axes[:, -_AXES:])
        self._coarse = self._table @ self._axes

    def __bool__(self) -> bool:
        """Whether there are any."""
        return len(self._table) > 0

    def likeness(self, shapes: Iterable[Shape]) -> float:
        """How like a part of a recording the last `_ROWS` windows are: at most 1."""
        mine = _normal(np.array(tuple(shapes)))
        nearest = (self._coarse @ (mine @ self._axes)).argmax()
        return float(self._table[nearest] @ mine)


class ScreeningHearing:
    """Listens to one call."""

    def __init__(self, prompts: ScreeningPrompts) -> None:
        self._prompts = prompts
        self._shapes: deque[Shape] = deque(maxlen=_ROWS)
        self._until_look = _ROWS
        self.likeness = 0.0

    def hear(self, sound: Sound) -> bool:
        """Whether a screening service has been recognised."""
        if not self._shapes and max(sound.levels) < _LEAST_LEVEL:
            return False
        self._shapes.append(sound.shape)
        self._until_look -= 1
        if self._until_look > 0:
            return False
        self._until_look = _EVERY
        self.likeness = self._prompts.likeness(self._shapes)
        return self.likeness >= ALIKE


def _prepared(recording: Samples) -> Iterable[Shape]:
    """Every stretch that a call may be compared with."""
    loud = np.flatnonzero(np.abs(recording) > _LEAST_LEVEL)
    if len(loud) == 0:
        return
    wave = recording[loud[0] :].astype(np.float32)
    for shift in _SHIFTS:
        part = wave[shift:]
        windows = part[: len(part) // LONG * LONG].reshape(-1, LONG)
        shapes = [sound.shape for sound in sounds_in(windows)]
        last = min(len(shapes) - _ROWS, round(_LEAD_S / LONG_S))
        for start in range(last + 1):
            yield _normal(np.array(shapes[start : start + _ROWS]))


def _normal(shapes: Shape) -> Shape:
    """As a vector of length 1, without what a level and a line's colour add."""
    clipped = np.maximum(shapes, shapes.max() - _RANGE)
    clipped -= clipped.mean(axis=0)
    clipped -= clipped.mean(axis=1, keepdims=True)
    flat = clipped.ravel()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-6), dtype=np.float32)
