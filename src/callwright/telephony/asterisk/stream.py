"""The audio of one call through a media websocket of an Asterisk: a `LegAudio`.

Asterisk times what leaves: it sends 20 ms of its queue every 20 ms, and what comes late is
heard late from then on. So a frame is kept waiting there, against our own lateness, and where
we fell behind, the next silence is left out.

Source: docs.asterisk.org, "WebSocket Channel Driver".
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from callwright.telephony.asterisk.websocket import WebSocket
from callwright.telephony.rtp.encoded import EncodedPrompt
from callwright.telephony.rtp.g711 import FRAME_S, FRAME_SAMPLES
from callwright.telephony.rtp.hearing import Listener
from callwright.telephony.rtp.jitter import JitterBuffer
from callwright.telephony.rtp.neighbours import Beat, Recorder
from callwright.telephony.rtp.session import QUIET_LIMIT_S, MediaStats
from callwright.telephony.rtp.speaking import Speaking

_TOO_FAR_AHEAD = 2.5
"""Frames that wait in Asterisk: one that is due, one against lateness, and what is too much."""
_HOLE = 5 * FRAME_SAMPLES
"""Audio that comes so much later than its turn has a hole before it."""


class StreamAudio:
    """Of one call. `send_keys` has Asterisk send digits, and says how many seconds that takes."""

    def __init__(
        self,
        websocket: WebSocket,
        ticker: Beat,
        send_keys: Callable[[str], float],
        *,
        quiet_limit_s: float = QUIET_LIMIT_S,
    ) -> None:
        self.on_timeout: Callable[[], None] | None = None
        """Called once when nothing came for `quiet_limit_s` (0 = never) after the answer."""
        self.on_digit: Callable[[str], None] | None = None
        self._websocket = websocket
        self._ticker = ticker
        self._send_keys = send_keys
        self._speaking = Speaking()
        self._listeners: tuple[Listener, ...] = ()
        self._recorder: Recorder | None = None
        self._jitter: JitterBuffer | None = None
        self._jitter_from = 0
        self._now = self._heard_to = self._came_to = 0
        """Samples since the first listener: by the clock, told to them, received."""
        self._quiet_limit = round(quiet_limit_s / FRAME_S)
        self._quiet_cycles = 0
        self._received = self._sent = 0
        self._says = self._full = self._closed = False
        self._queued = self._said_at = 0.0
        """Frames that should be waiting in Asterisk, and when that was."""
        websocket.on_bytes = self._on_audio
        websocket.on_text = self._on_word
        ticker.join(self)

    @property
    def has_heard(self) -> bool:
        """Some audio came."""
        return self._received > 0

    @property
    def unheard_s(self) -> float:
        """How long it takes until the callee has heard what was said so far."""
        passed_s = asyncio.get_running_loop().time() - self._said_at
        return max(0.0, self._queued * FRAME_S - passed_s)

    def answered(self) -> None:
        """The callee is there: what is said leaves from now on."""
        self._says = True
        self._quiet_cycles = 0

    def play(self, prompts: Sequence[EncodedPrompt], on_done: Callable[[], None]) -> None:
        """Say `prompts` one after the other; `on_done` when the last frame has left."""
        self._speaking.play(prompts, on_done)

    def play_stream(self, frames: Iterator[bytes]) -> None:
        """Say `frames`, each 160 µ-law codes, taken one by one as they are due."""
        self._speaking.play_stream(frames)

    def stop_playing(self) -> None:
        """Silence from the next frame on."""
        self._speaking.stop_playing()

    def send_digits(self, digits: str, on_done: Callable[[], None]) -> None:
        """Key `digits` (`0-9A-D*#`, `,` or `p` = one second); `on_done` after the last gap."""
        asyncio.get_running_loop().call_later(self._send_keys(digits), on_done)

    def listen(self, listener: Listener) -> None:
        """As `MediaSession.listen`."""
        self._listeners += (listener,)

    def stop_listening(self, listener: Listener) -> None:
        """`listener` hears no more. Stopping twice is fine."""
        self._listeners = tuple(each for each in self._listeners if each != listener)

    def record(self, recorder: Recorder) -> None:
        """Give `recorder` both sides from now on, and close it with the stream. Once only."""
        if self._recorder is None and not self._closed:
            self._recorder = recorder
            self.listen(recorder.heard)

    def hear_key(self, digit: str) -> None:
        """Asterisk heard a key."""
        if self.on_digit is not None:
            self.on_digit(digit)

    def close(self) -> MediaStats:
        """Stop, hang the media channel up, and say what passed. No callback after this."""
        if not self._closed:
            self._closed = True
            self._ticker.leave(self)
            self._websocket.close()
            if self._recorder is not None:
                self._recorder.close()
            self._speaking.stop()
            self._listeners = ()
            self.on_timeout = self.on_digit = None
        return MediaStats(self._received, 0, self._sent)

    def tick(self, cycle: int) -> None:
        """The ticker's call, once in 20 ms."""
        if self._listeners:
            self._let_hear(cycle)
        if not self._says or self._closed:
            return
        self._quiet_cycles += 1
        if self._quiet_cycles == self._quiet_limit and self.on_timeout is not None:
            self.on_timeout()
        if not self._closed:
            self._say()

    def _say(self) -> None:
        speaking = self._speaking
        slot = speaking.next_slot()
        assert isinstance(slot, bytes)  # keys are Asterisk's
        if self._closed:
            return  # what was said to its end had that follow
        now = asyncio.get_running_loop().time()
        self._queued = max(0.0, self._queued - (now - self._said_at) / FRAME_S)
        self._said_at = now
        if not self._queued:
            self._send(speaking.silence)
        if slot is not speaking.silence or self._queued < _TOO_FAR_AHEAD:
            self._send(slot)
        if self._recorder is not None:
            self._recorder.said(self._now, slot)

    def _send(self, frame: bytes) -> None:
        if not self._full and self._websocket.send_bytes(frame):
            self._sent += 1
            self._queued += 1.0

    def _let_hear(self, cycle: int) -> None:
        if self._jitter is None:
            self._jitter = JitterBuffer()
            self._jitter_from = cycle
        self._now = (cycle - self._jitter_from) * FRAME_SAMPLES
        for frame in self._jitter.take(self._now):
            at, self._heard_to = self._heard_to, self._heard_to + FRAME_SAMPLES
            for listener in self._listeners:
                listener(at, frame)

    def _on_audio(self, codes: bytes) -> None:
        self._received += 1
        self._quiet_cycles = 0
        if self._jitter is None:
            return
        if self._now - self._came_to > _HOLE:
            self._came_to = self._now
        self._jitter.put(self._came_to, 0, codes)
        self._came_to += len(codes)

    def _on_word(self, text: str) -> None:
        word = text.partition(" ")[0]
        if word in ("MEDIA_XOFF", "MEDIA_XON"):
            self._full = word == "MEDIA_XOFF"
