"""Who answered: a person, a machine or a fax, from the first seconds of sound.

The cadence rules and the names of their settings are those of Asterisk's app_amd: people say
a word or two and wait, machines go on. Added is what a machine alone does: a beep after
words, the tones of a fax, the recordings of screening services; and the threshold rises with
the noise of the line, which would else sound like a greeting without end. Silence is no
evidence of a machine here: it comes to `unknown`, where app_amd says machine.

Pure: each 40 ms go in as they were heard, and once there is a verdict it stays.
"""

from collections import deque

from callwright.domain.answered_by import AnsweredBy, Verdict
from callwright.ivr.values import Amd
from callwright.telephony.listening.loudness import Loudness
from callwright.telephony.listening.pieces import Piece, ToneHearing
from callwright.telephony.listening.screening import ALIKE, ScreeningHearing, ScreeningPrompts
from callwright.telephony.listening.sounds import Sound

_FRAME_MS = 20
_VOICE_SHARE = 0.4
"""Speech is at least so loud, measured by its own loudest moment: voices behind it are not."""
_BREATH_MS = 160
"""Who has been silent for longer has perhaps just finished."""

_CED_HZ, _CNG_HZ = 2100.0, 1100.0
_CED_OFF_HZ, _CNG_OFF_HZ = 20.0, 42.0
_FAX_MS = 400
"""T.30: a fax that answers sounds 2,100 Hz for seconds, one that calls 1,100 Hz for half a one."""
_LONG_TONE_MS = 200
"""No vowel stands still for so long."""
_TONE_EDGE_MS = 120
"""A tone is heard as sound for so long before it is known as one."""
_TONE_FRAMES = (_LONG_TONE_MS + _TONE_EDGE_MS) // _FRAME_MS
"""And so many frames of it count as voice."""
_NO_WORDS = 4.0
_SURELY_FAX_MS = 1200
"""No beep lasts so long, whatever was said before it."""


