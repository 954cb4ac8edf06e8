"""A file without a name, for a request body that is too large for memory.

Nothing can be left behind: the file ends with the last process that has it open, however
that process ends.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from callwright.dialects.content import StoredContent
from callwright.errors import StoreUnavailable


class SpoolFile:
    """Bytes are added at the end, and read from anywhere."""

    def __init__(self, folder: Path) -> None:
        """Make one in `folder`, whose disk should be the database's.

        Raises:
            StoreUnavailable: it cannot be made.
        """
        try:
            # Unbuffered: whoever writes collects bytes himself.
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        except OSError as exc:
            raise StoreUnavailable(f"no file for an upload can be made: {exc.strerror}") from exc
        self._size = 0
        self._at_close: list[Callable[[], None]] = []

    @property
    def fd(self) -> int:
        return self._file.fileno()

    def write(self, data: bytes) -> None:
        """Add `data` at the end. Blocks.

        Raises:
            StoreUnavailable: the disk is full, or fails.
        """
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as exc:
            raise StoreUnavailable(f"an upload cannot be kept: {exc.strerror}") from exc
        self._size += len(data)

    def __call__(self, size: int, offset: int) -> bytes:
        """Read as `StoredContent` wants it; None of the bytes are kept in memory."""
        return os.pread(self.fd, size, offset)

    @property
    def content(self) -> StoredContent:
        """What was written so far."""
        return StoredContent(self, 0, self._size)

    def measure(self) -> None:
        """Count in what another process wrote."""
        self._size = os.fstat(self.fd).st_size

    def call_at_close(self, call: Callable[[], None]) -> None:
        """Call this before the file is closed, in whichever thread closes it."""
        self._at_close.append(call)

    def close(self) -> None:
        for call in self._at_close:
            call()
        self._at_close.clear()
        self._file.close()
