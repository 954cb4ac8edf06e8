"""A few threads that answer questions beside the writer, each from its own snapshot."""

import asyncio
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import apsw

from callwright.errors import StoreUnavailable
from callwright.ports.store import ReadTx
from callwright.store.sqlite.session import translated
from callwright.store.sqlite.transactions import SqliteReadTx

T = TypeVar("T")


class Readers:
    """Owns the connections it is given, until `close`; one thread each."""

    def __init__(self, connections: Sequence[apsw.Connection]) -> None:
        self._connections = connections
        self._idle: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()
        for connection in connections:
            self._idle.put(connection)
        self._threads = ThreadPoolExecutor(len(connections), thread_name_prefix="store-reader")
        self._closed = False

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        """What `work` returns, from one snapshot.

        Raises:
            StoreUnavailable: the database failed, or was closed.
        """
        if self._closed:
            raise StoreUnavailable("the database was closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    def close(self) -> None:
        """Answer what was asked, end the threads, and close the connections. Blocks."""
        self._closed = True
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    def _read(self, work: Callable[[ReadTx], T]) -> T:
        connection = self._idle.get()
        try:
            connection.execute("BEGIN")
            try:
                return work(SqliteReadTx(connection))
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")
        except apsw.Error as exc:
            raise translated(exc) from exc
        finally:
            self._idle.put(connection)
