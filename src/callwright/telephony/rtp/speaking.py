"""What leaves on a call, 20 ms after 20 ms: keys first, then prompts, else silence.

Knows neither packets nor sockets: it is asked for the next slot, and tells when something
has been said to its end.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from callwright.telephony.rtp.digits import Slot, plan_digits
from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.rtp.g711 import SILENCE, Codec, transcode


class Speaking:
    """One call's voice. A callback may begin the next thing, or `stop`."""

    def __init__(self) -> None:
        self.codec: Codec = "PCMU"
        self.silence = SILENCE[self.codec]
        self._frames: Iterator[bytes] = iter(())
        self._on_played: Callable[[], None] | None = None
        self._slots: Iterator[Slot] | None = None
        self._on_keyed: Callable[[], None] | None = None

    def recode(self, codec: Codec) -> None:
        """Go on in `codec`, in the middle of a prompt if need be."""
        if codec != self.codec:
            self._frames = map(partial(transcode, source=self.codec, target=codec), self._frames)
        self.codec = codec
        self.silence = SILENCE[codec]

    def play(self, prompts: Sequence[EncodedPrompt], on_done: Callable[[], None]) -> None:
        """As `MediaSession.play`."""
        self._frames = itertools.chain.from_iterable(map(self._in_our_law, prompts))
        self._on_played = on_done

    def play_stream(self, frames: Iterator[bytes]) -> None:
        """Say `frames`, each 160 µ-law codes, in place of what is playing."""
        in_ours = partial(transcode, source="PCMU", target=self.codec)
        self._frames = frames if self.codec == "PCMU" else map(in_ours, frames)
        self._on_played = None

    def stop_playing(self) -> None:
        """As `MediaSession.stop_playing`."""
        self._frames = iter(())
        self._on_played = None

    def send_digits(self, digits: str, on_done: Callable[[], None], *, as_events: bool) -> None:
        """As `MediaSession.send_digits`; without `as_events` the keys are tones."""
        self._slots = iter(plan_digits(digits, self.codec, as_events=as_events))
        self._on_keyed = on_done

    def stop(self) -> None:
        """Say nothing, and call nobody any more."""
        self.stop_playing()
        self._slots = self._on_keyed = None

    def next_slot(self) -> Slot:
        """What these 20 ms hold."""
        if self._slots is not None:
            slot = next(self._slots, None)
            if slot is not None:
                return slot
            done, self._on_keyed, self._slots = self._on_keyed, None, None
            if done is not None:
                done()
        frame = next(self._frames, None)
        if frame is None and self._on_played is not None:
            done, self._on_played = self._on_played, None
            done()
            # It may have begun the next prompt, which then follows without a gap.
            frame = next(self._frames, None)
        return self.silence if frame is None else frame

    def _in_our_law(self, prompt: EncodedPrompt) -> Iterable[bytes]:
        if prompt.codec == self.codec:
            return prompt.frames
        return map(partial(transcode, source=prompt.codec, target=self.codec), prompt.frames)
