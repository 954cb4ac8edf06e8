"""Takes what is due, within pacing, and hands it to the attempts: one dispatcher a trunk."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from callwright.clock import Clock
from callwright.domain.ids import OwnerId
from callwright.ports.store import Claim, ReadTx, Store, WriteTx
from callwright.runtime.pacing import Pacer

QUANTUM_S = 0.01
"""Above 100 calls a second a few starts share one claim."""

MAX_CLAIM = 100
IDLE_POLL_S = 2.0
"""How long to sleep at most when nothing wakes us: another process may have queued."""


class Dispatcher:
    """The loop that claims due calls of one trunk while it has free starts.

    `names` are those under which calls wait for the trunk: its own, and for the first one
    configured also "", the name in deployments that do not choose.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        owner: OwnerId,
        pacer: Pacer,
        names: Sequence[str],
        in_flight: Callable[[], int],
        start_attempts: Callable[[Sequence[Claim]], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._pacer = pacer
        self._names = names
        self._in_flight = in_flight
        self._start_attempts = start_attempts
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Something was queued, a slot came free, or a limit changed: look now."""
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns soon."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            pause_s = await self._claim_once()
            if pause_s > 0 and not self._stopping:
                await self._clock.wait(self._wake, pause_s)

    async def _claim_once(self) -> float:
        """Claim what is free and due; seconds until it makes sense to look again."""
        at = self._clock.monotonic()
        free = self._pacer.free_starts(at, self._in_flight(), quantum_s=QUANTUM_S)
        if free == 0:
            # Full: an ended leg wakes us. Paced: the rate says when.
            return self._pacer.wait_s(at) or IDLE_POLL_S
        now = self._clock.now()
        due_at = await self._store.read(self._next_due_at)
        if due_at is None:
            return IDLE_POLL_S
        if due_at > now:
            return min(IDLE_POLL_S, (due_at - now).total_seconds())
        claims = await self._store.write(partial(self._claim, min(free, MAX_CLAIM), now))
        if not claims:
            return IDLE_POLL_S
        self._pacer.started(self._clock.monotonic(), len(claims))
        self._start_attempts(claims)
        return self._pacer.wait_s(self._clock.monotonic())

    def _next_due_at(self, tx: ReadTx) -> datetime | None:
        moments = [tx.next_due_at(name) for name in self._names]
        return min((moment for moment in moments if moment is not None), default=None)

    def _claim(self, limit: int, now: datetime, tx: WriteTx) -> list[Claim]:
        claims: list[Claim] = []
        for name in self._names:
            claims += tx.claim_due_calls(self._owner, name, limit - len(claims), now)
            if len(claims) >= limit:
                break
        return claims
