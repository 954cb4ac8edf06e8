"""The line as a process of its own: `python -m callwright.telephony.line_process --fd N`.

Serves a `SipLine` over the pipe on that file descriptor. When the pipe closes, or its
parent is another process than at the start, the brain is gone: every leg is hung up at
once, and the process ends when the peers know, after 10 s at the latest.
"""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from callwright.errors import CallwrightError
from callwright.ports.line import LineLog, ScriptText
from callwright.telephony.agents import Agents
from callwright.telephony.capture import CaptureRecorder
from callwright.telephony.line import SipLine
from callwright.telephony.pipe import LineSettings, Pipe, StartFailed, to_line_decoder
from callwright.telephony.screening_prompts import read_screening_prompts
from callwright.telephony.send_gate import SendBook
from callwright.telephony.speech.choice import choose_speech

log = logging.getLogger(__name__)

_PARENT_CHECK_S = 1.0
_TIDY_EVERY_S = 30.0
_COLLECT_EVERY_S = 600.0
_SETTINGS_PATIENCE_S = 30.0
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class PipeLogs(logging.Handler):
    """Sends the line's log to the brain, whose log is the operator's."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(logging.INFO)
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """One record as a `LineLog`."""
        try:
            facts = {
                name: value if isinstance(value, (str, int, float, bool)) else repr(value)
                for name, value in vars(record).items()
                if name not in _ORDINARY
            }
            if record.exc_info:
                facts["trace"] = "".join(traceback.format_exception(*record.exc_info))
            level = record.levelname.lower().replace("critical", "error")
            self._pipe.send(LineLog(level=level, text=record.getMessage(), facts=facts))
        except (TypeError, ValueError, RecursionError):
            logging.Handler.handleError(self, record)


class Served:
    """A `SipLine` at the line's end of the pipe."""

    def __init__(self) -> None:
        self.pipe = Pipe(self._on_frame, self._on_closed)
        self.settings: asyncio.Future[LineSettings] = asyncio.get_running_loop().create_future()
        self.brain_gone = asyncio.Event()
        self.line: SipLine | None = None

    def _on_frame(self, data: bytes) -> None:
        try:
            message = to_line_decoder.decode(data)
        except msgspec.MsgspecError as exc:
            log.error("the brain said what is no message", extra={"why": str(exc)})
            return
        if isinstance(message, LineSettings):
            if not self.settings.done():
                self.settings.set_result(message)
        elif self.line is not None:
            self.line.handle(message)
        elif not isinstance(message, ScriptText):
            log.error("a message came before the line was ready")

    def watch_parent(self, parent: int) -> None:
        """Take the brain for gone once our parent is not `parent` any more."""
        # A copy of the brain's end in some other child of the brain keeps the pipe open.
        if os.getppid() != parent:
            self.brain_gone.set()
        elif not self.brain_gone.is_set():
            loop = asyncio.get_running_loop()
            loop.call_later(_PARENT_CHECK_S, self.watch_parent, parent)

    def tidy(self, collected_at: float) -> None:
        """Collect garbage when nobody talks, or else every ten minutes."""
        # A collection among thousands of calls holds the audio up for tens of milliseconds,
        # and a leg leaves no circles behind: only odd errors do.
        now = time.monotonic()
        if (self.line is not None and not self.line.legs) or now - collected_at > _COLLECT_EVERY_S:
            gc.collect()
            collected_at = now
        asyncio.get_running_loop().call_later(_TIDY_EVERY_S, self.tidy, collected_at)

    def _on_closed(self, reason: str) -> None:
        self.brain_gone.set()
        if not self.settings.done():
            self.settings.cancel()


async def serve(sock: socket.socket) -> int:
    """Run a line for the brain at the other end of `sock`; the exit code."""
    served = Served()
    parent = os.getppid()
    await asyncio.get_running_loop().create_unix_connection(lambda: served.pipe, sock=sock)
    logging.basicConfig(handlers=[PipeLogs(served.pipe)], level=logging.INFO, force=True)
    try:
        async with asyncio.timeout(_SETTINGS_PATIENCE_S):
            settings = await served.settings
    except (TimeoutError, asyncio.CancelledError):
        return 1
    try:
        line = SipLine(
            settings.trunks,
            settings.asterisks,
            speech=choose_speech(settings.speech),
            cache_dir=Path(settings.cache_dir),
            voice=settings.voice,
            agents=Agents(settings.agents_allow),
            capture=None if settings.capture is None else CaptureRecorder(settings.capture),
            book=None if settings.book is None else SendBook(settings.ways_out, settings.book),
            recordings=settings.recordings,
            screening=read_screening_prompts(settings.screening_prompts),
        )
        ready = await line.start(served.pipe.send)
    except CallwrightError as exc:
        served.pipe.send(StartFailed(text=str(exc)))
        served.pipe.close()
        await served.brain_gone.wait()
        return 1
    served.line = line
    gc.collect()
    gc.freeze()
    gc.disable()
    served.tidy(time.monotonic())
    served.pipe.send(ready)
    served.watch_parent(parent)
    await served.brain_gone.wait()
    await line.stop()
    served.pipe.close()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The process; see the module."""
    parser = argparse.ArgumentParser(description="A line; the server starts it by itself.")
    parser.add_argument("--fd", type=int, required=True, help="the pipe to the server")
    fd = parser.parse_args(argv).fd
    # A Ctrl-C at the terminal is for the brain, which decides what becomes of the calls.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        sock = socket.socket(fileno=fd)
    except OSError as exc:
        sys.stderr.write(f"callwright line: --fd {fd} is no socket ({exc.strerror})\n")
        return 2
    sock.setblocking(False)
    return uvloop.run(serve(sock))


if __name__ == "__main__":
    sys.exit(main())
