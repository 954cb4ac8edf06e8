"""One ringing or talking phone: carries out a `Behaviour` on one incoming call.

Joins the call's machine (`incoming.py`) to its audio (`handset.py`) and its record. At most
one step of the behaviour is pending at a time; `wakes_at` is the earlier of it and the
call's own timers.
"""

from math import inf
from typing import Protocol

from callwright.clock import Clock
from callwright.errors import Unavailable
from callwright.telephony.phones.behaviour import PHRASES, Behaviour
from callwright.telephony.phones.calls import PhoneCall, PhoneEvent
from callwright.telephony.phones.handset import Handset
from callwright.telephony.phones.incoming import Acknowledged, Action, How, IncomingCall, Over
from callwright.telephony.sip.actions import KeyedByInfo, Renegotiated, Send
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.sdp import SdpUnusable

_RINGS_AT_MOST_S = 900.0
"""For ever; but a caller that died without a CANCEL must not leave a phone ringing."""


class Exchange(Protocol):
    """What all phones share; `server.py` is it."""

    clock: Clock

    def monotonic(self) -> float:
        """The event loop's time."""
        ...

    def lift(self, offer: bytes, caller: Address) -> Handset:
        """A handset for a call from `caller`.

        Raises:
            Unavailable: no port is free.
            SdpUnusable: the offer is none we could talk with.
        """
        ...

    def send(self, data: bytes, to: Address) -> None:
        """One datagram of SIP."""
        ...

    def reschedule(self, leg: "Leg") -> None:
        """The leg's `wakes_at` may have changed."""
        ...

    def tell(self, event: PhoneEvent) -> None:
        """For whoever watches."""
        ...


class Leg:
    """One phone on one call from `source`. `begin` once, then feed it what comes."""

    def __init__(
        self,
        exchange: Exchange,
        call: IncomingCall,
        behaviour: Behaviour,
        record: PhoneCall,
        source: Address,
    ) -> None:
        self.call = call
        self.record = record
        self.wakes_at = inf
        self._exchange = exchange
        self._behaviour = behaviour
        self._source = source
        self._step_at = inf
        self._handset: Handset | None = None
        self._why_hung_up = ""

    def begin(self, now: float) -> None:
        """Ring, or answer or refuse at once."""
        self._tell("called")
        behaviour = self._behaviour
        if behaviour.ring_s <= 0:
            self._decide(now)
            return
        if behaviour.early_media and self.call.invite.body:
            handset = self._lift(now)
            if handset is None:
                return
            handset.start(self._on_silence)
            handset.announce(behaviour.tone)
            actions = self.call.provisional(183, "Session Progress", handset.description)
        else:
            actions = self.call.provisional(180, "Ringing")
        self._step_at = now + min(behaviour.ring_s, _RINGS_AT_MOST_S)
        self._tell("ringing")
        self.perform(actions)

    def challenge(self, line: str, now: float) -> None:
        """Refuse until the caller has proved who it is."""
        self._tell("challenged")
        self.record.code = 407
        self.perform(self.call.refuse(407, now, [line]))

    def on_timer(self, now: float) -> None:
        """What is due by `now`, of the call or of the behaviour."""
        self.perform(self.call.on_timer(now))
        if now < self._step_at or self.call.has_ended:
            return
        self._step_at = inf
        if self.call.is_answered:
            self.hang_up()
        else:
            self._decide(now)

    def hang_up(self, why: str = "") -> None:
        """End it from this side: BYE once answered, else 480."""
        self._why_hung_up = why
        if not self.call.is_answered and not self.call.has_ended:
            self.record.code = 480
        self.perform(self.call.hang_up(self._exchange.monotonic()))

    def drop(self) -> None:
        """Free the audio, without a word on the wire."""
        if self._handset is not None:
            self.record.heard_s = self._handset.heard_s
            self.record.lost_packets = self._handset.close()
            self._handset = None

    def perform(self, actions: list[Action]) -> None:
        """Send what is to be sent, act on the rest, and set the timer anew."""
        for action in actions:
            if isinstance(action, Send):
                self._exchange.send(action.data, action.to)
            elif isinstance(action, Over):
                self._on_over(action.how)
            elif isinstance(action, KeyedByInfo):
                self._on_digit(action.digit)
            elif self._handset is not None:
                if isinstance(action, Acknowledged):
                    self._on_acknowledged(self._handset, action.sdp)
                elif isinstance(action, Renegotiated):
                    self._handset.move_to(action.media)
                    self._handset.start(self._on_silence)
        self.wakes_at = min(self.call.wakes_at, self._step_at)
        self._exchange.reschedule(self)

    def _decide(self, now: float) -> None:
        """The final answer."""
        behaviour = self._behaviour
        if behaviour.code:
            self._refuse(behaviour.code, now)
            return
        handset = self._handset or self._lift(now)
        if handset is None:
            return
        handset.be_quiet()
        handset.on_digit = self._on_digit
        handset.on_prompt = self._on_prompt
        handset.start(self._on_silence)
        self.record.answered_at = self._exchange.clock.now()
        self.record.code = 200
        # What a caller without an offer can hear is known with its ACK only.
        handset.say(behaviour.says, self._on_said)
        if behaviour.says == "voicemail":
            self._step_at = inf
        else:
            self._step_at = now + behaviour.hang_up_after_s
        self._tell("answered")
        self.perform(self.call.answer(handset.description, handset.address, now))

    def _lift(self, now: float) -> Handset | None:
        """A handset, or None: then the call has been refused."""
        try:
            self._handset = self._exchange.lift(self.call.invite.body, self._source)
        except SdpUnusable:
            self._refuse(488, now)
        except Unavailable:
            self._refuse(503, now)
        return self._handset

    def _refuse(self, code: int, now: float) -> None:
        self._step_at = inf
        self.record.code = code
        self.perform(self.call.refuse(code, now))

    # What happens

    def _on_acknowledged(self, handset: Handset, sdp: bytes) -> None:
        if self.call.invite.body:
            return
        handset.accept_answer(sdp)
        handset.start(self._on_silence)
        handset.say(self._behaviour.says, self._on_said)

    def _on_said(self) -> None:
        if self._behaviour.says != "voicemail":
            return
        self._tell("beeped")
        self._step_at = self._exchange.monotonic() + self._behaviour.hang_up_after_s
        self.perform([])

    def _on_prompt(self) -> None:
        record = self.record
        keys = self._behaviour.keys
        record.prompts += 1
        self._tell("prompt")
        if self._handset is not None and record.prompts <= len(keys):
            digits = keys[record.prompts - 1]
            record.keyed += digits
            self._handset.key(digits)
            self._tell("keyed", digits)

    def _on_digit(self, digit: str) -> None:
        self.record.digits += digit
        self._tell("digit", digit)

    def _on_silence(self) -> None:
        self.hang_up("no audio came")

    def _on_over(self, how: How) -> None:
        self.drop()
        self._step_at = inf
        record = self.record
        record.ended_at = self._exchange.clock.now()
        if how is How.REFUSED:
            record.ending = f"{record.code} {PHRASES.get(record.code, 'Refused')}"
        elif how is How.CANCELED:
            record.code = 487
            record.ending = str(how)
        else:
            why = self._why_hung_up
            record.ending = f"{how}: {why}" if why and how is How.HUNG_UP else str(how)
        if record.code != 407:  # a challenge ends no call: the caller asks again
            self._tell("ended", record.ending)

    def _tell(self, kind: str, detail: str = "") -> None:
        if self._handset is not None:
            self.record.heard_s = self._handset.heard_s
        self._exchange.tell(PhoneEvent(kind, self.record, detail))
