"""A leg's audio, whatever carries it: what a conversation says through and hears by.

RTP sessions and the media websockets of an Asterisk both are one.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.rtp.hearing import Listener
from callwright.telephony.rtp.neighbours import Recorder
from callwright.telephony.rtp.session import MediaStats


class LegAudio(Protocol):
    """As `rtp.session.MediaSession` says of each, once its peer is known."""

    @property
    def on_digit(self) -> Callable[[str], None] | None:
        """Gets each key once, when it is first heard."""
        ...

    @on_digit.setter
    def on_digit(self, heard: Callable[[str], None] | None) -> None: ...

    def play(self, prompts: Sequence[EncodedPrompt], on_done: Callable[[], None]) -> None:
        """Say `prompts` one after the other."""
        ...

    def play_stream(self, frames: Iterator[bytes]) -> None:
        """Say `frames`, each 160 µ-law codes, taken one by one as they are due."""
        ...

    def stop_playing(self) -> None:
        """Silence from the next frame on."""
        ...

    def send_digits(self, digits: str, on_done: Callable[[], None]) -> None:
        """Key `digits`."""
        ...

    def listen(self, listener: Listener) -> None:
        """From now on `listener` hears the call."""
        ...

    def stop_listening(self, listener: Listener) -> None:
        """`listener` hears no more."""
        ...

    def record(self, recorder: Recorder) -> None:
        """Give `recorder` both sides from now on."""
        ...

    def close(self) -> MediaStats:
        """Stop, and say what passed."""
        ...
