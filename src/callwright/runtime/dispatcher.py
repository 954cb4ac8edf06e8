"""Takes what is due, within pacing, and gets it dialled: one dispatcher a trunk.

Claims and attempts are written in one transaction, so that nobody ever sees a call in
between, and are handed on once that is on disk.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from callwright.clock import Clock
from callwright.domain.ids import CallId, OwnerId
from callwright.errors import StoreUnavailable
from callwright.ports.motion import Claim, Intent
from callwright.ports.store import ReadTx, Store, WriteTx
from callwright.runtime.attempts import Attempts
from callwright.runtime.legs import Lines, Place
from callwright.runtime.orders import TrunkRules, new_intent
from callwright.runtime.pacing import Pacer
from callwright.service.abandon_attempt import give_back_attempt
from callwright.service.begin_attempt import Started, begin_attempts
from callwright.service.tell_result import NoticeStyle

QUANTUM_S = 0.01
"""Above 100 calls a second a few starts share one claim."""

MAX_CLAIM = 100
IDLE_POLL_S = 2.0
"""How long to sleep at most when nothing wakes us: another process may have queued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What came of looking for calls to dial."""

    started: Started
    places: Mapping[CallId, Place]
    """Where each attempt that begins will be placed."""
    claimed: int
    due_at: datetime | None
    """When to look again if fewer were claimed than could have been; None = never, so far."""


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
        rules: TrunkRules,
        names: Sequence[str],
        pacer: Pacer,
        lines: Lines,
        attempts: Attempts,
        style: NoticeStyle,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._rules = rules
        self._names = names
        self._pacer = pacer
        self._lines = lines
        self._attempts = attempts
        self._style = style
        self._wake = asyncio.Event()
        self._stopping = False
        self._more_is_due = False
        """The last look found as many calls as it could take."""
        self._failed_at: list[datetime] = []
        """Moments of looks that failed; what they claimed may be on disk all the same."""

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
            pause_s = await self._dial_once()
            if pause_s > 0 and not self._stopping:
                await self._clock.wait(self._wake, pause_s)

    async def _dial_once(self) -> float:
        """Dial what is free and due; seconds until it makes sense to look again."""
        if self._failed_at:
            await self._give_back()
        at = self._clock.monotonic()
        in_flight = self._attempts.in_flight(self._rules.name)
        free = self._pacer.free_starts(at, in_flight, quantum_s=QUANTUM_S)
        if free == 0:
            # Full: an ended leg wakes us. Paced: the rate says when.
            return self._pacer.wait_s(at) or IDLE_POLL_S
        now = self._clock.now()
        if not self._more_is_due:
            due_at = await self._store.read(self._next_due_at)
            if due_at is None or due_at > now:
                return _pause_s(due_at, now)
        limit = min(free, MAX_CLAIM)
        found = await self._dial(limit, now)
        self._more_is_due = found.claimed == limit
        if found.started.begun:
            self._pacer.started(self._clock.monotonic(), len(found.started.begun))
        paced_s = self._pacer.wait_s(self._clock.monotonic())
        return paced_s if self._more_is_due else max(paced_s, _pause_s(found.due_at, now))

    def _next_due_at(self, tx: ReadTx) -> datetime | None:
        moments = [tx.next_due_at(name) for name in self._names]
        return min((moment for moment in moments if moment is not None), default=None)

    async def _dial(self, limit: int, now: datetime) -> _Found:
        places = self._lines.choose(self._rules.name, limit)
        with self._attempts.expecting():
            try:
                found = await self._store.write(partial(self._begin_due, places, now))
            except StoreUnavailable:
                self._failed_at.append(now)
                raise
            self._attempts.take_charge(self._rules.name, found.started, found.places)
        return found

    def _begin_due(self, places: Sequence[Place], now: datetime, tx: WriteTx) -> _Found:
        claims: list[Claim] = []
        for name in self._names:
            room = len(places) - len(claims)
            claims += tx.claim_due_calls(self._owner, name, room, now)
        of = {claim.call_id: place for claim, place in zip(claims, places, strict=False)}

        def intent(claim: Claim, caller_id: str) -> Intent:
            return new_intent(claim, caller_id, self._rules, of[claim.call_id].local_sip, now)

        return _Found(
            started=begin_attempts(tx, claims, intent, now, self._style),
            places=of,
            claimed=len(claims),
            due_at=self._next_due_at(tx) if len(claims) < len(places) else None,
        )

    async def _give_back(self) -> None:
        """Give back what looks that failed have claimed all the same: nothing was sent."""
        failed, known = list(self._failed_at), self._attempts.known()

        def give_back(tx: WriteTx) -> None:
            now = self._clock.now()
            for call in tx.active_calls(self._owner):
                is_ours = call.trunk == self._rules.name and call.claimed_at in failed
                if is_ours and (call.call_id, call.attempt) not in known:
                    reason = "the store failed before dialling"
                    give_back_attempt(tx, call, reason, now, self._style)

        await self._store.write(give_back)
        del self._failed_at[: len(failed)]


def _pause_s(due_at: datetime | None, now: datetime) -> float:
    """How long to wait for what is due then; what should have gone already is held up."""
    if due_at is None or due_at <= now:
        return IDLE_POLL_S
    return min(IDLE_POLL_S, (due_at - now).total_seconds())
