"""The pipe between the brain and a line process: msgpack structs, each with its length before.

The first frame to the line is `LineSettings`, the first from it `LineReady` or
`StartFailed`. Writing never blocks: what the other side does not take yet is kept.
"""

import asyncio
import logging
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import msgspec

from callwright.errors import CallwrightError
from callwright.ports.line import FromLine, LegRinging, LegSent, LegStep, ToLine
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.capture import CaptureRules
from callwright.telephony.recording import RecordingRules
from callwright.telephony.trunk import TrunkSettings

log = logging.getLogger(__name__)

MAX_FRAME = 64 * 1024 * 1024
_PATIENT = (LegSent, LegRinging, LegStep)
_PATIENCE_S = 0.02
_LENGTH = struct.Struct(">I")


class LineSettings(msgspec.Struct, frozen=True, kw_only=True, tag="settings"):
    """What a line process needs to begin. `speech` is as `telephony.speech` reads it."""

    trunks: tuple[TrunkSettings, ...]
    asterisks: tuple[AsteriskTrunk, ...] = ()
    speech: str = "auto"
    voice: str = ""
    cache_dir: str
    """Where rendered prompts are kept."""
    agents_allow: tuple[str, ...] = ()
    """Where agents may be although it is private."""
    capture: CaptureRules | None = None
    """What is kept of the SIP messages; None = nothing."""
    recordings: RecordingRules | None = None
    screening_prompts: str = ""
    """The folder of what screening services say; "" = there is none."""
    """Where calls are recorded; None = none is."""
    book: int | None = None
    """The file that all line processes keep their book in, see `send_gate`; it is handed on
    under the same number."""

    @property
    def ways_out(self) -> int:
        """How many trunks of either kind there are."""
        return len(self.trunks) + len(self.asterisks)


class StartFailed(msgspec.Struct, frozen=True, kw_only=True, tag="start_failed"):
    """The line could not begin and has gone; `text` is for the operator."""

    text: str


class PipeBroken(CallwrightError):
    """The other side sent what is no frame: nothing after it can be read."""


class FrameReader:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that `data` completes, in order.

        Raises:
            PipeBroken: a length over `MAX_FRAME`.
        """
        kept = self._data
        kept += data
        frames: list[bytes] = []
        start = 0
        while len(kept) - start >= 4:
            (length,) = _LENGTH.unpack_from(kept, start)
            if length > MAX_FRAME:
                raise PipeBroken(f"a frame of {length} bytes")
            end = start + 4 + length
            if len(kept) < end:
                break
            frames.append(bytes(kept[start + 4 : end]))
            start = end
        del kept[:start]
        return frames


_encoder = msgspec.msgpack.Encoder()


def frame(message: msgspec.Struct) -> bytes:
    """One message as it travels."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


to_line_decoder: msgspec.msgpack.Decoder[ToLine | LineSettings] = msgspec.msgpack.Decoder(
    ToLine | LineSettings
)
from_line_decoder: msgspec.msgpack.Decoder[FromLine | StartFailed] = msgspec.msgpack.Decoder(
    FromLine | StartFailed
)


class Pipe(asyncio.Protocol):
    """One end. `on_frame` gets each frame, `on_closed` the reason once the other end is gone.

    Messages sent in one round of the event loop leave in one write, in order.
    """

    def __init__(self, on_frame: Callable[[bytes], None], on_closed: Callable[[str], None]) -> None:
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._flush: asyncio.Handle | None = None
        self._urgent = False
        self._closed = asyncio.Event()

    def send(self, message: msgspec.Struct) -> None:
        """Queue one message; without effect once the pipe is closed.

        Messages that only inform may wait up to 20 ms for one that matters, and leave with
        it: each write wakes the other process, which costs more than everything else here.
        """
        if self._transport is None or self._transport.is_closing():
            return
        self._waiting.append(frame(message))
        if type(message) in _PATIENT:
            if self._flush is None:
                self._flush = asyncio.get_running_loop().call_later(_PATIENCE_S, self.flush)
                self._urgent = False
        elif self._flush is None or not self._urgent:
            if self._flush is not None:
                self._flush.cancel()
            self._flush = asyncio.get_running_loop().call_soon(self.flush)
            self._urgent = True

    def flush(self) -> None:
        """Write what was queued now."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._waiting and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()

    def finish(self) -> None:
        """Say that nothing more will come; the other end may still write."""
        self.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Write what is left, and close."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    async def drained(self, patience_s: float = 1.0) -> None:
        """Until all that the other end ever wrote was read; at most `patience_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._closed.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        try:
            frames = self._reader.feed(data)
        except PipeBroken as exc:
            self._say_closed(str(exc))
            if self._transport is not None:
                self._transport.abort()
            return
        for each in frames:
            try:
                self._on_frame(each)
            except Exception:
                # Raised out of here it would close the pipe, and with it every call.
                log.exception("a message from the pipe could not be handled")

    def eof_received(self) -> bool:
        """Called by the event loop; keeps our half open."""
        self._say_closed("the other end has closed the pipe")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._say_closed(str(exc) if exc is not None else "the pipe is closed")

    def _say_closed(self, reason: str) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._on_closed(reason)
