"""What a leg works with: its trunk's socket and audio ports, and what its line has for all."""

from collections.abc import Callable
from dataclasses import dataclass

from callwright.ivr.interpreter import Interpreter
from callwright.ivr.script import Script
from callwright.ports.line import FromLine, LegOrder
from callwright.telephony.agents import Agents, CallIds
from callwright.telephony.audio import LegAudio
from callwright.telephony.conversation import Contained, Conversation, Over, Prompts
from callwright.telephony.listening import Ears
from callwright.telephony.recording import RecordingWriter
from callwright.telephony.rtp.plane import MediaPlane
from callwright.telephony.sip.endpoint import SipEndpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class TalkPlace:
    """What legs talk with, whatever placed them."""

    ears: Ears
    prompts: Prompts
    agents: Agents
    voice: str
    recordings: RecordingWriter | None = None
    """None: nothing is recorded, whoever asks for it."""

    def record(self, order: LegOrder, script: Script, audio: LegAudio) -> None:
        """Record from now on, if the order or, where that leaves it open, the script says so."""
        wanted = script.record if order.record is None else order.record
        if wanted and self.recordings is not None:
            audio.record(self.recordings.record(order.identity.call_id))

    def converse(
        self,
        order: LegOrder,
        script: Script,
        audio: LegAudio,
        *,
        tell: Callable[[FromLine], None],
        on_over: Callable[[Over], None],
        contained: Contained,
    ) -> Conversation:
        """The leg's conversation, which has not begun."""
        return Conversation(
            leg=order.leg,
            interpreter=Interpreter(script, order.variables),
            prompts=self.prompts,
            agents=self.agents,
            ids=CallIds(call=order.call_id, account=order.account_id),
            voice=self.voice,
            postd=order.postd,
            media=audio,
            tell=tell,
            on_over=on_over,
            contained=contained,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LegPlace(TalkPlace):
    """One SIP trunk's side of a line."""

    endpoint: SipEndpoint
    media: MediaPlane
