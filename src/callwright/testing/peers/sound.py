"""Sounds to know again: made, written as WAV, decoded from the wire, and compared.

The µ-law here is worked out from its definition, not taken from the product, so that a
fault in one cannot hide in the other. Source: ITU-T G.711, table 2a.
"""

import io
import wave

import numpy as np
import numpy.typing as npt

RATE = 8000
Samples = npt.NDArray[np.float64]


def chirp(seconds: float, low_hz: float, high_hz: float, level: float = 0.4) -> Samples:
    """A tone that rises from `low_hz` to `high_hz`: no part of it is like another."""
    at = np.arange(int(seconds * RATE)) / RATE
    swing = 2 * np.pi * (low_hz * at + (high_hz - low_hz) * at**2 / (2 * seconds))
    return np.asarray(level * np.sin(swing), dtype=np.float64)


def wav(samples: Samples) -> bytes:
    """A WAV file, 8 kHz, 16 bits, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def from_ulaw(data: bytes) -> Samples:
    """µ-law to samples between -1 and 1."""
    code = ~np.frombuffer(data, np.uint8)
    magnitude = (((code & 0x0F).astype(np.int64) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    signed = np.where(code & 0x80, -magnitude, magnitude)
    return np.asarray(signed / 32768.0, dtype=np.float64)


def find(sound: Samples, heard: Samples) -> tuple[float, float]:
    """Where in `heard` a sound is most alike, in seconds, and how much: 1 = the same shape."""
    if len(heard) < len(sound):
        return 0.0, 0.0
    size = len(heard) + len(sound)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)), size)
    alike = product[: len(heard) - len(sound) + 1]
    energy = np.concatenate([[0.0], np.cumsum(heard**2)])
    window = energy[len(sound) :] - energy[: -len(sound)]
    # Where next to nothing was heard, any shape would look alike.
    scale = np.sqrt(np.maximum(window, 1e-3) * float(np.sum(sound**2)))
    best = int(np.argmax(alike / scale))
    return best / RATE, float(alike[best] / scale[best])


def share_heard(sound: Samples, heard: Samples) -> tuple[float, float]:
    """Where in `heard` a sound begins, in seconds, and how much of it is there: 0 to 1.

    It is looked for in pieces of 100 ms, which must come in order and nearly evenly: a real
    phone's clock and buffers drop or repeat a frame now and then.
    """
    size = RATE // 10
    pieces = [sound[at : at + size] for at in range(0, len(sound) - size + 1, size)]
    found = [find(piece, heard) for piece in pieces]
    starts = [at - index / 10 for index, (at, alike) in enumerate(found) if alike > 0.95]
    if not starts:
        return 0.0, 0.0
    begin = float(np.median(starts))
    return begin, sum(abs(start - begin) < 0.1 for start in starts) / len(pieces)


def level(samples: Samples) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
