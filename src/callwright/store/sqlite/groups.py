"""What waits to be written, and how a group of it becomes durable in one commit.

A group is what was waiting when the writer got to it and what came while it worked, up to
`GROUP_S`. Each piece of work but the first runs in a savepoint of its own, so that an
exception undoes only its own changes; one commit then makes the whole group durable, which
costs hardly more than it would for one.

A slice of a list that waits alone is committed without waiting for the disk: the log is one
file, so the next durable commit takes it along, and what a crash cuts off before that was
never promised to anybody.

Knows no thread: who adds and who commits at the same time has to see to it that they do not
meet. `writer` does so with a thread; a simulation has only one.
"""

import time
from collections import deque
from collections.abc import Callable

import apsw
import structlog

from callwright.errors import StoreUnavailable
from callwright.ports.store import Lane
from callwright.store.sqlite.handover import Waiting
from callwright.store.sqlite.session import translated
from callwright.store.sqlite.transactions import SqliteWriteTx

GROUP_S = 0.005
"""How long a group goes on taking work; a slice of a list may be begun within it."""

log = structlog.get_logger(__name__)


class Groups:
    """The lanes in front of a connection that writes."""

    def __init__(
        self, connection: apsw.Connection, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._monotonic = monotonic
        self._tx = SqliteWriteTx(connection)
        self._is_durable = True  # as the connection was opened
        self._lanes = tuple(deque[Waiting]() for _ in Lane)  # in the order of Lane
        self._by_turn = tuple(zip(Lane, self._lanes, strict=True))

    @property
    def anything_waits(self) -> bool:
        return any(self._lanes)

    @property
    def sweep_waits(self) -> bool:
        """Dropped lists left rows behind that can be deleted when there is time."""
        return self._tx.sweep_waits

    def add(self, waiting: Waiting, lane: Lane) -> None:
        self._lanes[lane].append(waiting)

    def commit_group(self) -> list[Waiting]:
        """Do what waits and commit it; the works, each with what came of it."""
        group: list[Waiting] = []
        only_slices = not any(self._lanes[: Lane.IMPORT])
        try:
            self._set_durable(not only_slices)
            self._connection.execute("BEGIN IMMEDIATE")
            self._run_group(group, late=only_slices)
            self.commit()
        except (apsw.Error, StoreUnavailable) as exc:
            log.error("database failed", problem=str(exc), works=len(group))
            self._undo()
            # A commit that failed may be on disk all the same: nobody is told that it is not.
            for waiting in group or self._take_all(group):
                waiting.error = waiting.error or StoreUnavailable(str(translated(exc)))
        return group

    def commit(self) -> None:
        """End the transaction of a group. A simulation lets this fail, before and after."""
        self._connection.execute("COMMIT")

    def sweep(self) -> None:
        """Delete some of what dropped lists left."""
        try:
            self._set_durable(False)
            self._connection.execute("BEGIN IMMEDIATE")
            self._tx.sweep()
            self._connection.execute("COMMIT")
        except apsw.Error as exc:
            # Left for the next start: what was dropped is invisible, it only takes up room.
            log.warning("deleting dropped lists failed", problem=str(exc))
            self._tx.sweep_waits = False
            self._undo()

    def _next(self, *, late: bool) -> tuple[Waiting, Lane] | None:
        """What to do next: by lane, or only a slice of a list when it is `late`."""
        for lane, waiting in self._by_turn[Lane.IMPORT :] if late else self._by_turn:
            if waiting:
                return waiting.popleft(), lane
        return None

    def _set_durable(self, durable: bool) -> None:
        """Whether the next commit is to be on disk before it returns."""
        if self._is_durable != durable:
            self._connection.pragma("synchronous", "full" if durable else "normal")
            self._is_durable = durable

    def _run_group(self, group: list[Waiting], *, late: bool) -> None:
        """Do what waits, adding it to `group`: until none does or the time is up (or it is
        `late` already), then at most one slice of a list."""
        until = self._monotonic() + (0.0 if late else GROUP_S)
        while True:
            found = self._next(late=self._monotonic() >= until)
            if found is None:
                return
            waiting, lane = found
            group.append(waiting)
            self._do(waiting, is_first=len(group) == 1)
            if lane is Lane.IMPORT:
                return

    def _do(self, waiting: Waiting, *, is_first: bool) -> None:
        """Run one piece of work; an exception undoes its changes and is kept for its caller.

        The first of a transaction needs no savepoint: there is nothing else to be undone.

        Raises:
            StoreUnavailable, apsw.Error: the whole transaction is lost.
        """
        execute = self._connection.execute
        if not is_first:
            execute("SAVEPOINT work")
        try:
            waiting.result = waiting.work(self._tx)
        except Exception as exc:
            waiting.error = translated(exc)
            # On some errors (disk full, out of memory) SQLite itself undoes everything.
            if not self._connection.in_transaction:
                raise StoreUnavailable("the database undid the whole transaction") from exc
            if is_first:
                execute("ROLLBACK")
                execute("BEGIN IMMEDIATE")
            else:
                execute("ROLLBACK TO work")
        if not is_first:
            execute("RELEASE work")

    def _undo(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except apsw.Error as exc:
                log.error("rollback failed", problem=str(exc))

    def _take_all(self, group: list[Waiting]) -> list[Waiting]:
        """Move everything that waits into `group`, which is returned."""
        for lane in self._lanes:
            while lane:
                group.append(lane.popleft())
        return group
