"""Takes back orders that have not left when their call is cancelled, or its number opts out.

Between an attempt's commit and its INVITE lie a pipe, and a gate that may hold it for up to two
seconds. What somebody forbids in that time must not leave any more.
"""

import asyncio

import structlog

from callwright.clock import Clock
from callwright.domain.outcome import Outcome
from callwright.ports.control import CalledOff
from callwright.ports.store import Store
from callwright.runtime.attempts import Attempts
from callwright.runtime.legs import Lines
from callwright.service.begin_attempt import ON_OPT_OUT_LIST

log = structlog.get_logger()

LOOK_AFTER_S = 0.05
"""So many changes share a look; and what was committed before them is in our hands by then."""

_ENDS = {
    CalledOff.CANCELED: (Outcome.CANCELED, "canceled before it was dialled"),
    CalledOff.OPTED_OUT: (Outcome.REFUSED_HERE, ON_OPT_OUT_LIST),
}


class Withdrawals:
    """Looks at what has not left, soon after somebody has changed anything."""

    def __init__(self, *, store: Store, clock: Clock, attempts: Attempts, lines: Lines) -> None:
        self._store = store
        self._clock = clock
        self._attempts = attempts
        self._lines = lines
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was cancelled, or somebody opted out."""
        if not self._attempts.nothing_left.is_set():
            self._wake.set()

    async def run(self) -> None:
        while True:
            await self._clock.wait(self._wake, None)
            self._wake.clear()
            await self._clock.sleep(LOOK_AFTER_S)
            await self._look()

    async def _look(self) -> None:
        waiting = {leg.hold.call_id: leg for leg in self._attempts.unsent()}
        if not waiting:
            return
        called_off = await self._store.read(lambda tx: tx.called_off(list(waiting)))
        for call_id, why in called_off.items():
            leg = waiting[call_id]
            outcome, reason = _ENDS[why]
            log.info("order taken back", call_id=call_id, attempt=leg.hold.attempt, why=why)
            self._lines.withdraw(leg.name, outcome, reason)
