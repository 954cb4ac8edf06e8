"""Forgets notices, with the logs of their tries, some time after they are over."""

from datetime import datetime
from functools import partial

import structlog

from callwright.clock import Clock
from callwright.domain.notice import KEPT
from callwright.ports.store import Lane, Store, WriteTx

log = structlog.get_logger()

EVERY_S = 600.0
SLICE = 200
PAUSE_S = 0.1
"""Between slices, so that years of them are no burden on the day this is switched on."""


class NoticeSweeper:
    """The loop that deletes what was over `KEPT` ago, in slices that nobody has to wait for."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            await self.sweep()

    async def sweep(self) -> int:
        """Forget all that is old enough now; how many notices that were."""
        over_before = self._clock.now() - KEPT
        dropped = 0
        while True:
            count = await self._store.write(partial(_drop, over_before), lane=Lane.IMPORT)
            dropped += count
            if count < SLICE:
                break
            await self._clock.sleep(PAUSE_S)
        if dropped:
            log.info("old notices dropped", notices=dropped)
        return dropped


def _drop(over_before: datetime, tx: WriteTx) -> int:
    return tx.drop_old_notices(over_before, SLICE)
