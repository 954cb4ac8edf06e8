"""Whether someone speaks, and when a prompt is over, from G.711 frames alone.

Rough on purpose: a phone that keys an answer needs to know that a prompt has been said, not
what it said. No clock: each frame is as long as its codes.
"""

import numpy as np

from callwright.telephony.rtp.g711 import SAMPLE_RATE, Codec, decode

_LOUD_SAMPLE = 500
_LOUD_SHARE = 20
_PROMPT_S = 1.0
_PAUSE_S = 0.4
_LONG_PAUSE_S = 1.0
_BLIP_S = 0.06


def _loud_codes(codec: Codec) -> bytes:
    samples = decode(bytes(range(256)), codec).astype(np.int32)
    return bytes(np.abs(samples) > _LOUD_SAMPLE)


_LOUD: dict[Codec, bytes] = {"PCMU": _loud_codes("PCMU"), "PCMA": _loud_codes("PCMA")}


class Hearing:
    """Follows one stream. A prompt is over after a second of speech and a short pause, or
    after less speech and a long pause."""

    def __init__(self, codec: Codec) -> None:
        self._loud = _LOUD[codec]
        self._speech_s = 0.0
        self._pause_s = 0.0
        self.heard_s = 0.0
        """Everything loud so far."""

    def hear(self, codes: bytes) -> bool:
        """Whether a prompt ended with these codes."""
        length_s = len(codes) / SAMPLE_RATE
        loud = codes.translate(self._loud).count(1)
        if loud * _LOUD_SHARE > len(codes):
            self._speech_s += length_s
            self.heard_s += length_s
            self._pause_s = 0.0
            return False
        self._pause_s += length_s
        if self._pause_s < _PAUSE_S - 1e-9 or self._speech_s == 0.0:
            return False
        if self._speech_s < _PROMPT_S and self._pause_s < _LONG_PAUSE_S - 1e-9:
            return False
        was_speech = self._speech_s >= _BLIP_S
        self._speech_s = 0.0
        return was_speech
