"""G.711, both laws: 16-bit samples to and from 8-bit codes, by table.

A table of 65,536 codes per law turns any 16-bit sample into its code with one look-up, so
encoding a prompt is one numpy gather and needs no `audioop` (gone in Python 3.13). Framing
is `encoded.py`'s business.

Source: ITU-T G.711 (11/88), tables 1a and 2a; RFC 3551 section 4.5.14.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Codec = Literal["PCMU", "PCMA"]
Samples = NDArray[np.int16]

SAMPLE_RATE = 8000
FRAME_SAMPLES = 160
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE

PAYLOAD_TYPES: dict[Codec, int] = {"PCMU": 0, "PCMA": 8}


def _ulaw_codes() -> NDArray[np.uint8]:
    """The code of every 16-bit sample, indexed by the sample's bits as unsigned."""
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(samples), 8159) + 33
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    code = np.where(
        segment >= 8, 0x7F, (segment << 4) | ((magnitude >> (np.minimum(segment, 8) + 1)) & 0xF)
    )
    return (code ^ np.where(samples < 0, 0x7F, 0xFF)).astype(np.uint8)


def _alaw_codes() -> NDArray[np.uint8]:
    """The code of every 16-bit sample, indexed by the sample's bits as unsigned."""
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 3
    magnitude = np.where(samples < 0, -samples - 1, samples)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0xF)
    return (code ^ np.where(samples < 0, 0x55, 0xD5)).astype(np.uint8)


def _ulaw_samples() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0xF) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_samples() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    low = (code & 0xF) << 4
    magnitude = np.where(segment == 0, low + 8, (low + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_CODES = {"PCMU": _ulaw_codes(), "PCMA": _alaw_codes()}
_SAMPLES = {"PCMU": _ulaw_samples(), "PCMA": _alaw_samples()}

SILENCE: dict[Codec, bytes] = {
    "PCMU": b"\xff" * FRAME_SAMPLES,
    "PCMA": b"\xd5" * FRAME_SAMPLES,
}
"""One frame of nothing."""

_ACROSS: dict[tuple[str, str], bytes] = {
    ("PCMU", "PCMA"): _CODES["PCMA"][_SAMPLES["PCMU"].view(np.uint16)].tobytes(),
    ("PCMA", "PCMU"): _CODES["PCMU"][_SAMPLES["PCMA"].view(np.uint16)].tobytes(),
}


def encode(samples: Samples, codec: Codec) -> bytes:
    """One code a sample."""
    return _CODES[codec][samples.view(np.uint16)].tobytes()


def decode(codes: bytes, codec: Codec) -> Samples:
    """One sample a code."""
    return _SAMPLES[codec][np.frombuffer(codes, dtype=np.uint8)]


def transcode(codes: bytes, source: Codec, target: Codec) -> bytes:
    """The same audio in the other law."""
    return codes if source == target else codes.translate(_ACROSS[source, target])
