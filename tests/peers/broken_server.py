"""The server with one promise broken on purpose: `broken_server.py NAME serve ...`.

For the other side of a test: a judge that finds no fault in these proves nothing.
"""

import sys
import threading
from functools import partial
from typing import Any

from callwright.cli.main import run
from callwright.runtime import attempts
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

    async def begin(self: Any, legs: dict[str, Any]) -> None:
        now = self._clock.now()

        def look(tx: Any) -> None:
            raise _Undone(self._begin_all(list(legs.values()), now, tx))

        try:
            await self._store.write(look)
        except _Undone as undone:
            begun = undone.result
        send_before = self._clock.monotonic() + attempts.SEND_WITHIN_S
        for (name, leg), started in zip(legs.items(), begun, strict=True):
            if started is None:
                self._drop(name)
            else:
                self._place(name, leg, started, send_before)
        await self._clock.sleep(INTENT_LATE_S)
        await self._store.write(partial(self._begin_all, list(legs.values()), now))

    attempts.Attempts._begin = begin  # type: ignore[method-assign]


def result_told_from_memory() -> None:
    """The notice is not written with the end of the call, but seconds after it."""
    tell, finish = finish_attempt.tell_result, attempts.finish_attempt
    saved = attempts.Attempts._finish
    owed: list[Any] = []
    held = threading.local()

    def tell_or_hold(tx: Any, call_id: Any, now: Any, style: Any) -> None:
        if getattr(held, "on", False):
            owed.append(partial(tell, call_id=call_id, now=now, style=style))
        else:
            tell(tx, call_id, now, style)

    def finish_and_hold(tx: Any, ending: Any, now: Any, style: Any) -> Any:
        held.on = True
        try:
            return finish(tx, ending, now, style)
        finally:
            held.on = False

    async def finish_then_tell(self: Any, name: str, ending: Any) -> None:
        await saved(self, name, ending)
        await self._clock.sleep(RESULT_LATE_S)
        while owed:
            await self._store.write(owed.pop())
        self._on_change()

    finish_attempt.tell_result = tell_or_hold
    attempts.finish_attempt = finish_and_hold
    attempts.Attempts._finish = finish_then_tell  # type: ignore[method-assign]


BREAKS = {
    "intent-after-invite": intent_after_invite,
    "result-told-from-memory": result_told_from_memory,
}

if __name__ == "__main__":
    _, name, *rest = sys.argv
    BREAKS[name]()
    sys.argv = ["callwright", *rest]
    run()
