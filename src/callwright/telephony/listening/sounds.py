"""What 40 ms of audio are: how loud, and whether they are one tone or two.

Looks at many windows at once. A tone is told from speech by how much of the energy between
200 and 3,400 Hz lies in the two strongest peaks of the spectrum; which tone it is, and for
how long, is for the machines that read a row of these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callwright.telephony.rtp.g711 import SAMPLE_RATE

LONG = 320
"""Samples in a window: two frames."""
LONG_S = LONG / SAMPLE_RATE

_BIN_HZ = SAMPLE_RATE / LONG
_LOW, _HIGH = round(200 / _BIN_HZ), round(3400 / _BIN_HZ)
"""Below lies the hum of the mains, above what a telephone does not carry."""
_REACH = 2
"""A tone's energy lies in its bin and two on each side, with the window used here."""
_HANN = np.hanning(LONG + 1)[:LONG].astype(np.float32)
_AROUND = np.arange(-_REACH, _REACH + 1)
_FLOOR = np.float32(1e-6)

BANDS = 14
"""In which the shape of a sound is told: even steps of pitch from 250 to 3,400 Hz."""
_EDGES = np.geomspace(250.0, 3400.0, BANDS + 1)
_BIN_AT = np.arange(_HIGH + _REACH + 1) * _BIN_HZ
_BANK = ((_BIN_AT[:, None] >= _EDGES[:-1]) & (_BIN_AT[:, None] < _EDGES[1:])).astype(np.float32)


class Sound(NamedTuple):
    """40 ms. Levels are mean magnitudes of 16-bit samples, as `silence_threshold` counts them."""

    levels: tuple[float, float]
    """Of its first and its second half."""
    hz: float
    """The strongest peak."""
    share: float
    """Of the energy, in that peak: a pure tone has nearly 1."""
    second_hz: float
    second_share: float
    shape: NDArray[np.float32]
    """The logarithm of the energy in each of `BANDS`."""


def sounds_in(windows: NDArray[np.float32]) -> list[Sound]:
    """What each row of `LONG` samples at 8 kHz is."""
    levels = np.abs(windows).reshape(len(windows), 2, -1).mean(axis=2).tolist()
    spectrum = np.fft.rfft(windows * _HANN, axis=1)
    spectrum = spectrum[:, : _HIGH + _REACH + 1]
    power = (spectrum.real**2 + spectrum.imag**2 + _FLOOR).astype(np.float32)
    total = power[:, _LOW:].sum(axis=1)
    shapes = np.log(power @ _BANK + 1.0)
    hz, share = _take_peak(power, total)
    second_hz, second_share = _take_peak(power, total)
    return [
        Sound((first, second), *numbers)
        for (first, second), *numbers in zip(
            levels, hz, share, second_hz, second_share, shapes, strict=True
        )
    ]


def _take_peak(
    power: NDArray[np.float32], total: NDArray[np.float32]
) -> tuple[list[float], list[float]]:
    """The strongest peak of each row and its share of `total`; it is cleared out of `power`."""
    rows = np.arange(len(power))
    peak = power[:, _LOW : _HIGH + 1].argmax(axis=1) + _LOW
    around = peak[:, None] + _AROUND
    near = power[rows[:, None], around]
    share = near.sum(axis=1) / total
    before, at, after = np.log(near[:, _REACH - 1 : _REACH + 2]).T
    bend = before - 2 * at + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-9), 0.0)
    power[rows[:, None], around] = _FLOOR
    return ((peak + shift.clip(-0.5, 0.5)) * _BIN_HZ).tolist(), share.tolist()
