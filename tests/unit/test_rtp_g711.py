"""G.711 by table: against the standard's figures and two independent implementations."""

import warnings

import numpy as np
import pytest

from callwright.telephony.rtp.g711 import SILENCE, Codec, Samples, decode, encode, transcode

EVERY_SAMPLE = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
EVERY_CODE = bytes(range(256))
LAWS: list[Codec] = ["PCMU", "PCMA"]


def sample(value: int) -> Samples:
    return np.array([value], dtype=np.int16)


@pytest.mark.parametrize(
    ("codec", "value", "code"),
    [
        ("PCMU", 0, 0xFF),
        ("PCMU", 32124, 0x80),
        ("PCMU", -32124, 0x00),
        ("PCMU", 32767, 0x80),
        ("PCMU", -32768, 0x00),
        ("PCMA", 8, 0xD5),
        ("PCMA", -8, 0x55),
        ("PCMA", 32256, 0xAA),
        ("PCMA", -32768, 0x2A),
    ],
)
def test_the_corner_samples_have_the_standards_codes(codec: Codec, value: int, code: int) -> None:
    assert encode(sample(value), codec) == bytes([code])


@pytest.mark.parametrize("codec", LAWS)
def test_every_code_survives_decoding_and_encoding(codec: Codec) -> None:
    again = encode(decode(EVERY_CODE, codec), codec)
    # µ-law has two zeros; both decode to 0, which encodes as the positive one.
    expected = EVERY_CODE.replace(b"\x7f", b"\xff") if codec == "PCMU" else EVERY_CODE
    assert again == expected


@pytest.mark.parametrize("codec", LAWS)
def test_every_sample_agrees_with_the_c_implementation(codec: Codec) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="gone since Python 3.13")
    law = {"PCMU": "ulaw", "PCMA": "alaw"}[codec]
    wanted = getattr(audioop, f"lin2{law}")(EVERY_SAMPLE.tobytes(), 2)
    assert encode(EVERY_SAMPLE, codec) == wanted
    back = getattr(audioop, f"{law}2lin")(EVERY_CODE, 2)
    assert decode(EVERY_CODE, codec).tobytes() == back


@pytest.mark.parametrize("codec", LAWS)
def test_the_error_stays_within_half_a_step(codec: Codec) -> None:
    heard = decode(encode(EVERY_SAMPLE, codec), codec).astype(np.int32)
    error = np.abs(heard - EVERY_SAMPLE)
    inside = np.abs(EVERY_SAMPLE.astype(np.int32)) <= 32124
    assert np.all(error[inside] <= np.maximum(np.abs(EVERY_SAMPLE[inside].astype(int)) / 16, 16))


def test_silence_is_silent_in_both_laws() -> None:
    for codec in LAWS:
        assert np.all(np.abs(decode(SILENCE[codec], codec)) <= 8)


def test_changing_the_law_equals_decoding_and_encoding() -> None:
    assert transcode(EVERY_CODE, "PCMU", "PCMA") == encode(decode(EVERY_CODE, "PCMU"), "PCMA")
    assert transcode(EVERY_CODE, "PCMA", "PCMU") == encode(decode(EVERY_CODE, "PCMA"), "PCMU")
    assert transcode(EVERY_CODE, "PCMA", "PCMA") == EVERY_CODE