class AnswerHearing:
    """Listens to one call from its answer on."""

    def __init__(self, settings: Amd, prompts: ScreeningPrompts | None = None) -> None:
        self._settings = settings
        self._screening = ScreeningHearing(prompts) if prompts else None
        self._loudness = Loudness(least=settings.silence_threshold, share=_VOICE_SHARE)
        self._tones = ToneHearing()
        self._elapsed_ms = 0
        self._silence_ms = 0
        self._word_ms = 0
        self._voice_ms = 0
        self._words = 0
        self._in_word = False
        self._greeting_at_ms = -1
        self._loudest = deque([0.0], maxlen=_TONE_FRAMES)
        self.verdict: Verdict | None = None
        self.has_beeped = False
        """A beep ended with the sound heard last."""

    def hear(self, sound: Sound) -> Verdict | None:
        """The verdict, if there is one by now; sets `has_beeped`."""
        over = self._tones.hear(sound)
        self.has_beeped = over is not None and over.is_beep
        if self.verdict is None:
            first, second = sound.levels
            self.verdict = (
                self._by_prompt(sound)
                or self._by_tone(over)
                or self._by_cadence(first)
                or self._by_cadence(second)
            )
        return self.verdict

    def _by_prompt(self, sound: Sound) -> Verdict | None:
        if self._screening is None or not self._screening.hear(sound):
            return None
        likeness, least = (round(100 * each) for each in (self._screening.likeness, ALIKE))
        return Verdict(AnsweredBy.SCREENING, f"PROMPT-{likeness}-{least}")

    def _by_tone(self, over: Piece | None) -> Verdict | None:
        piece = over or self._tones.sounding
        if piece is None or not piece.is_single:
            return None
        is_fax_answering = abs(piece.hz - _CED_HZ) <= _CED_OFF_HZ
        is_fax_calling = abs(piece.hz - _CNG_HZ) <= _CNG_OFF_HZ
        began_ms = self._elapsed_ms - piece.on_ms - _TONE_EDGE_MS
        if 0 <= self._greeting_at_ms < began_ms and not self._was_noise:
            if is_fax_answering and piece.on_ms >= _SURELY_FAX_MS:
                return Verdict(AnsweredBy.FAX, "CED")
        elif is_fax_answering or is_fax_calling:
            self._forget_words()  # these were no words
            if is_fax_answering and piece.on_ms >= _FAX_MS:
                return Verdict(AnsweredBy.FAX, "CED")
            if is_fax_calling and over is not None and piece.on_ms >= _FAX_MS:
                return Verdict(AnsweredBy.FAX, "CNG")
            return None
        if over is not None and over.is_beep:
            return Verdict(AnsweredBy.MACHINE, f"BEEP-{piece.hz:.0f}")
        return None

    @property
    def _was_noise(self) -> bool:
        """Whether the tone is so much louder than what came before it that those were no words."""
        return self._loudest[-1] >= _NO_WORDS * self._loudest[0]

    def _by_cadence(self, level: float) -> Verdict | None:
        self._elapsed_ms += _FRAME_MS
        if self._elapsed_ms >= self._settings.total_analysis_ms:
            return Verdict(AnsweredBy.UNKNOWN, f"TOOLONG-{self._elapsed_ms}")
        tone = self._tones.sounding
        if tone is not None and tone.on_ms >= _LONG_TONE_MS:
            return None  # neither a word nor silence
        return self._after_voice(level) if self._loudness.is_voice(level) else self._after_silence()

    def _after_silence(self) -> Verdict | None:
        settings = self._settings
        self._silence_ms += _FRAME_MS
        if self._silence_ms >= settings.between_words_ms:
            self._in_word = False
            self._word_ms = 0
        if not self._in_greeting:
            if self._silence_ms < settings.initial_silence_ms:
                return None
            cause = f"INITIALSILENCE-{self._silence_ms}-{settings.initial_silence_ms}"
            return Verdict(AnsweredBy.UNKNOWN, cause)
        if self._silence_ms <= _BREATH_MS:
            return self._after_long_greeting()
        if self._silence_ms >= settings.after_greeting_silence_ms:
            cause = f"HUMAN-{self._silence_ms}-{settings.after_greeting_silence_ms}"
            return Verdict(AnsweredBy.VOICE, cause)
        return None

    def _after_voice(self, level: float) -> Verdict | None:
        settings = self._settings
        self._loudest.append(max(level, self._loudest[-1]))
        self._silence_ms = 0
        self._word_ms += _FRAME_MS
        self._voice_ms += _FRAME_MS
        if self._word_ms >= settings.min_word_ms and not self._in_word:
            self._words += 1
            self._in_word = True
        cause = ""
        if self._word_ms >= settings.max_word_ms:
            cause = f"MAXWORDLENGTH-{self._word_ms}"
        elif self._words >= settings.max_words:
            cause = f"MAXWORDS-{self._words}-{settings.max_words}"
        elif self._in_greeting and self._voice_ms >= settings.greeting_ms:
            cause = f"LONGGREETING-{self._voice_ms}-{settings.greeting_ms}"
        if cause:
            return Verdict(AnsweredBy.MACHINE, cause)
        if self._word_ms >= settings.min_word_ms and not self._in_greeting:
            self._greeting_at_ms = self._elapsed_ms - self._word_ms
        return self._after_long_greeting()

    @property
    def _in_greeting(self) -> bool:
        return self._greeting_at_ms >= 0

    def _after_long_greeting(self) -> Verdict | None:
        settings = self._settings
        span_ms = self._elapsed_ms - self._greeting_at_ms
        is_long = self._in_greeting and span_ms >= settings.greeting_span_ms
        if not is_long or self._elapsed_ms < settings.patience_ms:
            return None
        if self._greeting_at_ms >= settings.late_start_ms:
            cause = f"LATESTART-{self._greeting_at_ms}-{settings.late_start_ms}"
            return Verdict(AnsweredBy.UNKNOWN, cause)
        return Verdict(AnsweredBy.MACHINE, f"LONGSPAN-{span_ms}-{settings.greeting_span_ms}")

    def _forget_words(self) -> None:
        self._greeting_at_ms = -1
        self._words = self._word_ms = self._voice_ms = 0
