"""The generation of a store, noted in a file outside of it.

Written in place and never flushed: the number is a few bytes in one sector, and one that was
lost in a power cut is older than the store's, which is harmless. What matters is that a copy
of the store made earlier is behind it.
"""

import asyncio
import os
from pathlib import Path

_DIGITS = 20


class NoteFile:
    """A `ports.start.OutsideNote`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    async def read(self) -> int | None:
        return await asyncio.to_thread(self._read)

    async def write(self, generation: int) -> None:
        await asyncio.to_thread(self._write, generation)

    def _read(self) -> int | None:
        try:
            text = self._path.read_bytes().strip()
        except OSError:
            return None
        return int(text) if text.isdigit() and len(text) <= _DIGITS else None

    def _write(self, generation: int) -> None:
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(fd, b"%0*d\n" % (_DIGITS, generation), 0)
        finally:
            os.close(fd)
