"""Engines that turn text into audio for `callwright.ports.speech`."""

from callwright.telephony.speech.choice import choose_speech
from callwright.telephony.speech.programs import CommandSpeech, EspeakSpeech
from callwright.telephony.speech.tones import ToneSpeech

__all__ = ["CommandSpeech", "EspeakSpeech", "ToneSpeech", "choose_speech"]
