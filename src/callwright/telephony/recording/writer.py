"""The line's side: a thread that writes recordings, begins and ends files, removes old ones.

A disk that is slow or full must not hold a call up: then its recording stops, the log says
so, and the call goes on. What stands in a file so far stays.
"""

import asyncio
import logging
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from callwright.telephony.recording.call_recorder import CallRecorder
from callwright.telephony.recording.wav_file import (
    begin,
    finish,
    finish_leftovers,
    remove_old,
    stem_of,
)

log = logging.getLogger(__name__)

_TIDY_EVERY_S = 3600.0
_LOOK_AT_ROOM_EVERY = 32
"""In writes, each about a second of a call."""
_MOST_WAITING = 4096
"""Pieces: a disk that is so far behind has stopped."""
_CLOSE_PATIENCE_S = 5.0


class RecordingRules(msgspec.Struct, frozen=True, kw_only=True):
    """Where recordings are kept, for how long, and how much of the disk stays free of them."""

    folder: str
    max_age_s: float
    leave_free: int
    """Bytes."""


class RecordingWriter:
    """Writes the recordings of one process. All methods in the event loop's thread."""

    def __init__(
        self,
        rules: RecordingRules,
        *,
        wall: Callable[[], float] = time.time,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._rules = rules
        self._folder = Path(rules.folder)
        self._wall = wall
        self._free_bytes = free_bytes
        self._loop = asyncio.get_running_loop()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
        self._thread.start()

    def record(self, sip_call_id: str) -> CallRecorder:
        """A recorder for the attempt with this SIP Call-ID."""
        file = _File(stem_of(sip_call_id))
        self._put(file, partial(self._begin, file))
        return CallRecorder(
            lambda codes: self._put(file, partial(self._append, file, codes)),
            lambda: self._work.put(partial(self._end, file)),
        )

    def close(self) -> None:
        """Write what waits; at most 5 s."""
        self._work.put(None)
        self._thread.join(_CLOSE_PATIENCE_S)

    def _put(self, file: "_File", work: Callable[[], None]) -> None:
        if self._work.qsize() < _MOST_WAITING and not file.is_lost:
            self._work.put(work)
        elif not file.is_lost:
            file.is_lost = True
            log.error("a recording has stopped", extra={"file": file.stem, "why": "disk too slow"})

    # In the thread

    def _run(self) -> None:
        self._tidy()
        tidied_at = time.monotonic()
        while True:
            with suppress(queue.Empty):
                work = self._work.get(timeout=_TIDY_EVERY_S)
                if work is None:
                    return
                work()
            if time.monotonic() - tidied_at >= _TIDY_EVERY_S:
                self._tidy()
                tidied_at = time.monotonic()

    def _tidy(self) -> None:
        mended = finish_leftovers(self._folder)
        removed = remove_old(self._folder, self._wall() - self._rules.max_age_s)
        if mended or removed:
            self._say(logging.INFO, "recordings tidied", {"mended": mended, "removed": removed})

    def _begin(self, file: "_File") -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_room()
            file.descriptor = begin(self._folder, file.stem)
        except OSError as exc:
            self._stop(file, exc)

    def _append(self, file: "_File", codes: bytes) -> None:
        if file.descriptor is None:
            return
        try:
            file.pieces += 1
            if file.pieces % _LOOK_AT_ROOM_EVERY == 0:
                self._check_room()
            write_all(file.descriptor, codes)
        except OSError as exc:
            self._stop(file, exc)

    def _end(self, file: "_File") -> None:
        descriptor, file.descriptor = file.descriptor, None
        if descriptor is None:
            return
        try:
            finish(self._folder, file.stem, descriptor)
        except OSError as exc:
            self._stop(file, exc)

    def _check_room(self) -> None:
        if self._free_bytes(self._folder) < self._rules.leave_free:
            raise OSError(None, "less is free than lines.recordings_leave_free")

    def _stop(self, file: "_File", problem: OSError) -> None:
        why = problem.strerror or str(problem)
        self._say(logging.ERROR, "a recording has stopped", {"file": file.stem, "why": why})
        with suppress(OSError):
            if file.descriptor is not None:
                descriptor, file.descriptor = file.descriptor, None
                finish(self._folder, file.stem, descriptor)

    def _say(self, level: int, text: str, facts: dict[str, object]) -> None:
        # The log goes through the loop's pipe to the brain.
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(partial(log.log, level, text, extra=facts))


class _File:
    """One recording on its way to the disk."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        self.descriptor: int | None = None
        self.pieces = 0
        self.is_lost = False


def write_all(file: int, data: bytes) -> None:
    """Raises:
    OSError: not all of it could be written.
    """
    while data:
        data = data[os.write(file, data) :]
