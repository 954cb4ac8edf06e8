"""What phones say by themselves: the voicemail's greeting and beep, the network's tones."""

from dataclasses import dataclass

import numpy as np

from callwright.errors import Unavailable
from callwright.ports.speech import Speech
from callwright.telephony.rtp.encoded import EncodedPrompt, encoded_prompt
from callwright.telephony.rtp.g711 import SAMPLE_RATE, Codec, encode
from callwright.telephony.speech.tones import ToneSpeech

_GREETING = "I cannot take your call. Please leave a message after the beep."
_BEEP_HZ = 1000.0
_BEEP_S = 0.5
_SPECIAL_HZ = (950.0, 1400.0, 1800.0)
"""The special information tone that stands before "this number is not in service" (ITU-T E.180)."""
_SPECIAL_S = 0.33
_PEAK = 6000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sounds:
    """Ready to play, in each law."""

    voicemail: dict[Codec, EncodedPrompt]
    announcement: dict[Codec, EncodedPrompt]


async def make_sounds(speech: Speech | None) -> Sounds:
    """Render them once; without an engine, or with a broken one, the greeting is hummed."""
    try:
        greeting = await (speech or ToneSpeech()).speak(_GREETING, "")
    except Unavailable:
        greeting = await ToneSpeech().speak(_GREETING, "")
    spoken = np.frombuffer(greeting, dtype="<i2").astype(np.int16)
    pause = np.zeros(SAMPLE_RATE // 4, dtype=np.int16)
    voicemail = np.concatenate([pause, spoken, pause, _tone(_BEEP_HZ, _BEEP_S)])
    special = np.concatenate([_tone(hertz, _SPECIAL_S) for hertz in _SPECIAL_HZ] + [pause] * 4)
    return Sounds(voicemail=_in_both_laws(voicemail), announcement=_in_both_laws(special))


def _tone(hertz: float, length_s: float) -> np.ndarray:
    at = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(_PEAK * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def _in_both_laws(samples: np.ndarray) -> dict[Codec, EncodedPrompt]:
    laws: tuple[Codec, ...] = ("PCMU", "PCMA")
    return {law: encoded_prompt(encode(samples, law), law, law) for law in laws}
