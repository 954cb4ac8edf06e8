"""WAV files of every common kind come out as the same audio at 8 kHz."""

import io
import struct
import wave
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.rtp.g711 import encode
from callwright.telephony.rtp.wav import WavUnreadable, read_wav


def tone(hertz: float, rate: int, seconds: float = 0.5, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def wav(kind: int, bits: int, rate: int, channels: int, body: bytes) -> bytes:
    width = bits // 8 * channels
    layout = struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(body))
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + len(body)) + b"WAVE" + chunks + body


def pcm16(samples: np.ndarray) -> bytes:
    return np.rint(samples * 32767).astype("<i2").tobytes()


def level_at(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of one frequency, 0 to 1, away from the edges."""
    middle = samples[400:-400].astype(float) / 32768
    at = np.arange(len(middle)) / 8000
    window = np.hanning(len(middle))
    return float(
        2 * np.abs(np.sum(middle * window * np.exp(-2j * np.pi * hertz * at))) / np.sum(window)
    )


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
def test_every_rate_keeps_pitch_length_and_level(rate: int) -> None:
    samples = read_wav(wav(1, 16, rate, 1, pcm16(tone(1000, rate))))
    assert len(samples) == pytest.approx(4000, abs=1)
    assert level_at(samples, 1000) == pytest.approx(0.5, rel=0.01)
    rest = samples[400:-400] / 32768 - 0.5 * np.sin(
        2 * np.pi * 1000 * np.arange(400, len(samples) - 400) / 8000
    )
    assert np.abs(rest).max() < 0.002


@pytest.mark.parametrize("hertz", [4500, 5000, 7000, 10000])
def test_what_is_too_high_for_a_telephone_is_gone_and_not_folded_down(hertz: int) -> None:
    samples = read_wav(wav(1, 16, 44100, 1, pcm16(tone(hertz, 44100))))
    assert np.abs(samples[400:-400]).max() < 32768 * 0.001


def test_the_telephone_band_passes_evenly() -> None:
    for hertz in (300, 1000, 2000, 3300):
        samples = read_wav(wav(1, 16, 44100, 1, pcm16(tone(hertz, 44100))))
        assert level_at(samples, hertz) == pytest.approx(0.5, rel=0.01)


def bodies() -> list[tuple[str, int, int, bytes]]:
    sound = tone(700, 8000)
    whole = np.rint(sound * (2**31 - 1)).astype("<i4")
    return [
        ("8 bit", 1, 8, np.rint(sound * 127 + 128).astype(np.uint8).tobytes()),
        ("16 bit", 1, 16, pcm16(sound)),
        ("24 bit", 1, 24, whole.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()),
        ("32 bit", 1, 32, whole.tobytes()),
        ("float", 3, 32, sound.astype("<f4").tobytes()),
        ("A-law", 6, 8, encode(np.rint(sound * 32767).astype(np.int16), "PCMA")),
        ("µ-law", 7, 8, encode(np.rint(sound * 32767).astype(np.int16), "PCMU")),
    ]


@pytest.mark.parametrize(("name", "kind", "bits", "body"), bodies(), ids=lambda v: str(v)[:8])
def test_every_sample_format_gives_the_same_audio(
    name: str, kind: int, bits: int, body: bytes
) -> None:
    samples = read_wav(wav(kind, bits, 8000, 1, body))
    error = samples / 32768 - tone(700, 8000)
    assert np.abs(error).max() < (0.02 if bits == 8 else 0.0001), name


def test_stereo_is_mixed_to_one() -> None:
    both = np.stack([tone(500, 8000), -tone(500, 8000)], axis=1)
    assert np.abs(read_wav(wav(1, 16, 8000, 2, pcm16(both)))).max() <= 1


def test_what_the_standard_library_writes_is_read() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16000)
        writer.writeframes(pcm16(tone(1000, 16000)))
    assert level_at(read_wav(file.getvalue()), 1000) == pytest.approx(0.5, rel=0.01)


def test_a_streamed_header_that_claims_two_gigabytes_is_read_to_the_end() -> None:
    data = bytearray(wav(1, 16, 8000, 1, pcm16(tone(1000, 8000))))
    data[4:8] = struct.pack("<I", 0x7FFFF024)
    data[40:44] = struct.pack("<I", 0x7FFFF000)
    assert len(read_wav(bytes(data))) == 4000


def test_chunks_before_the_audio_are_skipped() -> None:
    data = wav(1, 16, 8000, 1, pcm16(tone(1000, 8000)))
    extra = b"LIST" + struct.pack("<I", 5) + b"title" + b"\0"
    assert len(read_wav(data[:36] + extra + data[36:])) == 4000


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a WAV file"),
        (b"ID3\x04" + bytes(100), "not a WAV file"),
        (b"RIFF\0\0\0\0WAVE", "ends before its audio"),
        (b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0", "before its format"),
        (wav(1, 16, 8000, 1, b""), "no audio in it"),
        (wav(0x55, 16, 8000, 1, b"\0\0"), "save it as PCM, 16 bit"),
        (wav(1, 0, 8000, 1, b"\0\0"), "format 1 with 0 bits"),
        (wav(1, 16, 0, 1, b"\0\0"), "a rate of 0 Hz"),
        (wav(1, 16, 8000, 0, b"\0\0"), "0 channels"),
    ],
)
def test_what_cannot_be_played_says_why(data: bytes, why: str) -> None:
    with pytest.raises(WavUnreadable, match=why):
        read_wav(data)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_no_damage_is_a_surprise(junk: bytes, place: int) -> None:
    data = wav(1, 16, 8000, 1, bytes(32))
    with suppress(WavUnreadable):
        read_wav(data[:place] + junk + data[place + len(junk) // 2 :])
