"""Speech for machines without a speech engine: one soft tone a word.

Says nothing, but gives a call the length and rhythm it would have, so that demonstrations
and tests work with nothing installed. Longer words get longer tones, sentences end lower.
"""

import numpy as np

from callwright.telephony.rtp.g711 import SAMPLE_RATE

_LETTER_S = 0.055
_SHORTEST_S = 0.09
_LONGEST_S = 0.6
_GAP_S = 0.06
_SENTENCE_GAP_S = 0.25
_PITCHES_HZ = (330.0, 370.0, 392.0, 440.0)
_LAST_PITCH_HZ = 294.0
_PEAK = 4000.0
_OVERTONE = 0.7
"""With a loud octave it is no pure tone: whoever waits for a machine's beep must hear none."""
_FADE_S = 0.015


class ToneSpeech:
    """A `Speech` that only hums."""

    name = "tones"

    async def speak(self, text: str, voice: str) -> bytes:
        """`text` hummed as 8 kHz, 16-bit, mono PCM; every voice is the same."""
        pieces = [_silence(_GAP_S)]
        for position, word in enumerate(text.split()):
            ends = word[-1] in ".!?:;"
            pitch = _LAST_PITCH_HZ if ends else _PITCHES_HZ[position % len(_PITCHES_HZ)]
            length_s = min(max(len(word) * _LETTER_S, _SHORTEST_S), _LONGEST_S)
            pieces += [_tone(pitch, length_s), _silence(_SENTENCE_GAP_S if ends else _GAP_S)]
        return np.concatenate(pieces).astype("<i2").tobytes()


def _tone(pitch_hz: float, length_s: float) -> np.ndarray:
    at = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    # Faded at both ends: a tone that starts at once is heard as a click.
    fade = np.clip(np.minimum(at, length_s - at) / _FADE_S, 0.0, 1.0)
    wave = np.sin(2 * np.pi * pitch_hz * at) + _OVERTONE * np.sin(4 * np.pi * pitch_hz * at)
    return np.asarray(_PEAK / (1 + _OVERTONE) * fade * wave)


def _silence(length_s: float) -> np.ndarray:
    return np.zeros(round(length_s * SAMPLE_RATE))
