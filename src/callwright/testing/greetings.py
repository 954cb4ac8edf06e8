"""A labelled set of answered calls, made on the spot: people, machines, screening, faxes.

A screening service says the same recording to everybody: `screening_recordings` are what an
operator has of them. In calls of the kind `unrecorded` a service speaks of which there is none.

The words are spoken by espeak-ng, then put through what a telephone does: a pause before
the first word, a level, noise, a gate that silences what is quiet, G.711 in either law, lost
packets. Everything follows from a seed, and nothing is committed: spoken texts are kept in a
folder for the next time.

Two halves share no voice and no text. Detection may be tuned on `TUNING`; what is claimed of
it is measured on `HELD_OUT`.

It is synthetic speech. It says which of two builds is better, and that a cadence is told from
another; what a carrier's callees sound like it cannot say.
"""

import hashlib
import subprocess
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from callwright.telephony.rtp.g711 import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Codec,
    Samples,
    decode,
    encode,
    transcode,
)
from callwright.telephony.rtp.wav import read_wav

Wave = NDArray[np.float64]
Texts = dict[str, dict[str, list[str]]]
"""By language, then by kind."""
Kind = Literal["person", "office", "machine", "screening", "unrecorded", "fax"]

LENGTH_S = 6.0
"""Of a call; nothing has to be decided so late."""

_SHARES: tuple[tuple[Kind, int], ...] = (
    ("person", 42),
    ("office", 4),
    ("machine", 46),
    ("screening", 4),
    ("unrecorded", 2),
    ("fax", 4),
)
_NOISES = ("none", "none", "hiss", "hum", "street", "voices")


_TEXTS: dict[str, Texts] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


@dataclass(frozen=True, kw_only=True)
class Half:
    """One of the two halves: its voices by language, and its texts."""

    name: str
    voices: dict[str, tuple[str, ...]]
    texts: Texts


TUNING = Half(
    name="tuning",
    voices={
        "en": (
            *("en-us", "en-gb", "en-us+f2", "en-us+m3", "en-gb+f4", "en-gb-x-rp"),
            *("en-gb-scotland", "en-us-nyc+f5", "en-gb-x-gbcwmd+m7", "en-029+f3", "en-029+m2"),
            *("en-gb-x-gbclan+Andy", "en-us+Annie", "en-gb+Alex", "en-us-nyc+Lee"),
        ),
        "de": (
            *("de", "de+f3", "de+m4", "de+f5", "de+m7", "de+m1"),
            *("de+Andy", "de+Annie", "de+Gene"),
        ),
        "fr": ("fr-fr", "fr-fr+f2", "fr-ch+f5", "fr-be+m7", "fr-fr+Alex", "fr-be+belinda"),
        "es": ("es", "es+f1", "es-419+f5", "es-419+m7", "es+Mario", "es-419+linda"),
        "it": ("it", "it+f4"),
        "nl": ("nl", "nl+f3"),
    },
    texts=_TEXTS["tuning"],
)
HELD_OUT = Half(
    name="held out",
    voices={
        "en": ("en-us+Jacky", "en-gb+Denis", "en-gb-x-rp+Hugo", "en-us-nyc+m4", "en-029+f1"),
        "de": ("de+Hugo", "de+m6", "de+f1"),
        "fr": ("fr-fr+m3", "fr-ch+f3"),
        "es": ("es+m2", "es-419+f4"),
        "pt": ("pt", "pt-br+f2"),
        "sv": ("sv", "sv+f3"),
    },
    texts=_TEXTS["held_out"],
)


@dataclass(frozen=True, kw_only=True)
class AnsweredCall:
    """One call from its answer on, as 20 ms frames of µ-law; `about` says how it was made."""

    kind: Kind
    frames: tuple[bytes, ...]
    about: str


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """One call before it is spoken."""

    kind: Kind
    voice: str
    text: str
    speed: int
    pitch: int
    number: int


