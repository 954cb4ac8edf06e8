"""What is said and heard on a leg through an Asterisk: its audio, its callee, its conversation."""

import asyncio
from collections.abc import Callable
from functools import partial

from callwright.domain.outcome import Outcome
from callwright.ivr.script import Script
from callwright.ports.line import FromLine, LegOrder
from callwright.telephony.asterisk.stream import StreamAudio
from callwright.telephony.asterisk.switch import Switch
from callwright.telephony.callee import Callee
from callwright.telephony.conversation import COMES_TO
from callwright.telephony.rtp.session import MediaStats

_KEYS_BY_EVENT = 101
"""Asterisk hears keys in whichever way they come, and tells of each once."""

Ending = tuple[Outcome, str]


class LegTalk:
    """Of one leg; `leave` is told when it should end, and what it comes to then."""

    def __init__(
        self,
        order: LegOrder,
        script: Script,
        switch: Switch,
        audio: StreamAudio,
        *,
        tell: Callable[[FromLine], None],
        leave: Callable[[Ending], None],
        contained: Callable[..., None],
    ) -> None:
        self._order = order
        self._script = script
        self._place = place = switch.talks
        self._audio = audio
        self._leave = leave
        self._contained = contained
        self._conversation = place.converse(
            order,
            script,
            audio,
            tell=tell,
            on_over=lambda why: leave(COMES_TO[why]),
            contained=contained,
        )
        now = asyncio.get_running_loop().time
        self._callee = Callee(audio, place.ears, self._conversation, now)
        self._callee.follow(_KEYS_BY_EVENT)

    @property
    def by_tone(self) -> Outcome | None:
        """What tones before the answer said the call comes to."""
        return self._callee.by_tone

    @property
    def finished(self) -> bool:
        """The script ran to its end."""
        return self._conversation.finished

    @property
    def unheard_s(self) -> float:
        """How long it takes until the callee has heard what was said so far."""
        return self._audio.unheard_s

    def prepare(self) -> None:
        """It rings: render what will be heard."""
        self._conversation.prepare()

    def hear_tones(self) -> None:
        """There is sound before the answer."""
        self._callee.rings(self._order.number, partial(self._contained, self._leave))

    def answered(self) -> None:
        """The callee is there: what is said leaves, and what is heard counts, from now on."""
        self._audio.on_timeout = partial(self._contained, self._on_silence)
        self._audio.answered()
        self._place.record(self._order, self._script, self._audio)
        self._callee.answered(self._script)

    def begin(self) -> None:
        """Keys first, if any, then the script."""
        self._conversation.begin("PCMU")

    def hear_key(self, digit: str) -> None:
        """Asterisk heard a key."""
        self._audio.hear_key(digit)

    def stop(self, *, by_callee: bool) -> None:
        """The leg is over or about to be."""
        self._conversation.stop(by_callee=by_callee)

    def close(self) -> MediaStats:
        """Give everything back."""
        self._callee.close()
        return self._audio.close()

    def _on_silence(self) -> None:
        if self._audio.has_heard:
            self._leave((Outcome.ANSWERED, "audio stopped"))
        else:
            self._leave((Outcome.MEDIA_FAILED, "no audio came"))
