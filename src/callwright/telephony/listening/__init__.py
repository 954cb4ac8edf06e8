"""What is heard on a call beyond packets: keys inside the audio."""

from callwright.telephony.listening.ears import Ears, KeyEar

__all__ = ["Ears", "KeyEar"]
