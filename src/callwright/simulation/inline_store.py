"""The SQLite store without threads: the same group commits, run by the event loop itself.

Every commit takes a simulated while, may fail as a disk would, and is a crash point before
and after. What was not committed when the process dies is gone.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import cache
from types import CodeType
from typing import TypeVar

import apsw

from callwright.errors import StoreUnavailable
from callwright.ports.store import Lane, ReadTx, WriteTx
from callwright.simulation.faults import CrashPoints, Spell
from callwright.store.sqlite.groups import Groups
from callwright.store.sqlite.handover import Waiting, deliver
from callwright.store.sqlite.transactions import SqliteReadTx

T = TypeVar("T")

COMMIT_S = 0.002
"""What an ordinary commit takes: a disk's flush."""


class InlineStore:
    """A `Store` on one connection, for one life of a simulated process."""

    def __init__(
        self,
        connection: apsw.Connection,
        *,
        loop: asyncio.AbstractEventLoop,
        points: CrashPoints | None = None,
        spells: Sequence[Spell] = (),
        chance: random.Random,
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._groups = _FaultyGroups(connection, self)
        self._read_tx = SqliteReadTx(connection)
        self._points = points
        self._spells = spells
        self._chance = chance
        self._is_waiting = False
        self._names: list[str] = []
        self.commits = 0
        self.is_dead = False

    async def write(self, work: Callable[[WriteTx], T], *, lane: Lane = Lane.LIFE) -> T:
        self._require_alive()
        waiting = Waiting(work, self._loop, self._loop.create_future())
        if self._points is not None:
            self._names.append(_name_of(work))
        self._groups.add(waiting, lane)
        if not self._is_waiting:
            self._is_waiting = True
            self._loop.call_later(COMMIT_S + self._spell().latency_s, self._commit)
        result: T = await waiting.future
        return result

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        self._require_alive()
        await asyncio.sleep(self._spell().latency_s)
        return work(self._read_tx)

    async def close(self) -> None:
        """Refuse what comes from now on; the connection is the world's."""
        self.is_dead = True

    def die(self) -> None:
        """Lose what is not committed; whatever is still asked is refused."""
        self.is_dead = True
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def commit(self) -> None:
        """End the transaction that is open, with what the plan has in store for it.

        Raises:
            StoreUnavailable: the commit failed, whether it is on disk or not.
            ProcessDied: by a crash point.
        """
        before, after = _points_of(frozenset(self._names))
        self._names.clear()
        spell = self._spell()
        self._reach(before)
        if spell.fails and self._chance.random() < spell.fails:
            raise StoreUnavailable("simulated: the disk refused the commit")
        self._connection.execute("COMMIT")
        self.commits += 1
        self._reach(after)
        if spell.lands and self._chance.random() < spell.lands:
            raise StoreUnavailable("simulated: the flush failed, and the commit is on disk")

    def _commit(self) -> None:
        if self.is_dead:
            return
        self._is_waiting = False
        deliver(self._groups.commit_group())
        if self._groups.anything_waits:
            self._is_waiting = True
            self._loop.call_later(COMMIT_S, self._commit)

    def _reach(self, point: str) -> None:
        if self._points is not None:
            self._points.reach(point)

    def _spell(self) -> Spell:
        now = self._loop.time()
        for spell in self._spells:
            if spell.start_s <= now < spell.end_s:
                return spell
        return _FINE

    def _require_alive(self) -> None:
        if self.is_dead:
            raise StoreUnavailable("the database was closed")


class _FaultyGroups(Groups):
    """Commits as the store that owns it says; never takes more than what waits."""

    def __init__(self, connection: apsw.Connection, store: InlineStore) -> None:
        super().__init__(connection, monotonic=lambda: 0.0)
        self._store = store

    def commit(self) -> None:
        self._store.commit()


def _name_of(work: Callable[..., object]) -> str:
    """What a piece of work is called in the list of crash points."""
    return _name_of_code(getattr(work, "func", work).__code__)


@cache
def _name_of_code(code: CodeType) -> str:
    if code.co_name == "<lambda>":
        return code.co_names[0] if code.co_names else "nothing"
    return code.co_qualname.replace(".<locals>", "").replace("._", ".").lstrip("_")


@cache
def _points_of(names: frozenset[str]) -> tuple[str, str]:
    """The crash points before and after the commit of works with these names."""
    in_order = sorted(names) or ["nothing"]
    before, after = (
        " + ".join(f"{when} commit: {name}" for name in in_order) for when in ("before", "after")
    )
    return before, after


_FINE = Spell(start_s=0.0, end_s=0.0)
