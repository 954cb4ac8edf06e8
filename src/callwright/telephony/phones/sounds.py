"""What phones say by themselves: the voicemail's greeting and beep, the network's tones."""

from dataclasses import dataclass

import numpy as np

from callwright.errors import Unavailable
from callwright.ports.speech import Speech
from callwright.telephony.phones.behaviour import Saying, Tone
from callwright.telephony.rtp.encoded import EncodedPrompt, encoded_prompt
from callwright.telephony.rtp.g711 import SAMPLE_RATE, Codec, encode
from callwright.telephony.speech.tones import ToneSpeech

HELLO = "Hello?"
GREETING = "I cannot take your call. Please leave a message after the beep."
SCREENING = (
    "Hi. Please say your name and why you are calling, and I will see whether this person is"
    " available."
)
_SCREENED_S = 5.0
"""From the end of that question to the hello of whoever was asked for."""
_BEEP_HZ = 1000.0
_BEEP_S = 0.5
_FAX_HZ = 2100.0
_FAX_S = 3.0
"""What a fax answers with (ITU-T T.30, CED)."""
_SPECIAL_HZ = (950.0, 1400.0, 1800.0)
"""The special information tone that stands before "this number is not in service" (ITU-T E.180)."""
_SPECIAL_S = 0.33
_BUSY_HZ = (480.0, 620.0)
_BUSY_S = 0.5
_BUSY_TIMES = 30
"""As in North America, for half a minute."""
_PEAK = 6000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sounds:
    """Ready to play, in each law."""

    said: dict[Saying, dict[Codec, EncodedPrompt]]
    tones: dict[Tone, dict[Codec, EncodedPrompt]]


async def make_sounds(speech: Speech | None) -> Sounds:
    """Render them once; without an engine, or with a broken one, words are hummed."""
    pause = np.zeros(SAMPLE_RATE // 4, dtype=np.int16)
    hello = await _spoken(HELLO, speech)
    greeting = await _spoken(GREETING, speech)
    voicemail = np.concatenate([pause, greeting, pause, _tone(_BEEP_HZ, _BEEP_S)])
    question = await _spoken(SCREENING, speech)
    asking = np.zeros(round(_SCREENED_S * SAMPLE_RATE), dtype=np.int16)
    both = sum(_tone(hertz, _BUSY_S) for hertz in _BUSY_HZ) // 2
    busy = np.concatenate([both, np.zeros_like(both)] * _BUSY_TIMES)
    said: dict[Saying, np.ndarray] = {
        "hello": np.concatenate([pause, hello]),
        "voicemail": voicemail,
        "screening": np.concatenate([pause, question, asking, hello]),
        "fax": np.concatenate([pause, _tone(_FAX_HZ, _FAX_S)]),
    }
    special = np.concatenate([_tone(hertz, _SPECIAL_S) for hertz in _SPECIAL_HZ] + [pause] * 4)
    return Sounds(
        said={saying: _in_both_laws(samples) for saying, samples in said.items()},
        tones={"special": _in_both_laws(special), "busy": _in_both_laws(busy)},
    )


async def _spoken(text: str, speech: Speech | None) -> np.ndarray:
    try:
        codes = await (speech or ToneSpeech()).speak(text, "")
    except Unavailable:
        codes = await ToneSpeech().speak(text, "")
    return np.frombuffer(codes, dtype="<i2").astype(np.int16)


def _tone(hertz: float, length_s: float) -> np.ndarray:
    at = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    return np.asarray(_PEAK * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def _in_both_laws(samples: np.ndarray) -> dict[Codec, EncodedPrompt]:
    laws: tuple[Codec, ...] = ("PCMU", "PCMA")
    return {law: encoded_prompt(encode(samples, law), law, law) for law in laws}
