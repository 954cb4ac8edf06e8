"""The one thread that writes: takes what waits, commits once, tells everybody.

What a group is and how it becomes durable is `groups`' business. Results leave for the
event loop in a single call. Then, while nobody waits for that commit any more, the log is
folded into the file if it has grown: SQLite itself would do so inside the commit.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import apsw
import structlog

from callwright.errors import StoreUnavailable
from callwright.ports.meter import SILENT, Meter
from callwright.ports.store import Lane, WriteTx
from callwright.store.sqlite.groups import Groups
from callwright.store.sqlite.handover import Waiting, hand_back
from callwright.store.sqlite.opening import CHECKPOINT_PAGES

log = structlog.get_logger(__name__)


class Writer:
    """Owns the connection it is given, until `close`."""

    def __init__(self, connection: apsw.Connection, *, server: bool, meter: Meter = SILENT) -> None:
        """`server`: fold the log, and delete what dropped lists left while nothing waits."""
        self._connection = connection
        self._groups = Groups(connection)
        self._sweeps = server
        self._log_pages = 0
        if server:
            # This takes the place of SQLite's own automatic checkpoint.
            connection.set_wal_hook(self._note_log)
        self._meter = meter
        self._wake = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[WriteTx], Any], lane: Lane) -> asyncio.Future[Any]:
        """The future result of `work`; belongs to the event loop that runs now.

        Raises:
            StoreUnavailable: the store was closed.
        """
        loop = asyncio.get_running_loop()
        waiting = Waiting(work, loop, loop.create_future())
        with self._wake:
            if self._closing:
                raise StoreUnavailable("the database was closed")
            self._groups.add(waiting, lane)
            self._wake.notify()
        return waiting.future

    def close(self) -> None:
        """Finish what waits, end the thread, and close the connection. Blocks."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._groups.anything_waits and not self._sweep_waits():
                    if self._closing:
                        return
                    self._wake.wait()
            if self._groups.anything_waits:
                began = time.monotonic()
                group = self._groups.commit_group()
                self._meter.group_committed(len(group), time.monotonic() - began)
                hand_back(group)
            else:
                self._groups.sweep()
            if self._log_pages >= CHECKPOINT_PAGES:
                self._fold_log()

    def _sweep_waits(self) -> bool:
        return self._sweeps and self._groups.sweep_waits and not self._closing

    def _note_log(self, connection: apsw.Connection, database: str, pages: int) -> int:
        """Called by SQLite after each commit."""
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _fold_log(self) -> None:
        # As far as readers let it: what an old snapshot still needs is left for the next time.
        self._log_pages = 0
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as exc:
            log.warning("folding the log into the database failed", problem=str(exc))
