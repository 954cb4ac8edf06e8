"""The brain's side of a line that runs as its own process.

Starts it, carries messages, notices its death. What the process does is `line_process`'s.
"""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

import callwright
from callwright.errors import Unavailable
from callwright.ports.line import FromLine, LineReady, ToLine
from callwright.telephony.asterisk.trunk import check_asterisk
from callwright.telephony.pipe import LineSettings, Pipe, StartFailed, from_line_decoder
from callwright.telephony.trunk import check_trunk

log = logging.getLogger(__name__)

START_PATIENCE_S = 20.0
STOP_PATIENCE_S = 13.0
"""A line ends by itself within 10 s; after this it is killed."""


def _environment() -> dict[str, str]:
    """Ours, with this very package to be found first, installed or not."""
    here = str(Path(callwright.__file__).resolve().parent.parent)
    path = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (here, path)))}


class ProcessLine:
    """A `Line` in its own process. One object, one process, one life."""

    def __init__(self, settings: LineSettings) -> None:
        self._settings = settings
        self._pipe = Pipe(self._on_frame, self._on_closed)
        self._process: asyncio.subprocess.Process | None = None
        self._heard: Callable[[FromLine], None] | None = None
        self._ready: asyncio.Future[LineReady] | None = None
        self._gone: asyncio.Future[str] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process's id, once it was started."""
        return None if self._process is None else self._process.pid

    async def start(self, heard: Callable[[FromLine], None]) -> LineReady:
        """Start the process and wait until it can place legs; see `ports.line.Line`.

        Raises:
            ConfigInvalid: a trunk's settings cannot be used.
            Unavailable: the process did not start, could not bind its sockets or did not
                find its trunk's host.
        """
        for trunk in self._settings.trunks:
            check_trunk(trunk)
        for asterisk in self._settings.asterisks:
            check_asterisk(asterisk)
        loop = asyncio.get_running_loop()
        self._heard = heard
        self._ready = loop.create_future()
        self._gone = loop.create_future()
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            books = () if self._settings.book is None else (self._settings.book,)
            await loop.create_unix_connection(lambda: self._pipe, sock=ours)
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "callwright.telephony.line_process",
                    "--fd",
                    str(theirs.fileno()),
                    pass_fds=(theirs.fileno(), *books),
                    env=_environment(),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    # Not in the terminal's group: Ctrl-C reaches the brain alone.
                    start_new_session=True,
                )
            except OSError as exc:
                self._pipe.close()
                raise Unavailable(f"the line process cannot be started: {exc.strerror}") from exc
        self._waiting = loop.create_task(self._wait_for_end(self._process))
        self._pipe.send(self._settings)
        try:
            async with asyncio.timeout(START_PATIENCE_S):
                return await self._ready
        except TimeoutError as exc:
            await self.stop()
            raise Unavailable("the line process did not answer in time") from exc
        except Unavailable:
            await self.stop()
            raise

    def say(self, message: ToLine) -> None:
        """Queue one message for the line; never blocks."""
        self._pipe.send(message)

    async def stop(self) -> None:
        """Let the line hang up everything and end; what it still says is heard."""
        self._stopping = True
        if self._process is None or self._waiting is None:
            return
        self._pipe.finish()
        try:
            async with asyncio.timeout(STOP_PATIENCE_S):
                await asyncio.shield(self._waiting)
        except TimeoutError:
            log.error("the line did not end by itself", extra={"pid": self._process.pid})
            self._process.kill()
            await self._waiting
        self._pipe.close()

    async def when_gone(self) -> str:
        """Resolves once the process has ended."""
        assert self._gone is not None, "the line was never started"
        return await asyncio.shield(self._gone)

    async def _wait_for_end(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        # What it wrote last may still be in the pipe: that is read before its end is told.
        await self._pipe.drained()
        reason = "stopped" if self._stopping and code == 0 else f"the line process ended ({code})"
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(Unavailable(f"{reason} before it was ready"))
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(reason)

    def _on_frame(self, data: bytes) -> None:
        try:
            message = from_line_decoder.decode(data)
        except msgspec.MsgspecError as exc:
            log.error("the line said what is no message", extra={"why": str(exc)})
            return
        if isinstance(message, StartFailed):
            if self._ready is not None and not self._ready.done():
                self._ready.set_exception(Unavailable(message.text))
            return
        if isinstance(message, LineReady) and self._ready is not None and not self._ready.done():
            self._ready.set_result(message)
            return
        if self._heard is not None:
            self._heard(message)

    def _on_closed(self, reason: str) -> None:
        # A line without a pipe hangs up by itself and ends; `_wait_for_end` tells of it.
        log.debug("the line's pipe closed", extra={"why": reason})
