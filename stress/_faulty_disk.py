"""A file system of SQLite's that fails when it is told to: the n-th operation, some, or all."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from callwright.store.sqlite import opening

NAME = "faulty"


@dataclass
class Disk:
    """How a disk behaves. Nothing fails before the store on it is set up, nor once it is healed."""

    fails_at: Mapping[str, int] = field(default_factory=dict)
    """By kind, `write` or `sync`: which operation fails, from 1."""
    chance: random.Random | None = None
    share: float = 0.0
    full: tuple[float, float] | None = None
    """From when until when there is no room, in true seconds."""
    clock: Callable[[], float] = lambda: 0.0
    operations: int = 0
    failed: int = 0
    is_ready: bool = False
    _done: dict[str, int] = field(default_factory=dict)

    def heal(self) -> None:
        self.is_ready = False

    def do(self, kind: str) -> None:
        """Count an operation.

        Raises:
            apsw.IOError, apsw.FullError: it failed.
        """
        if not self.is_ready:
            return
        self.operations += 1
        nth = self._done[kind] = self._done.get(kind, 0) + 1
        if kind == "write" and self.full and self.full[0] <= self.clock() < self.full[1]:
            self.failed += 1
            raise apsw.FullError("no room")
        drawn = self.chance is not None and self.chance.random() < self.share
        if drawn or self.fails_at.get(kind) == nth:
            self.failed += 1
            raise apsw.IOError(f"{kind} {nth} failed")


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.do("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.do("sync")
        super().xSync(flags)


class _Files(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__(NAME, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self._disk, name, flags)


def open_on(path: Path, disk: Disk) -> apsw.Connection:
    """The writer's connection to a store at `path` on that disk, set up as the server's is."""
    opening.open_writer(path, server=True).close()
    files = _Files(disk)
    connection = apsw.Connection(str(path), vfs=NAME)
    # As long as the connection: apsw forgets a file system that nobody holds.
    _HELD.append(files)
    opening._set_up(connection, opening._WRITER_CACHE_KIB)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("foreign_keys", True)
    connection.pragma("wal_autocheckpoint", opening.CHECKPOINT_PAGES)
    return connection


_HELD: list[_Files] = []
