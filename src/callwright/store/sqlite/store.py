"""The store on one SQLite file: a lock, one writer, a few readers."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from callwright.ports.meter import SILENT, Meter
from callwright.ports.store import Lane, ReadTx, WriteTx
from callwright.store.sqlite.lock import ServerLock
from callwright.store.sqlite.opening import open_reader, open_writer
from callwright.store.sqlite.readers import Readers
from callwright.store.sqlite.writer import Writer

T = TypeVar("T")

SERVER_READERS = 2
"""Reads are short and the interpreter runs one thread at a time: more would only wait."""


class SqliteStore:
    """A `ports.store.Store` that is open. Made by `open_sqlite_store`."""

    def __init__(self, writer: Writer, readers: Readers, lock: ServerLock | None) -> None:
        self._writer = writer
        self._readers = readers
        self._lock = lock
        self._closed = False

    async def write(self, work: Callable[[WriteTx], T], *, lane: Lane = Lane.LIFE) -> T:
        result: T = await self._writer.submit(work, lane)
        return result

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return await self._readers.read(work)

    async def close(self) -> None:
        """Closing again does nothing."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.close()
        # Last of the connections, so that SQLite folds the log into the file.
        self._writer.close()
        if self._lock is not None:
            self._lock.release()


def open_sqlite_store(path: Path, *, server: bool, meter: Meter = SILENT) -> SqliteStore:
    """The store in the file at `path`, which is made if it does not exist.

    `server` takes the lock that only one process can hold, and checkpoints; without it an
    admin command can work on the file beside a running server. `meter` hears of commits.

    Raises:
        ConfigInvalid: another server runs on the file, or it cannot be opened, is no
            database of ours, or is newer than this program.
    """
    lock = ServerLock(path) if server else None
    try:
        connection = open_writer(path, server=server)
        try:
            readers = Readers([open_reader(path) for _ in range(SERVER_READERS if server else 1)])
        except BaseException:
            connection.close()
            raise
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return SqliteStore(Writer(connection, server=server, meter=meter), readers, lock)
