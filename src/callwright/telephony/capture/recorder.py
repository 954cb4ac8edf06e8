"""The line's side: appends messages to a file, begins new ones, removes old ones.

Losing a message harms nobody; holding a call up would. So writes are gathered, a disk that is
full is said once and then put up with, and nothing is synced.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from callwright.telephony.capture.masking import masked
from callwright.telephony.capture.pcap import FILE_HEADER, Packet, pack
from callwright.telephony.sip.fields import Address

log = logging.getLogger(__name__)

SUFFIX = ".pcap"
_FLUSH_AFTER_S = 0.2
_TIDY_EVERY_S = 3600.0
_FILES = 16
"""Into how many files the size that may be kept is cut."""
_LARGEST_FILE = 16 * 1024 * 1024
_SMALLEST_FILE = 16 * 1024


class CaptureRules(msgspec.Struct, frozen=True, kw_only=True):
    """Where messages are kept, and how many."""

    folder: str
    max_bytes: int
    """Of all files in the folder."""
    max_age_s: float

    @property
    def file_bytes(self) -> int:
        """How large one file may grow."""
        return max(_SMALLEST_FILE, min(_LARGEST_FILE, self.max_bytes // _FILES))


class CaptureRecorder:
    """Keeps messages of one process. All methods in the event loop's thread."""

    def __init__(self, rules: CaptureRules, *, wall: Callable[[], float] = time.time) -> None:
        self._rules = rules
        self._folder = Path(rules.folder)
        self._wall = wall
        self._waiting: list[bytes] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._file: int | None = None
        self._path: Path | None = None
        self._written = 0
        self._day = 0
        self._tidied_at = 0.0
        self._is_failing = False

    def saw(self, data: bytes, source: Address, target: Address) -> None:
        """Keep one message, which is on disk within a fifth of a second."""
        self._waiting.append(pack(Packet(self._wall(), source[:2], target[:2], masked(data))))
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_FLUSH_AFTER_S, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        data = b"".join(self._waiting)
        self._waiting.clear()
        if not data:
            return
        try:
            self._write(data)
        except OSError as exc:
            self._close_file()
            if not self._is_failing:
                facts = {"folder": str(self._folder), "why": exc.strerror or str(exc)}
                log.error("SIP messages cannot be kept; calls go on without", extra=facts)
            self._is_failing = True
        else:
            self._is_failing = False

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        self.flush()
        self._close_file()

    def _write(self, data: bytes) -> None:
        now = self._wall()
        day = int(now // 86400)
        if self._file is None or self._written >= self._rules.file_bytes or day != self._day:
            self._begin_file(now)
            self._day = day
        if now - self._tidied_at >= _TIDY_EVERY_S:
            self._tidy(now)
        assert self._file is not None
        # A write that a full disk cut short tears the file, whose reader stops there; the rest
        # goes to a new one.
        if os.write(self._file, data) != len(data):
            raise OSError(0, "the disk is full")
        self._written += len(data)

    def _begin_file(self, now: float) -> None:
        self._close_file()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%S.%f")
        self._path = self._folder / f"{moment}-{os.getpid()}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._written = os.write(self._file, FILE_HEADER)
        self._tidy(now)

    def _tidy(self, now: float) -> None:
        """Remove the oldest files, of whichever process, until the rest is within the rules."""
        self._tidied_at = now
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue  # another line was faster
            found.append((stat.st_mtime, stat.st_size, path))
        room = self._rules.max_bytes - self._rules.file_bytes
        for changed_at, size, path in sorted(found, reverse=True):
            if path == self._path:
                continue
            room -= size
            if room < 0 or now - changed_at > self._rules.max_age_s:
                path.unlink(missing_ok=True)

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
