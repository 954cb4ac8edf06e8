"""Writes down the end of waiting calls whose window shut or that were cancelled."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from callwright.clock import Clock
from callwright.ports.meter import SILENT, Meter
from callwright.ports.store import Store
from callwright.runtime.idling import HELD_UP_POLL_S, IDLE_POLL_S
from callwright.service.settle_calls import SLICE, settle_calls
from callwright.service.tell_result import NoticeStyle


class Settler:
    """The loop around `service.settle_calls`."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        style: NoticeStyle,
        on_notices: Callable[[], None],
        meter: Meter = SILENT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._style = style
        self._on_notices = on_notices
        self._meter = meter
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Something was cancelled, or queued with an end."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            pause_s = await self._settle_slice(self._clock.now())
            if pause_s > 0 and not self._stopping:
                await self._clock.wait(self._wake, pause_s)

    async def _settle_slice(self, now: datetime) -> float:
        """Settle one slice; seconds until it makes sense to look again."""
        closing_at = await self._store.read(lambda tx: tx.next_closing_at())
        if closing_at is None:
            return IDLE_POLL_S
        if closing_at > now:
            return min(IDLE_POLL_S, (closing_at - now).total_seconds())
        states = await self._store.write(lambda tx: settle_calls(tx, now, self._style))
        for state in states:
            self._meter.call_ended(state)
        self._on_notices()
        return 0.0 if len(states) >= SLICE else HELD_UP_POLL_S
