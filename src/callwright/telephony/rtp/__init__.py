"""The media plane: what is heard and said on a call."""

from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.rtp.g711 import Codec
from callwright.telephony.rtp.plane import MediaPlane
from callwright.telephony.rtp.prompts import PromptStore
from callwright.telephony.rtp.session import Direction, MediaSession, MediaStats

__all__ = [
    "Codec",
    "Direction",
    "EncodedPrompt",
    "MediaPlane",
    "MediaSession",
    "MediaStats",
    "PromptStore",
]
