"""What is heard on a call beyond packets: keys inside the audio, tones, and who answered."""

from callwright.telephony.listening.answering import AnswerHearing
from callwright.telephony.listening.ears import Ears, KeyEar, SoundEar
from callwright.telephony.listening.progress import NetworkTone, NetworkTones
from callwright.telephony.listening.screening import ScreeningPrompts
from callwright.telephony.listening.turns import TurnHearing

__all__ = [
    "AnswerHearing",
    "Ears",
    "KeyEar",
    "NetworkTone",
    "NetworkTones",
    "ScreeningPrompts",
    "SoundEar",
    "TurnHearing",
]
