"""WAV files to 8 kHz samples.

Reads what people and speech engines write: 8, 16, 24 and 32 bit, float, A-law and µ-law,
any number of channels (mixed to one), any rate, and streamed headers that claim 2 GiB.
Compressed formats are refused with a hint.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from callwright.telephony.rtp.g711 import SAMPLE_RATE, Samples, decode

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_RATES = range(4000, 192_001)
_PASS_HZ = 3400.0
_STOP_HZ = 4000.0


class WavUnreadable(ValueError):
    """These bytes are no WAV file we can play; the text says why."""


def read_wav(data: bytes) -> Samples:
    """The file's audio as 8 kHz, 16-bit, mono.

    Raises:
        WavUnreadable: not a WAV file, a compressed format, or broken.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavUnreadable("not a WAV file (no RIFF header); convert it to WAV first")
    layout, body = _chunks(data)
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", layout)
    if kind == _EXTENSIBLE and len(layout) >= 26:
        kind = struct.unpack_from("<H", layout, 24)[0]
    if not 1 <= channels <= 8:
        raise WavUnreadable(f"{channels} channels; mono or stereo is wanted")
    if rate not in _RATES:
        raise WavUnreadable(f"a rate of {rate} Hz; 4,000 to 192,000 is wanted")
    wave = _samples(body, kind, bits)
    wave = wave[: len(wave) - len(wave) % channels].reshape(-1, channels).mean(axis=1)
    if len(wave) == 0:
        raise WavUnreadable("there is no audio in it")
    return to_8_khz(wave, rate)


def to_8_khz(wave: NDArray[np.float32], rate: int) -> Samples:
    """`wave` (-1 to 1, mono) at the telephone's rate, with everything above 4 kHz removed.

    The filter works on the whole spectrum at once: flat to 3,400 Hz, nothing from 4,000 on.
    """
    if rate != SAMPLE_RATE:
        wave = _resampled(wave, rate)
    samples: Samples = np.clip(np.rint(wave * 32768.0), -32768, 32767).astype(np.int16)
    return samples


def _resampled(wave: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    divisor = int(np.gcd(rate, SAMPLE_RATE))
    block_in, block_out = rate // divisor, SAMPLE_RATE // divisor
    length = -(-len(wave) * SAMPLE_RATE // rate)
    # Whole blocks keep the ratio exact; a power of two of them keeps the transform fast, and
    # the silence it adds keeps the end of the audio from ringing into the beginning.
    blocks = 1 << int(len(wave) // block_in + 1).bit_length()
    size_in, size_out = blocks * block_in, blocks * block_out
    spectrum = np.fft.rfft(wave, size_in)
    kept = np.zeros(size_out // 2 + 1, dtype=spectrum.dtype)
    shared = min(len(spectrum), len(kept))
    stop_hz = min(_STOP_HZ, rate / 2)
    hertz = np.arange(shared) * (rate / size_in)
    slope = np.clip((stop_hz - hertz) / (stop_hz - _PASS_HZ * stop_hz / _STOP_HZ), 0.0, 1.0)
    kept[:shared] = spectrum[:shared] * (0.5 - 0.5 * np.cos(np.pi * slope))
    out = np.fft.irfft(kept, size_out)[:length] * (size_out / size_in)
    return out.astype(np.float32)


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """The format chunk and the audio."""
    layout = b""
    at = 12
    while at + 8 <= len(data):
        name = data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunk = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            layout = chunk
        elif name == b"data":
            if len(layout) < 16:
                raise WavUnreadable("the audio comes before its format")
            return layout, chunk
        at += 8 + size + size % 2
    raise WavUnreadable("it ends before its audio")


def _samples(body: bytes, kind: int, bits: int) -> NDArray[np.float32]:
    """Samples from -1 to 1, channels still interleaved."""
    if kind == _ULAW and bits == 8:
        return (decode(body, "PCMU") / 32768.0).astype(np.float32)
    if kind == _ALAW and bits == 8:
        return (decode(body, "PCMA") / 32768.0).astype(np.float32)
    if kind == _PCM and bits == 8:
        return ((np.frombuffer(body, dtype=np.uint8).astype(np.float32)) - 128.0) / 128.0
    width = bits // 8
    body = body[: len(body) - len(body) % width] if width else b""
    if kind == _PCM and bits == 16:
        return np.frombuffer(body, dtype="<i2").astype(np.float32) / 32768.0
    if kind == _PCM and bits == 24:
        wide = np.zeros((len(body) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = np.frombuffer(body, dtype=np.uint8).reshape(-1, 3)
        return wide.reshape(-1).view("<i4").astype(np.float32) / 2147483648.0
    if kind == _PCM and bits == 32:
        return np.frombuffer(body, dtype="<i4").astype(np.float32) / 2147483648.0
    if kind == _FLOAT and bits == 32:
        wave: NDArray[np.float32] = np.nan_to_num(np.frombuffer(body, dtype="<f4"))
        return np.clip(wave, -1.0, 1.0)
    raise WavUnreadable(f"format {kind} with {bits} bits; save it as PCM, 16 bit")
