"""The cache of spoken prompts on disk: one file of bare µ-law codes each, named by a hash.

What is said stays private: names tell nothing, and only the owner may read. A cache that
cannot be read or written costs time, never a call.
"""

import logging
import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

_SUFFIX = ".ulaw"
_PRUNE_TO = 0.8


class PromptFiles:
    """Blocking; meant for threads. `limit_bytes` bounds the whole folder."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._total: int | None = None
        self._warned = False

    def read(self, key: str) -> bytes | None:
        """The codes kept under `key`, or None."""
        path = self._path(key)
        try:
            codes = path.read_bytes()
            os.utime(path)  # the pruning goes by the time of last use
        except OSError:
            return None
        return codes or None

    def write(self, key: str, codes: bytes) -> None:
        """Keep `codes`; readers see all of them or nothing."""
        path = self._path(key)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(codes)
                os.replace(name, path)
            except OSError:
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as exc:
            if not self._warned:
                self._warned = True
                log.warning(
                    "spoken prompts cannot be kept on disk",
                    extra={"folder": str(self._folder), "problem": exc.strerror},
                )
            return
        with self._lock:
            self._make_room(len(codes))

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / (key + _SUFFIX)

    def _make_room(self, added: int) -> None:
        if self._total is not None:
            self._total += added
            if self._total <= self._limit:
                return
        files = []
        for path in self._folder.glob(f"*/*{_SUFFIX}"):
            with suppress(OSError):
                stat = path.stat()
                files.append((stat.st_mtime_ns, stat.st_size, path))
        self._total = sum(size for _, size, _ in files)
        if self._total <= self._limit:
            return
        for _, size, path in sorted(files):
            if self._total <= self._limit * _PRUNE_TO:
                return
            with suppress(OSError):
                path.unlink()
                self._total -= size
