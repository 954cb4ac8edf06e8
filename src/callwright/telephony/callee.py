"""Everything that is heard of the callee of one leg: keys, who answered, the beep.

Joins a leg's audio to the ears of its media plane. What each finding means is the
conversation's business.
"""

from collections.abc import Callable
from typing import Protocol

from callwright.domain.answered_by import Verdict
from callwright.ivr.script import Script
from callwright.ivr.values import Beep
from callwright.telephony.callee_keys import CalleeKeys
from callwright.telephony.listening import AnswerHearing, Ears, SoundEar
from callwright.telephony.listening.sounds import Sound
from callwright.telephony.rtp.session import MediaSession


class Hearer(Protocol):
    """Who wants to know of the callee, which is the leg's conversation. Raises nothing."""

    def hear_key(self, digit: str) -> None:
        """A key was pressed."""
        ...

    def identify(self, verdict: Verdict) -> None:
        """It is known who answered, or that it cannot be told."""
        ...

    def hear_beep(self) -> None:
        """A machine's beep is over."""
        ...


class Callee:
    """Of one leg. `now` is the loop's time."""

    def __init__(
        self, media: MediaSession, ears: Ears, hearer: Hearer, now: Callable[[], float]
    ) -> None:
        self._media = media
        self._ears = ears
        self._hearer = hearer
        self._keys = CalleeKeys(media, ears, hear=hearer.hear_key, now=now)
        self._answer: AnswerHearing | None = None
        self._ear: SoundEar | None = None
        self._awaits_beeps = False

    def follow(self, dtmf_payload: int | None) -> None:
        """What the callee's latest description says of telephone events."""
        self._keys.follow(dtmf_payload)

    def on_info(self, digit: str) -> None:
        """An INFO came with this key."""
        self._keys.on_info(digit)

    def answered(self, script: Script) -> None:
        """The callee is there: listen, as far as the script wants to know who it is."""
        if script.listens and self._answer is None:
            self._answer = AnswerHearing(script.amd)
            self._awaits_beeps = any(isinstance(step, Beep) for step in script.steps.values())
            self._ear = self._ears.for_sounds(self._hear)
            self._media.listen(self._ear.hear)

    def close(self) -> None:
        """The leg is over."""
        self._keys.close()
        self._stop_listening()

    def _hear(self, sound: Sound) -> None:
        answer = self._answer
        assert answer is not None
        was_known = answer.verdict is not None
        verdict = answer.hear(sound)
        if verdict is not None and not was_known:
            self._hearer.identify(verdict)
        if answer.has_beeped:
            self._hearer.hear_beep()
        if verdict is not None and not self._awaits_beeps:
            self._stop_listening()

    def _stop_listening(self) -> None:
        if self._ear is not None:
            self._media.stop_listening(self._ear.hear)
            self._ear.close()
            self._ear = None
