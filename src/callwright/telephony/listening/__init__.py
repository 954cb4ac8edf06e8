"""What is heard on a call beyond packets: keys inside the audio, tones, and who answered."""

from callwright.telephony.listening.answering import AnswerHearing
from callwright.telephony.listening.ears import Ears, KeyEar, SoundEar
from callwright.telephony.listening.progress import NetworkTone, NetworkTones

__all__ = ["AnswerHearing", "Ears", "KeyEar", "NetworkTone", "NetworkTones", "SoundEar"]
