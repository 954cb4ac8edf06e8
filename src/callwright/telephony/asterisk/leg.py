"""One leg through an Asterisk: channel, audio and conversation, from the order to the last word.

The channel, its media and the bridge of both are made before anything is dialled, so that
sound before the answer is heard and the first prompt is not late. What Asterisk tells of the
channel are plain calls; requests run as tasks beside. The channel's id is known before it
exists: ending a leg means that no channel of that id is left, whatever became of a request.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from callwright.clock import machine_seconds
from callwright.domain.outcome import Outcome
from callwright.errors import CallwrightError
from callwright.ivr.script import Script
from callwright.ports.line import FromLine, LegAnswered, LegEnded, LegOrder, LegRinging, LegSent
from callwright.telephony.asterisk.ari import AriEvent, AriRefused
from callwright.telephony.asterisk.channel import LegChannel
from callwright.telephony.asterisk.outcomes import outcome_of_end
from callwright.telephony.asterisk.switch import Switch
from callwright.telephony.asterisk.talk import Ending, LegTalk
from callwright.telephony.rtp.session import MediaStats
from callwright.telephony.sip.fields import SipMalformed

log = logging.getLogger(__name__)

LOST_WITHIN_S = 8.0
"""How long the last word on a leg waits until its channel is known to be gone: nobody is to be
dialled again while their phone still rings."""


def _wrong(is_refused: bool) -> Outcome:
    return Outcome.TRUNK_MISCONFIGURED if is_refused else Outcome.TRUNK_TROUBLE


class AsteriskLeg:
    """A leg that was ordered. `prepare`, then `place` once; the rest is its peer's doing.

    `tell` gets its messages, `LegEnded` last; after that, `on_gone` is called.
    """

    def __init__(
        self,
        order: LegOrder,
        switch: Switch,
        script: Script,
        *,
        tell: Callable[[FromLine], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self._order = order
        self._switch = switch
        self._script = script
        self._tell = tell
        self._on_gone = on_gone
        self._channel: LegChannel | None = None
        self._ended = asyncio.Event()
        self._talk: LegTalk | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent = self._rang = self._answered = self._gone = False
        self._is_made = self._is_lost = False
        self._verdict: Ending | None = None
        """What the leg comes to; set as soon as it is being ended by us."""

    @property
    def send_before(self) -> float:
        """As `Leg.send_before`."""
        return self._order.send_before

    @property
    def was_sent(self) -> bool:
        """It has been dialled."""
        return self._sent

    @property
    def is_over(self) -> bool:
        """It has ended."""
        return self._gone

    def prepare(self, ready: Callable[[], None]) -> None:
        """Make all that is there before the dialling, then call `ready`."""
        self._contained(self._begin, ready)

    def place(self, now: float) -> None:
        """Dial, unless that is not possible any more."""
        self._contained(self._dial)

    def hang_up(self, ringing: Ending, talking: Ending) -> None:
        """End it; the two say what the leg comes to, if nothing else was decided before."""
        self._contained(self._leave, talking if self._answered else ringing)

    # Before the dialling

    def _begin(self, ready: Callable[[], None]) -> None:
        switch = self._switch
        if switch.problem:
            self._say_ended(_wrong(switch.is_refused), "Asterisk cannot be used")
            return
        try:
            self._channel = channel = LegChannel(self._order, switch)
        except SipMalformed as exc:
            log.error("a leg cannot be dialled", extra={"leg": self._order.leg, "why": str(exc)})
            self._say_ended(Outcome.REFUSED_HERE, "not dialable")
            return
        channel.own(self)
        switch.run(self._make(channel, ready))

    async def _make(self, channel: LegChannel, ready: Callable[[], None]) -> None:
        try:
            websocket = await channel.open_media()
            self._talk = LegTalk(
                self._order,
                self._script,
                self._switch,
                channel.audio(websocket),
                tell=self._tell,
                leave=self._leave,
                contained=self._contained,
            )
            if not self._gone:
                await channel.join()
        except CallwrightError as exc:
            self._cannot_be_made(exc)
        self._is_made = True
        if not self._gone:
            self._contained(ready)
            return
        if self._talk is not None:
            self._talk.close()
        channel.clear_up()

    def _cannot_be_made(self, problem: CallwrightError) -> None:
        if self._gone:
            return  # hung up meanwhile: nobody waits for it
        facts = {"leg": self._order.leg, "trunk": self._order.trunk, "why": str(problem)}
        log.error("a leg could not be made ready in Asterisk", extra=facts)
        self._say_ended(_wrong(isinstance(problem, AriRefused)), "Asterisk cannot make the channel")

    def _dial(self) -> None:
        order = self._order
        if order.send_before and machine_seconds() > order.send_before:
            self._leave((Outcome.TRUNK_TROUBLE, "too late to send"))
            return
        self._sent = True
        to = self._switch.trunk.address()
        self._tell(LegSent(leg=order.leg, at=time.time(), remote_address=to))
        self._set_timer(order.ring_timeout_s, (Outcome.NO_ANSWER, "ring timeout"))
        assert self._channel is not None
        self._switch.run(self._ask_to_dial(self._channel))

    async def _ask_to_dial(self, channel: LegChannel) -> None:
        try:
            await channel.dial()
        except AriRefused as exc:
            self._contained(self._leave, (Outcome.TRUNK_TROUBLE, f"Asterisk did not dial: {exc}"))
        except CallwrightError as exc:
            # Whether it dials is not known: it is hung up, and counts as any lost attempt.
            log.error("a request to dial is in doubt", extra={"leg": self._order.leg, "why": exc})
            self._contained(self._leave, (Outcome.INTERRUPTED, "dialling in doubt"))

    # What Asterisk tells

    def on_event(self, event: AriEvent) -> None:
        """Something happened to the channel."""
        self._contained(self._take, event)

    def on_lost(self, why: str) -> None:
        """Nothing more will be told of it."""
        self._contained(self._lose)

    def _take(self, event: AriEvent) -> None:
        channel = self._channel
        assert channel is not None
        match event:
            case AriEvent(type="StasisStart"):
                channel.entered(event.about)
            case AriEvent(type="ChannelDtmfReceived", digit=digit):
                if self._talk is not None and self._answered:
                    self._talk.hear_key(digit)
            case AriEvent(type="Dial", dialstatus="RINGING"):
                self._on_ringing(180)
            case AriEvent(type="Dial", dialstatus="PROGRESS"):
                self._on_ringing(183)
            case AriEvent(type="Dial", dialstatus="ANSWER") if event.about == channel.name:
                self._on_answer()
            case AriEvent(type="ChannelDestroyed") if event.about == channel.name:
                self._on_destroyed(channel, event)
            case AriEvent(type="ChannelDestroyed"):
                self._leave((Outcome.MEDIA_FAILED, "Asterisk closed the audio"))

    def _on_ringing(self, code: int) -> None:
        talk = self._talk
        if self._answered or self._verdict is not None or talk is None:
            return
        if not self._rang:
            self._rang = True
            self._tell(LegRinging(leg=self._order.leg, at=time.time(), code=code))
            talk.prepare()
        if code == 183:
            talk.hear_tones()

    def _on_answer(self) -> None:
        talk, order = self._talk, self._order
        # An answer that crosses our hang-up is Asterisk's to end: it was asked to.
        if self._answered or self._verdict is not None or talk is None:
            return
        self._answered = True
        self._set_timer(order.max_length_s, (Outcome.ANSWERED, "longest length reached"))
        talk.answered()
        self._tell(
            LegAnswered(
                leg=order.leg,
                at=time.time(),
                to_tag=order.identity.call_id,
                remote_target="",
                route_set=(),
                cseq=order.identity.cseq,
            )
        )
        talk.begin()

    def _on_destroyed(self, channel: LegChannel, event: AriEvent) -> None:
        ends_already = self._verdict is not None
        if self._talk is not None:
            self._talk.stop(by_callee=self._answered and not ends_already)
        if self._verdict is not None:
            outcome, reason = self._verdict
        else:
            cause = (event.cause, event.cause_txt, event.tech_cause)
            by_tone = self._talk.by_tone if self._talk is not None else None
            outcome, reason = outcome_of_end(*cause, answered=self._answered, by_tone=by_tone)
        if outcome is Outcome.TRUNK_MISCONFIGURED:
            facts = {"trunk": self._order.trunk, "answer": reason}
            log.error("the trunk does not take our calls as they are", extra=facts)
        self._say_ended(outcome, reason, 0 if ends_already else event.tech_cause)
        if self._is_made and not ends_already:
            channel.clear_up()

    # The end

    def _set_timer(self, seconds: float, verdict: Ending) -> None:
        if self._timer is not None:
            self._timer.cancel()
        leave = partial(self._contained, self._leave_in_time, verdict)
        self._timer = asyncio.get_running_loop().call_later(seconds, leave)

    def _leave_in_time(self, verdict: Ending) -> None:
        by_tone = self._talk.by_tone if self._talk is not None else None
        self._leave((by_tone or verdict[0], verdict[1]) if not self._answered else verdict)

    def _leave(self, verdict: Ending) -> None:
        if self._verdict is not None:
            return
        self._verdict = verdict
        self._fall_silent()
        channel = self._channel
        if self._sent and channel is not None:
            self._switch.run(self._hang_up(channel))
            return
        self._say_ended(*verdict)
        if self._is_made and channel is not None:  # else it is cleared up once it has been made
            channel.clear_up()

    def _lose(self) -> None:
        self._is_lost = True
        lost = Outcome.INTERRUPTED if self._sent else Outcome.TRUNK_TROUBLE
        if self._answered:
            lost = Outcome.INTERRUPTED_TALKING
        self._leave((lost, "Asterisk was lost"))

    def _fall_silent(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._talk is not None:
            self._talk.stop(by_callee=False)

    async def _hang_up(self, channel: LegChannel) -> None:
        """Ask for the end; the channel's own last word tells it, if it can be heard."""
        await asyncio.sleep(self._talk.unheard_s if self._talk is not None else 0.0)
        ending = self._switch.run(channel.end(unanswered=not self._answered))
        await asyncio.wait({ending}, timeout=LOST_WITHIN_S)
        if not ending.done():
            # It is asked for on and on; and Asterisk hangs up by itself in time.
            log.error("a leg is not known to be hung up", extra={"leg": self._order.leg})
        elif await ending and not self._is_lost:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), LOST_WITHIN_S)
        self._say_verdict()

    def _say_verdict(self) -> None:
        if not self._gone:
            assert self._verdict is not None
            self._say_ended(*self._verdict)

    def _say_ended(self, outcome: Outcome, reason: str, code: int = 0) -> None:
        if self._gone:
            return
        self._gone = True
        self._ended.set()
        if self._channel is not None:
            self._channel.disown()
        self._fall_silent()
        stats = self._talk.close() if self._talk is not None else MediaStats(0, 0, 0)
        self._tell(
            LegEnded(
                leg=self._order.leg,
                at=time.time(),
                outcome=outcome,
                answered=self._answered,
                rang=self._rang,
                sent=self._sent,
                sip_code=200 if self._answered else code,
                reason=reason,
                finished=self._talk is not None and self._talk.finished,
                **stats._asdict(),
            )
        )
        self._talk = self._channel = None
        self._on_gone(self._order.leg)

    # A fault of ours

    def _contained(self, work: Callable[..., None], *given: object) -> None:
        """Run `work`; should it raise, this leg ends and all others go on."""
        if self._gone:
            return
        try:
            work(*given)
        except Exception:
            log.exception("a leg broke", extra={"leg": self._order.leg})
            broken = Outcome.MEDIA_FAILED if self._answered else Outcome.TRUNK_TROUBLE
            self._leave((broken, "internal error"))
