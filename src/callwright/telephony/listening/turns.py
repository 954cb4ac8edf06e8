"""Whose turn it is to speak: when the other side has fallen silent, and how much it had said.

Pure: each 40 ms go in as they were heard. Tones are no speech: a call that is put through
rings meanwhile.
"""

from callwright.ivr.values import Amd
from callwright.telephony.listening.loudness import Loudness
from callwright.telephony.listening.pieces import ToneHearing
from callwright.telephony.listening.sounds import Sound

TURN_MS = 800
"""After so much silence it is our turn."""
_FRAME_MS = 20
_VOICE_SHARE = 0.2
_FADING = 0.005
"""A frame: somebody quieter than the one before is heard as well, some seconds later."""
_TONE_MS = 80


class TurnHearing:
    """Listens to one call."""

    def __init__(self, settings: Amd) -> None:
        self._least_word_ms = settings.min_word_ms
        self._loudness = Loudness(
            least=settings.silence_threshold, share=_VOICE_SHARE, fading=_FADING
        )
        self._tones = ToneHearing()
        self._silence_ms = 0
        self._said_ms = 0
        self._word_ms = 0

    def hear(self, sound: Sound) -> int | None:
        """Milliseconds, if it is our turn now: what was said since the last time, first word
        to last. Told anew each `TURN_MS` while the silence lasts."""
        self._tones.hear(sound)
        tone = self._tones.sounding
        if tone is not None and tone.on_ms >= _TONE_MS:
            self._said_ms = self._word_ms = self._silence_ms = 0
            return None
        first, second = (self._frame(level) for level in sound.levels)
        return second if first is None else first

    def _frame(self, level: float) -> int | None:
        if self._loudness.is_voice(level):
            self._word_ms += _FRAME_MS
            if self._said_ms:
                self._said_ms += self._silence_ms + _FRAME_MS
            elif self._word_ms >= self._least_word_ms:
                self._said_ms = self._word_ms
            self._silence_ms = 0
            return None
        self._silence_ms += _FRAME_MS
        self._word_ms = 0
        if self._silence_ms < TURN_MS:
            return None
        said_ms, self._said_ms, self._silence_ms = self._said_ms, 0, 0
        return said_ms
