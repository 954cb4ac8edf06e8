"""Everything heard on one leg: tones before the answer, keys, who answered, whose turn it is.

Joins a leg's audio to the ears of its media plane. What each finding means is the
conversation's business.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from callwright.domain.answered_by import Verdict
from callwright.domain.outcome import Outcome
from callwright.ivr.script import Script
from callwright.ivr.values import Await, Beep
from callwright.telephony.audio import LegAudio
from callwright.telephony.callee_keys import CalleeKeys
from callwright.telephony.listening import (
    AnswerHearing,
    Ears,
    NetworkTone,
    NetworkTones,
    SoundEar,
    TurnHearing,
)
from callwright.telephony.listening.sounds import Sound

_OUTCOMES = {
    NetworkTone.BUSY: Outcome.BUSY,
    NetworkTone.CONGESTION: Outcome.TRUNK_TROUBLE,
    NetworkTone.NO_CIRCUIT: Outcome.TRUNK_TROUBLE,
    NetworkTone.NO_SUCH_NUMBER: Outcome.UNREACHABLE,
}
"""What a call comes to whose tones said so before any final answer did."""

_CODE_WITHIN_S = 4.0
"""A final answer outweighs the tones before it: it is waited for so long."""


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

    def hear_hush(self, said_ms: int) -> None:
        """Nobody speaks any more, after so long a speech; 0: there was none since the last."""
        ...


class Callee:
    """Of one leg. `now` is the loop's time."""

    def __init__(
        self, media: LegAudio, ears: Ears, hearer: Hearer, now: Callable[[], float]
    ) -> None:
        self._media = media
        self._ears = ears
        self._hearer = hearer
        self._keys = CalleeKeys(media, ears, hear=hearer.hear_key, now=now)
        self._answer: AnswerHearing | None = None
        self._ear: SoundEar | None = None
        self._turns: TurnHearing | None = None
        self._goes_on = False
        self._rings = False
        self._giving_up: asyncio.TimerHandle | None = None
        self.by_tone: Outcome | None = None
        """What the network's tones have said the call comes to."""

    def follow(self, dtmf_payload: int | None) -> None:
        """What the callee's latest description says of telephone events."""
        self._keys.follow(dtmf_payload)

    def on_info(self, digit: str) -> None:
        """An INFO came with this key."""
        self._keys.on_info(digit)

    def rings(self, number: str, give_up: Callable[[tuple[Outcome, str]], None]) -> None:
        """There is sound before the answer to a call to `number`.

        Should its tones say that nobody will answer, and no final answer come, `give_up` is
        told what the call comes to.
        """
        if self._rings or self._answer is not None:
            return
        self._rings = True
        tones = NetworkTones(number)

        def hear(sound: Sound) -> None:
            tone = tones.hear(sound)
            if tone is None or self._giving_up is not None:
                return
            self.by_tone = _OUTCOMES[tone]
            loop = asyncio.get_running_loop()
            verdict = (self.by_tone, tone.value)
            self._giving_up = loop.call_later(_CODE_WITHIN_S, give_up, verdict)

        self._listen(hear)

    def answered(self, script: Script) -> None:
        """The callee is there: listen, as far as the script wants to know who it is."""
        self._stop_ringing()
        if script.listens and self._answer is None:
            self._answer = AnswerHearing(script.amd, self._ears.screening)
            kinds = {type(step) for step in script.steps.values()}
            self._turns = TurnHearing(script.amd) if Await in kinds else None
            self._goes_on = not kinds.isdisjoint((Await, Beep))
            self._listen(self._hear)

    def close(self) -> None:
        """The leg is over."""
        self._keys.close()
        self._stop_ringing()
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
        if self._turns is not None and (said_ms := self._turns.hear(sound)) is not None:
            self._hearer.hear_hush(said_ms)
        if verdict is not None and not self._goes_on:
            self._stop_listening()

    def _stop_ringing(self) -> None:
        if self._rings:
            self._rings = False
            self._stop_listening()
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None

    def _listen(self, hear: Callable[[Sound], None]) -> None:
        self._ear = self._ears.for_sounds(hear)
        self._media.listen(self._ear.hear)

    def _stop_listening(self) -> None:
        if self._ear is not None:
            self._media.stop_listening(self._ear.hear)
            self._ear.close()
            self._ear = None
