"""Programs that talk with the callee over a websocket, in Twilio's Media Streams format."""

from callwright.telephony.agents.bridge import Agents, Bridge, CallIds

__all__ = ["Agents", "Bridge", "CallIds"]
