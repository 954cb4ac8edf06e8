"""The server with one promise broken on purpose: `broken_server.py NAME serve ...`.

For the other side of a test: a judge that finds no fault in these proves nothing.
"""

import sys
from datetime import datetime
from functools import partial
from typing import Any

from callwright.cli.main import run
from callwright.runtime import dispatcher, journal
from callwright.service import finish_attempt

INTENT_LATE_S = 2.5
RESULT_LATE_S = 3.0


class _Undone(Exception):
    """Carries what a transaction would have done, out of one that is undone by it."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


def intent_after_invite() -> None:
    """The INVITE leaves first; the attempt is written down seconds later."""

    async def dial(self: Any, limit: int, now: datetime) -> Any:
        places = self._lines.choose(self._rules.name, limit)

        def look(tx: Any) -> None:
            raise _Undone(self._begin_due(places, now, self._room(), tx))

        try:
            await self._store.write(look)
        except _Undone as undone:
            found = undone.result
        self._attempts.take_charge(self._rules.name, found.started, found.places)
        await self._clock.sleep(INTENT_LATE_S)
        await self._store.write(partial(self._begin_due, places, now, self._room()))
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


BREAKS = {
    "intent-after-invite": intent_after_invite,
    "result-told-from-memory": result_told_from_memory,
}

if __name__ == "__main__":
    _, name, *rest = sys.argv
    BREAKS[name]()
    sys.argv = ["callwright", *rest]
    run()
