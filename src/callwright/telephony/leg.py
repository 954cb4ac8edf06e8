"""One leg: a SIP call, its audio and its conversation, from the order to the last word.

Joins the pure call machine of `sip` to a media session and a `Conversation`, and turns
what happens into messages for the brain. Whatever goes wrong in here ends this leg, and
`LegEnded` is said exactly once.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from callwright.clock import machine_seconds
from callwright.domain.outcome import Outcome
from callwright.errors import Unavailable
from callwright.ivr.script import Script
from callwright.ports.line import (
    FromLine,
    LegAnswered,
    LegEnded,
    LegOrder,
    LegRinging,
    LegSent,
)
from callwright.telephony.callee import Callee
from callwright.telephony.conversation import COMES_TO, Conversation, Over
from callwright.telephony.leg_place import LegPlace
from callwright.telephony.rtp.session import MediaSession, MediaStats
from callwright.telephony.sip.actions import (
    Action,
    Answered,
    EarlyMedia,
    Ended,
    How,
    KeyedByInfo,
    MovedOn,
    Rang,
    Renegotiated,
)
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.inviting import note_sent
from callwright.telephony.sip.media_keys import MediaKeys, media_keys
from callwright.telephony.sip.outcomes import outcome_of
from callwright.telephony.sip.sdp import MediaAnswer, SdpUnusable, build_offer, read_description

log = logging.getLogger(__name__)


class Leg:
    """A leg that was ordered. `place` once; then it lives by what its peer does.

    `tell` gets its messages, `LegEnded` last; after that, `on_gone` is called.
    """

    def __init__(
        self,
        order: LegOrder,
        place: LegPlace,
        script: Script,
        *,
        tell: Callable[[FromLine], None],
        on_gone: Callable[[str], None],
    ) -> None:
        self._order = order
        self._place = place
        self._script = script
        self._tell = tell
        self._on_gone = on_gone
        self._call: OutgoingCall | None = None
        self._media: MediaSession | None = None
        self._conversation: Conversation | None = None
        self._callee: Callee | None = None
        self._keys: MediaKeys | None = None
        self._sent = self._rang = self._answered = self._gone = False
        self._verdict: tuple[Outcome, str] | None = None
        """What the leg came to, where we ended it for a reason of our own."""

    def place(self, now: float) -> None:
        """Send the INVITE, unless that is not possible any more. `now` is the loop's time."""
        self._contained(self._dial, now)

    @property
    def send_before(self) -> float:
        """`clock.machine_seconds` after which `place` sends nothing any more; 0 = no limit."""
        return self._order.send_before

    @property
    def was_sent(self) -> bool:
        """Its INVITE has left."""
        return self._sent

    @property
    def is_over(self) -> bool:
        """It has ended."""
        return self._gone

    def hang_up(self, ringing: tuple[Outcome, str], talking: tuple[Outcome, str]) -> None:
        """End it; the two say what the leg comes to, if nothing else was decided before."""
        self._contained(self._leave, talking if self._answered else ringing)

    # Dialling

    def _dial(self, now: float) -> None:
        order, endpoint = self._order, self._place.endpoint
        if order.send_before and machine_seconds() > order.send_before:
            self._end_unsent(Outcome.TRUNK_TROUBLE, "too late to send")
            return
        if endpoint.targets.are_unknown:
            self._end_unsent(Outcome.TRUNK_TROUBLE, "no server known")
            return
        try:
            media = self._place.media.open()
        except Unavailable as exc:
            log.error("no audio for a leg", extra={"leg": order.leg, "why": str(exc)})
            self._end_unsent(Outcome.TRUNK_TROUBLE, "no RTP port")
            return
        self._media = media
        address, port = endpoint.local[0], media.local_port
        keys = self._keys = media_keys(endpoint.trunk.srtp)
        try:
            setup = endpoint.setup(
                number=order.number,
                caller_id=order.caller_id,
                identity=order.identity,
                signed_identity=order.signed_identity,
                offer=build_offer(address, port, port, codecs=endpoint.trunk.codecs, keys=keys),
            )
            call = OutgoingCall(
                setup,
                ring_timeout_s=order.ring_timeout_s,
                max_length_s=order.max_length_s,
                session=port,
            )
            endpoint.add(call, self._on_action)
        except SipMalformed as exc:
            log.error("a leg cannot be dialled", extra={"leg": order.leg, "why": str(exc)})
            self._end_unsent(Outcome.REFUSED_HERE, "not dialable")
            return
        call.set_local_media(address, port, keys)
        self._call = call
        self._sent = True
        endpoint.perform(call, call.start(now))
        self._tell_sent(note_sent(call.target))

    def _tell_sent(self, to: str) -> None:
        self._tell(LegSent(leg=self._order.leg, at=time.time(), remote_address=to))

    def _end_unsent(self, outcome: Outcome, reason: str) -> None:
        self._verdict = (outcome, reason)
        self._say_ended(outcome, reason)

    # What the call brought

    def _on_action(self, action: Action) -> None:
        self._contained(self._take, action)

    def _take(self, action: Action) -> None:
        match action:
            case MovedOn(target, number):
                self._tell_sent(note_sent(target, number))
            case Rang(code, to_tag):
                self._rang = True
                rang = LegRinging(leg=self._order.leg, at=time.time(), code=code, to_tag=to_tag)
                self._tell(rang)
                self._converse().prepare()
            case EarlyMedia(sdp):
                with suppress(SdpUnusable):
                    self._start_media(read_description(sdp, self._keys), is_early=True)
            case Answered():
                self._on_answer(action)
            case Renegotiated(media):
                self._start_media(media)
                if self._conversation is not None:
                    self._conversation.recode(media.codec)
            case KeyedByInfo(digit):
                if self._callee is not None:
                    self._callee.on_info(digit)
            case Ended():
                self._on_end(action)

    def _on_answer(self, answered: Answered) -> None:
        self._answered = True
        media: MediaAnswer | None = None
        problem = ""
        try:
            media = read_description(answered.sdp, self._keys)
        except SdpUnusable as exc:
            problem = f"no usable audio: {exc}"
        if media is not None:
            # Before anything is told: the callee is saying hello.
            self._start_media(media)
            if self._media is not None:
                self._place.record(self._order, self._script, self._media)
        dialog = answered.dialog
        self._tell(
            LegAnswered(
                leg=self._order.leg,
                at=time.time(),
                to_tag=dialog.remote_tag,
                remote_target=dialog.remote_target,
                route_set=dialog.route_set,
                cseq=dialog.cseq,
            )
        )
        if media is None:
            self._leave((Outcome.MEDIA_FAILED, problem))
            return
        self._converse().begin(media.codec)

    def _start_media(self, media: MediaAnswer, *, is_early: bool = False) -> None:
        session = self._media
        if session is None:
            return
        if self._callee is None:
            now = self._place.endpoint.now
            self._callee = Callee(session, self._place.ears, self._converse(), now)
        self._callee.follow(media.dtmf_payload)
        if is_early:
            self._callee.rings(self._order.number, partial(self._contained, self._leave))
        else:
            self._callee.answered(self._script)
        session.on_timeout = partial(self._contained, self._on_silence)
        session.start(
            (media.address, media.port),
            media.codec,
            media.dtmf_payload,
            # Nobody owes us audio yet; and some gateways send none before they have heard us.
            "sendonly" if is_early else media.direction,
            rtcp_port=media.rtcp_port,
            keys=media.srtp,
        )

    def _converse(self) -> Conversation:
        if self._conversation is None:
            assert self._media is not None
            self._conversation = self._place.converse(
                self._order,
                self._script,
                self._media,
                tell=self._tell,
                on_over=self._on_conversation_over,
                contained=self._contained,
            )
        return self._conversation

    def _on_silence(self) -> None:
        received = self._media.stats().received_packets if self._media is not None else 0
        stopped, never_came = Outcome.ANSWERED, Outcome.MEDIA_FAILED
        self._leave((stopped, "audio stopped") if received else (never_came, "no audio came"))

    def _on_conversation_over(self, why: Over) -> None:
        self._leave(COMES_TO[why])

    # The end

    def _leave(self, verdict: tuple[Outcome, str]) -> None:
        call, endpoint = self._call, self._place.endpoint
        if self._gone:
            return
        if call is None:
            self._end_unsent(*verdict)
            return
        if self._verdict is None:
            self._verdict = verdict
        if self._conversation is not None:
            self._conversation.stop(by_callee=False)
        endpoint.perform(call, call.hang_up(endpoint.now()))

    def _on_end(self, ended: Ended) -> None:
        outcome, reason = outcome_of(
            ended, self._callee.by_tone if self._callee is not None else None
        )
        by_us = ended.how in (How.HUNG_UP_RINGING, How.HUNG_UP_TALKING)
        broke = self._verdict is not None and self._verdict[1] == "internal error"
        if self._verdict is not None and (by_us or broke):
            outcome, reason = self._verdict
        elif ended.how is How.BROKEN and self._answered:
            outcome = Outcome.MEDIA_FAILED
        if outcome is Outcome.TRUNK_MISCONFIGURED:
            facts = {"trunk": self._order.trunk, "answer": reason}
            log.error("the trunk does not take our calls as they are", extra=facts)
        if self._conversation is not None:
            self._conversation.stop(by_callee=ended.how is How.PEER_HUNG_UP)
        self._say_ended(outcome, reason, ended)

    def _say_ended(self, outcome: Outcome, reason: str, ended: Ended | None = None) -> None:
        if self._gone:
            return
        self._gone = True
        if self._callee is not None:
            self._callee.close()
        stats = self._media.close() if self._media is not None else MediaStats(0, 0, 0)
        self._tell(
            LegEnded(
                leg=self._order.leg,
                at=time.time(),
                outcome=outcome,
                answered=self._answered,
                rang=self._rang,
                sent=self._sent,
                sip_code=200 if self._answered else ended.code if ended is not None else 0,
                reason=reason,
                finished=self._conversation is not None and self._conversation.finished,
                retry_after_s=ended.retry_after_s if ended is not None else 0.0,
                **stats._asdict(),
            )
        )
        # No circles of references stay behind, which only the collector could undo.
        self._media = self._conversation = self._call = self._callee = None
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
            self._break_off()

    def _break_off(self) -> None:
        outcome = Outcome.MEDIA_FAILED if self._answered else Outcome.TRUNK_TROUBLE
        self._verdict = (outcome, "internal error")
        try:
            self._leave(self._verdict)
        except Exception:
            log.exception("nor could it be hung up", extra={"leg": self._order.leg})
            if self._call is not None:
                self._place.endpoint.drop(self._call)
            self._say_ended(outcome, "internal error")
        if self._call is None:
            self._say_ended(outcome, "internal error")