def answered_calls(half: Half, count: int, *, seed: int, folder: Path) -> Iterator[AnsweredCall]:
    """So many calls of `half`; the same for the same seed. Spoken texts are kept in `folder`.

    Needs the `espeak-ng` program.
    """
    chance = Random(f"{seed}/{half.name}")
    plans = [_planned(half, number, chance) for number in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        spoken = list(pool.map(lambda plan: _spoken(plan, folder), plans))
    for plan, wave in zip(plans, spoken, strict=True):
        others = [spoken[chance.randrange(count)] for _ in range(3)]
        yield _called(plan, wave, others, Random(f"{seed}/{half.name}/{plan.number}"))


def _planned(half: Half, number: int, chance: Random) -> _Plan:
    kinds, shares = zip(*_SHARES, strict=True)
    kind: Kind = chance.choices(kinds, shares)[0]
    language = chance.choice(tuple(half.voices))
    if kind == "screening":
        return chance.choice(_recorded_plans(half, language, number))
    texts = dict(half.texts[language])
    texts["unrecorded"] = texts["screening"]
    return _Plan(
        kind=kind,
        voice=chance.choice(half.voices[language]),
        text=chance.choice(texts[kind]) if kind in texts else "",
        speed=chance.randint(145, 205),
        pitch=chance.randint(25, 75),
        number=number,
    )


def screening_recordings(half: Half, folder: Path) -> Iterator[Samples]:
    """What an operator has kept of the half's screening services, from calls by A-law."""
    for language in half.voices:
        for plan in _recorded_plans(half, language, 0):
            wave = np.concatenate([np.zeros(SAMPLE_RATE // 5), _spoken(plan, folder)])
            codes = encode((wave * 0.3 * 32767).astype(np.int16), "PCMA")
            yield decode(codes, "PCMA")


def _recorded_plans(half: Half, language: str, number: int) -> list[_Plan]:
    """What the services of a language say: each of them always the same."""
    voice = half.voices[language][0]
    texts = half.texts[language]["screening"]
    return [
        _Plan(kind="screening", voice=voice, text=text, speed=170, pitch=50, number=number)
        for text in texts
    ]


def _spoken(plan: _Plan, folder: Path) -> Wave:
    """What is said, at a peak of 1."""
    if not plan.text:
        return np.zeros(0)
    options = ["-v", plan.voice, "-s", str(plan.speed), "-p", str(plan.pitch)]
    name = hashlib.sha256("\0".join((*options, plan.text)).encode()).hexdigest()[:24]
    kept = folder / f"{name}.npy"
    if kept.exists():
        samples = np.load(kept)
    else:
        command = ["espeak-ng", *options, "--stdin", "--stdout"]
        done = subprocess.run(command, input=plan.text.encode(), capture_output=True, check=True)
        samples = read_wav(done.stdout)
        np.save(kept, samples)
    loud = np.flatnonzero(np.abs(samples) > 300)
    samples = samples[loud[0] : loud[-1] + 1]
    return np.asarray(samples / np.abs(samples).max())


def _called(plan: _Plan, said: Wave, others: list[Wave], chance: Random) -> AnsweredCall:
    """What the caller hears of it."""
    length = round(LENGTH_S * SAMPLE_RATE)
    peak = 10 ** (-chance.uniform(4, 20) / 20) * 32767
    start_s = _start_s(plan.kind, chance)
    if plan.kind == "fax":
        said = _fax(chance)
    elif plan.kind == "machine":
        said = np.concatenate([said, *_after_greeting(chance)])
    wave = np.zeros(length)
    start = round(start_s * SAMPLE_RATE)
    wave[start : start + len(said)] = said[: length - start]
    noise_kind = chance.choice(_NOISES)
    snr_db = chance.choice((30, 25, 20, 15, 12))
    loudness = np.sqrt(np.mean(said**2))
    wave += _noise(noise_kind, length, others, chance) * loudness * 10 ** (-snr_db / 20)
    gated = chance.random() < 0.25
    if gated:
        wave = _gated(wave)
    codec: Codec = chance.choice(("PCMU", "PCMA"))
    samples = np.clip(wave * peak, -32767, 32767).astype(np.int16)
    codes = transcode(encode(samples, codec), codec, "PCMU")
    loss = chance.choice((0.0, 0.0, 0.01, 0.03))
    frames = [codes[at : at + FRAME_SAMPLES] for at in range(0, length, FRAME_SAMPLES)]
    frames = [b"\xff" * FRAME_SAMPLES if chance.random() < loss else each for each in frames]
    about = (
        f"{plan.voice} {plan.text[:60]!r} after {start_s:.1f} s, {noise_kind} {snr_db} dB, "
        f"{codec}, loss {loss:.0%}{', gated' if gated else ''}"
    )
    return AnsweredCall(kind=plan.kind, frames=tuple(frames), about=about)


def _start_s(kind: Kind, chance: Random) -> float:
    """From the answer to the first word: people take the phone to the ear first."""
    if kind in ("person", "office"):
        return chance.triangular(0.2, 1.6, 0.6)
    return chance.triangular(0.1, 1.2, 0.3)


def _after_greeting(chance: Random) -> list[Wave]:
    pause = np.zeros(round(chance.uniform(0.2, 1.2) * SAMPLE_RATE))
    beep = tone(chance.uniform(400, 1700), chance.uniform(0.12, 0.9)) * 0.7
    return [pause, beep]


def _fax(chance: Random) -> Wave:
    if chance.random() < 0.6:
        return tone(2100 + chance.uniform(-10, 10), 3.0)
    calling = tone(1100 + chance.uniform(-30, 30), 0.5)
    return np.concatenate([calling, np.zeros(3 * SAMPLE_RATE), calling])


def tone(hertz: float, length_s: float) -> Wave:
    """A pure tone with a peak of 1."""
    at = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(np.sin(2 * np.pi * hertz * at))


def _noise(kind: str, length: int, others: list[Wave], chance: Random) -> Wave:
    """Noise with a mean square of 1; silence for `none`."""
    if kind == "none":
        return np.zeros(length)
    generator = np.random.default_rng(chance.getrandbits(32))
    if kind == "hum":
        at = np.arange(length) / SAMPLE_RATE
        mains = chance.choice((50, 60))
        wave = sum(np.sin(2 * np.pi * mains * k * at) / k for k in (1, 2, 3, 5))
        wave = wave + 0.2 * generator.normal(size=length)
    elif kind == "street":
        # Mostly below 500 Hz, and it swells.
        rough = np.convolve(generator.normal(size=length + 40), np.ones(25) / 25, "same")[:length]
        at = np.arange(length) / SAMPLE_RATE
        wave = rough * (1 + 0.5 * np.sin(2 * np.pi * 0.4 * at + chance.random() * 6))
    elif kind == "voices" and any(len(other) for other in others):
        wave = sum(
            np.resize(np.roll(other, chance.randrange(len(other))), length)
            for other in others
            if len(other)
        )
    else:
        wave = generator.normal(size=length)
    return np.asarray(wave / max(np.sqrt(np.mean(np.square(wave))), 1e-9))


def _gated(wave: Wave) -> Wave:
    """Nothing where the last 60 ms were quiet, as a gateway with silence suppression sends."""
    size = 480
    quiet = np.convolve(np.abs(wave), np.ones(size) / size, "full")[: len(wave)] < 0.01
    return np.where(quiet, 0.0, wave)
