"""The audio half of a phone: one media session, what it says and what it hears.

Makes and reads the session descriptions; when to speak or key is decided by `leg.py`.
"""

from collections.abc import Callable
from contextlib import suppress

from callwright.telephony.phones.behaviour import Saying, Tone
from callwright.telephony.phones.hearing import Hearing
from callwright.telephony.phones.sounds import Sounds
from callwright.telephony.rtp import MediaPlane
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.sdp import (
    MediaAnswer,
    SdpUnusable,
    answer_offer,
    build_offer,
    read_description,
)


class Handset:
    """Opens a port of `plane`, described as `host`. `offer` is the caller's, b"" = none came.

    `description` is what to send back: the answer to the offer, or an offer of ours.

    Raises:
        Unavailable: no port is free.
        SdpUnusable: there is nothing in the offer we could talk with.
    """

    def __init__(self, plane: MediaPlane, sounds: Sounds, host: str, offer: bytes) -> None:
        self._sounds = sounds
        self._session = plane.open()
        self._media: MediaAnswer | None = None
        self._hearing = Hearing("PCMU")
        self.address: Address = (host, self._session.local_port)
        self.on_digit: Callable[[str], None] | None = None
        self.on_prompt: Callable[[], None] | None = None
        """A prompt of the caller has been heard to its end."""
        number = self._session.local_port
        if not offer:
            self.description = build_offer(host, number, number)
            return
        try:
            self.description, self._media = answer_offer(offer, host, number, number, 1)
        except SdpUnusable:
            self._session.close()
            raise

    def start(self, on_silence: Callable[[], None]) -> None:
        """Talk and listen, as far as the descriptions so far allow. May be repeated."""
        media = self._media
        if media is None:
            return
        self._session.on_digit = self._on_digit
        self._session.on_audio = self._on_audio
        self._session.on_timeout = on_silence
        self._session.start(
            (media.address, media.port),
            media.codec,
            media.dtmf_payload,
            media.direction,
            rtcp_port=media.rtcp_port,
        )
        heard_s, self._hearing = self._hearing.heard_s, Hearing(media.codec)
        self._hearing.heard_s = heard_s

    def accept_answer(self, sdp: bytes) -> None:
        """The caller's answer to our offer; one that cannot be read leaves us silent."""
        if self._media is None and sdp:
            with suppress(SdpUnusable):
                self._media = read_description(sdp)

    def move_to(self, media: MediaAnswer) -> None:
        """The caller renegotiated."""
        self._media = media

    @property
    def heard_s(self) -> float:
        """How long something was audible so far."""
        return self._hearing.heard_s

    def announce(self, tone: Tone) -> None:
        """What the network says of the call before any answer."""
        if self._media is not None:
            self._session.play([self._sounds.tones[tone][self._media.codec]], lambda: None)

    def say(self, saying: Saying, on_said: Callable[[], None]) -> None:
        """What the phone says once it has answered, if it says anything."""
        if self._media is not None and saying:
            self._session.play([self._sounds.said[saying][self._media.codec]], on_said)

    def be_quiet(self) -> None:
        """Stop saying what is being said."""
        self._session.stop_playing()

    def key(self, digits: str) -> None:
        """Press these keys, one after the other."""
        self._session.send_digits(digits, lambda: None)

    def close(self) -> int:
        """Free the port; how many packets of the caller never came."""
        return self._session.close().lost_packets

    def _on_digit(self, digit: str) -> None:
        if self.on_digit is not None:
            self.on_digit(digit)

    def _on_audio(self, codes: bytes) -> None:
        if self._hearing.hear(codes) and self.on_prompt is not None:
            self.on_prompt()
