"""A few threads that answer questions beside the writer.

Whatever waits when a thread turns to it is answered from one snapshot, taken after the last
of it was asked, and handed back in one call to the event loop: under load most of the cost
of a short question is its way to another thread and back.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import apsw

from callwright.errors import StoreUnavailable
from callwright.ports.store import ReadTx
from callwright.store.sqlite.handover import Waiting, hand_back
from callwright.store.sqlite.session import translated
from callwright.store.sqlite.transactions import SqliteReadTx

T = TypeVar("T")

TOGETHER = 32
"""Questions answered from one snapshot at most, so that both threads get their share."""

HAND_BACK_S = 0.002
"""Answers that are ready wait no longer than this for those of the same snapshot."""


class Readers:
    """Owns the connections it is given, until `close`; one thread each."""

    def __init__(self, connections: Sequence[apsw.Connection]) -> None:
        self._connections = connections
        self._asked: deque[Waiting] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, args=(each,), name="store-reader", daemon=True)
            for each in connections
        ]
        for thread in self._threads:
            thread.start()

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        """What `work` returns, from one snapshot of what was committed before it was asked.

        Raises:
            StoreUnavailable: the database failed, or was closed.
        """
        loop = asyncio.get_running_loop()
        question = Waiting(work, loop, loop.create_future())
        with self._wake:
            if self._closed:
                raise StoreUnavailable("the database was closed")
            self._asked.append(question)
            self._wake.notify()
        answer: T = await question.future
        return answer

    def close(self) -> None:
        """Answer what was asked, end the threads, and close the connections. Blocks."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()

    def _run(self, connection: apsw.Connection) -> None:
        tx = SqliteReadTx(connection)
        while questions := self._next():
            self._answer(connection, tx, questions)

    def _next(self) -> list[Waiting]:
        """What waits, or nothing once the store is closed."""
        with self._wake:
            while not self._asked and not self._closed:
                self._wake.wait()
            count = min(TOGETHER, len(self._asked))
            return [self._asked.popleft() for _ in range(count)]

    def _answer(
        self, connection: apsw.Connection, tx: SqliteReadTx, questions: list[Waiting]
    ) -> None:
        done: list[Waiting] = []
        hand_back_at = time.monotonic() + HAND_BACK_S
        for question in questions:
            try:
                if not connection.in_transaction:
                    connection.execute("BEGIN")
                question.result = question.work(tx)
            except Exception as exc:  # noqa: BLE001 - it is raised where the question was asked
                question.error = translated(exc)
            done.append(question)
            if time.monotonic() >= hand_back_at:
                hand_back(done)
                done = []
        if connection.in_transaction:
            with contextlib.suppress(apsw.Error):
                connection.execute("COMMIT")
        hand_back(done)
