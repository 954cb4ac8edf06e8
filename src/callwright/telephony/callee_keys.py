"""The callee's keys, each press once, whichever of three ways it takes.

Keys come as RTP events where the answer takes those, and then in no other way that counts.
Where it does not, a peer may send SIP INFO, or the tones stay inside the audio, or both: the
first INFO settles it, and a key that was heard in the audio just before it is the same one.
"""

from collections.abc import Callable

from callwright.telephony.audio import LegAudio
from callwright.telephony.listening import Ears, KeyEar

_SAME_PRESS_S = 2.0
"""An INFO is sent when the key is let go at the latest, and may be repeated once."""


class CalleeKeys:
    """Of one leg. `hear` gets each digit; `now` is the loop's time."""

    def __init__(
        self,
        media: LegAudio,
        ears: Ears,
        *,
        hear: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._media = media
        self._ears = ears
        self._hear = hear
        self._now = now
        self._events = True
        self._ear: KeyEar | None = None
        self._by_info = False
        self._in_audio = ("", 0.0)

    def follow(self, dtmf_payload: int | None) -> None:
        """What the callee's latest description says of telephone events."""
        self._events = dtmf_payload is not None
        self._media.on_digit = self._hear
        if self._events or self._by_info:
            self._stop_listening()
        elif self._ear is None:
            self._ear = self._ears.for_keys(self._on_audible)
            self._media.listen(self._ear.hear)

    def on_info(self, digit: str) -> None:
        """An INFO came with this key."""
        if self._events:
            return
        self._by_info = True
        self._stop_listening()
        heard, at = self._in_audio
        self._in_audio = ("", 0.0)
        if heard != digit or self._now() - at > _SAME_PRESS_S:
            self._hear(digit)

    def close(self) -> None:
        """The leg is over."""
        self._stop_listening()

    def _on_audible(self, digit: str) -> None:
        self._in_audio = (digit, self._now())
        self._hear(digit)

    def _stop_listening(self) -> None:
        if self._ear is not None:
            self._media.stop_listening(self._ear.hear)
            self._ear.close()
            self._ear = None
