"""The server with one promise broken on purpose: `broken_server.py NAME serve ...`.

For the other side of a test: a judge that finds no fault in these proves nothing.
"""

import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from callwright.cli.main import run
from callwright.runtime import attempts, dispatcher, journal, legs, supervisor
from callwright.service import finish_attempt, hold_start

INTENT_LATE_S = 2.5
RESULT_LATE_S = 3.0
START_LATE_S = 5.0


class _Undone(Exception):
    """Carries what a transaction would have done, out of one that is undone by it."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


def intent_after_invite() -> None:
    """The INVITE leaves first; the attempt is written down seconds later."""

    async def dial(self: Any, limit: int, now: datetime, seen: Any) -> Any:
        places = self._lines.choose(self._rules.name, limit)

        def look(tx: Any) -> None:
            raise _Undone(self._begin_due(places, now, self._room(), seen, tx))

        try:
            await self._store.write(look)
        except _Undone as undone:
            found = undone.result
        self._attempts.take_charge(self._rules.name, found.started, found.places)
        await self._clock.sleep(INTENT_LATE_S)
        await self._store.write(partial(self._begin_due, places, now, self._room(), seen))
        return found

    dispatcher.Dispatcher._dial = dial  # type: ignore[method-assign]


def result_told_from_memory() -> None:
    """The notice is not written with the end of the call, but seconds after it."""
    tell, write = finish_attempt.tell_results, journal.Journal._write
    owed: list[Any] = []

    def hold(tx: Any, *arguments: Any) -> None:
        owed.append(lambda tx: tell(tx, *arguments))

    async def write_then_tell(self: Any, page: Any) -> None:
        await write(self, page)
        await self._clock.sleep(RESULT_LATE_S)
        while owed:
            await self._store.write(owed.pop())

    finish_attempt.tell_results = hold
    journal.Journal._write = write_then_tell  # type: ignore[method-assign]


def orphans_left() -> None:
    """The calls of a dead process are brought home, and its legs left to themselves."""

    async def end_none(self: Any, orphans: Any, timeout_s: float, on_ended: Any) -> None:
        await on_ended({orphan.attempt for orphan in orphans})

    legs.Lines.end_orphans = end_none  # type: ignore[method-assign]


def cut_at_once() -> None:
    """Whoever talks is hung up as soon as the server is told to stop."""

    async def drain(self: Any, grace_s: float) -> None:
        self.is_draining = True
        for each in self._dispatchers:
            each.stop()
        self.cut()
        await self._clock.wait(self.attempts.nothing_left, 5.0)

    supervisor.Supervisor.drain = drain  # type: ignore[method-assign]


def dials_on() -> None:
    """The server goes on dialling until nothing waits any more."""
    dispatcher.Dispatcher.stop = lambda self: None  # type: ignore[method-assign]


def starts_unheld() -> None:
    """Whatever the store is, it is dialled from."""
    hold_start._doubt = lambda *arguments: ""  # type: ignore[assignment]


def starts_late() -> None:
    """Nothing is dialled, and nobody answered, for a while after a start."""
    start = supervisor.Supervisor.start

    async def late(self: Any) -> None:
        await self._clock.sleep(START_LATE_S)
        await start(self)

    supervisor.Supervisor.start = late  # type: ignore[method-assign]


def _keep(what: Callable[[], object]) -> None:
    """Remember something of each order to dial."""
    take_charge = attempts.Attempts.take_charge
    kept: list[object] = []

    def remember(self: Any, *arguments: Any) -> None:
        kept.append(what())
        take_charge(self, *arguments)

    attempts.Attempts.take_charge = remember  # type: ignore[method-assign]


def keeps_everything() -> None:
    """Every leg that is over is remembered, with a file and much beside."""
    _keep(lambda: (bytearray(1 << 20), Path(__file__).open("rb")))  # noqa: SIM115


def keeps_a_little() -> None:
    """Every leg that is over is remembered, as a forgotten dictionary would."""
    _keep(lambda: bytearray(2 << 10))


BREAKS = {
    "keeps-everything": keeps_everything,
    "keeps-a-little": keeps_a_little,
    "orphans-left": orphans_left,
    "cut-at-once": cut_at_once,
    "dials-on": dials_on,
    "starts-late": starts_late,
    "starts-unheld": starts_unheld,
    "intent-after-invite": intent_after_invite,
    "result-told-from-memory": result_told_from_memory,
}

if __name__ == "__main__":
    _, name, *rest = sys.argv
    BREAKS[name]()
    sys.argv = ["callwright", *rest]
    run()
