"""What a leg works with: its trunk's socket and audio ports, and what its line has for all."""

from dataclasses import dataclass

from callwright.ivr.script import Script
from callwright.ports.line import LegOrder
from callwright.telephony.agents import Agents
from callwright.telephony.conversation import Prompts
from callwright.telephony.listening import Ears
from callwright.telephony.recording import RecordingWriter
from callwright.telephony.rtp.plane import MediaPlane
from callwright.telephony.rtp.session import MediaSession
from callwright.telephony.sip.endpoint import SipEndpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class LegPlace:
    """One trunk's side of a line."""

    endpoint: SipEndpoint
    media: MediaPlane
    ears: Ears
    prompts: Prompts
    agents: Agents
    voice: str
    recordings: RecordingWriter | None = None
    """None: nothing is recorded, whoever asks for it."""

    def record(self, order: LegOrder, script: Script, session: MediaSession) -> None:
        """Record from now on, if the order or, where that leaves it open, the script says so."""
        wanted = script.record if order.record is None else order.record
        if wanted and self.recordings is not None:
            session.record(self.recordings.record(order.identity.call_id))
