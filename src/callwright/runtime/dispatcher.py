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
from callwright.domain.ids import CallId, DeploymentId, OwnerId
from callwright.domain.lifecycle import CallState
from callwright.domain.limits import Room
from callwright.errors import StoreUnavailable
from callwright.ports.meter import SILENT, Meter
from callwright.ports.motion import Claim, Intent
from callwright.ports.queues import Waiting
from callwright.ports.store import Store, WriteTx
from callwright.runtime.attempts import Attempts
from callwright.runtime.idling import HELD_UP_POLL_S, IDLE_POLL_S
from callwright.runtime.legs import Lines, Place
from callwright.runtime.orders import TrunkRules, new_intent
from callwright.runtime.pacing import Pacer
from callwright.runtime.quotas import Quotas
from callwright.service.abandon_attempt import give_back_attempt
from callwright.service.begin_attempt import Started, begin_attempts
from callwright.service.claim_calls import NOBODY, Outlook, claim_due_calls, look_ahead
from callwright.service.tell_result import NoticeStyle

QUANTUM_S = 0.01
"""Above 100 calls a second a few starts share one claim."""

KNOWN_S = 0.0002
"""For how long, for each queue that waits, a claim goes by what an earlier one saw, whatever has
happened since: with a thousand deployments, a fifth of a second. To look at a queue costs a
fiftieth of that."""

UNCHANGED_S = 0.2
"""For how long it does if nothing has woken us since: another process may have queued."""

MAX_CLAIM = 100
NO_LINE_POLL_S = 0.1
"""How soon to look again for a line that is being started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What came of looking for calls to dial."""

    started: Started
    places: Mapping[CallId, Place]
    """Where each attempt that begins will be placed."""
    turn: DeploymentId
    """Who was served last."""
    outlook: Outlook | None
    """What else waits; None: as many were claimed as could be, and there may be more."""
    waiting: Waiting


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
        quotas: Quotas,
        attempts: Attempts,
        style: NoticeStyle,
        meter: Meter = SILENT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._rules = rules
        self._names = names
        self._pacer = pacer
        self._lines = lines
        self._quotas = quotas
        self._attempts = attempts
        self._style = style
        self._meter = meter
        self._known: Waiting | None = None
        """What was seen to wait when somebody looked last."""
        self._known_until = self._unchanged_until = 0.0
        self._turn = NOBODY
        """The deployment that was served last."""
        self._wake = asyncio.Event()
        self._wants_slots = True
        """It is limits that hold calls back, or may be: a slot that comes free matters."""
        self._stopping = False
        self._more_is_due = False
        """The last look found as many calls as it could take."""
        self._failed_at: list[datetime] = []
        """Moments of looks that failed; what they claimed may be on disk all the same."""

    def wake(self) -> None:
        """Something was queued, waits again, or a limit changed: look now."""
        self._unchanged_until = 0.0
        self._wake.set()

    def slot_freed(self) -> None:
        """A call is over, and nothing else has changed."""
        if self._wants_slots:
            self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns soon."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self._wants_slots = True  # whatever comes free while it looks was not seen by it
            pause_s = await self._dial_once()
            if pause_s > 0 and not self._stopping:
                await self._clock.wait(self._wake, pause_s)

    async def _dial_once(self) -> float:
        """Dial what is free and due; seconds until it makes sense to look again."""
        if self._failed_at:
            await self._give_back()
        if not self._lines.running:
            # Whatever were claimed now could be placed nowhere, and would lose an attempt.
            return NO_LINE_POLL_S
        at = self._clock.monotonic()
        in_flight = self._attempts.in_flight(self._rules.name)
        free = self._pacer.free_starts(at, in_flight, quantum_s=QUANTUM_S)
        if free == 0:
            # Full: an ended leg wakes us. Paced: the rate says when.
            paced_s = self._pacer.wait_s(at)
            self._wants_slots = paced_s == 0
            return paced_s or HELD_UP_POLL_S
        now = self._clock.now()
        seen: Waiting | None = None
        if not self._more_is_due:
            seen = await self._store.read(lambda tx: tx.waiting(self._names))
            self._remember(seen, at)
            await self._quotas.follow(seen.limits_version)
            outlook = look_ahead(seen, now, self._room())
            if not outlook.is_due:
                return self._pause_s(outlook, now)
        async with self._quotas.claiming():
            found = await self._dial(min(free, MAX_CLAIM), now, seen)
        await self._quotas.follow(found.waiting.limits_version)
        self._remember(found.waiting, at)
        self._turn = found.turn
        self._more_is_due = found.outlook is None
        if found.started.begun:
            self._pacer.started(self._clock.monotonic(), len(found.started.begun))
        paced_s = self._pacer.wait_s(self._clock.monotonic())
        return paced_s if found.outlook is None else max(paced_s, self._pause_s(found.outlook, now))

    async def _dial(self, limit: int, now: datetime, seen: Waiting | None) -> _Found:
        places = self._lines.choose(self._rules.name, limit)
        with self._attempts.expecting():
            try:
                work = partial(self._begin_due, places, now, self._room(), seen)
                found = await self._store.write(work)
            except StoreUnavailable:
                self._failed_at.append(now)
                raise
            self._attempts.take_charge(self._rules.name, found.started, found.places)
        return found

    def _begin_due(
        self,
        places: Sequence[Place],
        now: datetime,
        room: Room,
        seen: Waiting | None,
        tx: WriteTx,
    ) -> _Found:
        claimed = claim_due_calls(
            tx,
            self._owner,
            self._names,
            len(places),
            now,
            turn=self._turn,
            # A trunk in trouble is probed with calls that were never tried, while there are
            # any: a few shall not use up on it all that they may have given back.
            retries_first=self._pacer.limits.retries_first and not self._pacer.in_trouble,
            room=room,
            known=seen or self._still_known(),
        )
        of = {claim.call_id: place for claim, place in zip(claimed.claims, places, strict=False)}

        def intent(claim: Claim, caller_id: str) -> Intent:
            return new_intent(claim, caller_id, self._rules, of[claim.call_id].local_sip, now)

        return _Found(
            started=begin_attempts(tx, claimed.claims, intent, now, self._style),
            places=of,
            turn=claimed.turn,
            outlook=claimed.outlook,
            waiting=claimed.waiting,
        )

    def _remember(self, waiting: Waiting, looked_at: float) -> None:
        """Go by what was just seen to wait for a moment, which is the longer the more it was."""
        if waiting is not self._known:
            self._known = waiting
            self._known_until = self._clock.monotonic() + KNOWN_S * len(waiting.queues)
            self._unchanged_until = 0.0 if self._wake.is_set() else looked_at + UNCHANGED_S

    def _still_known(self) -> Waiting | None:
        known_until = max(self._known_until, self._unchanged_until)
        return self._known if self._clock.monotonic() < known_until else None

    def _room(self) -> Room:
        return self._quotas.room(self._clock.monotonic(), quantum_s=QUANTUM_S)

    def _pause_s(self, outlook: Outlook, now: datetime) -> float:
        """How long to wait for what comes due, or for whom a limit holds back. What should
        have gone already is held up by something else, of which we are not told."""
        self._wants_slots = bool(outlook.held)
        pause_s = HELD_UP_POLL_S if outlook.is_due else IDLE_POLL_S
        if outlook.due_at is not None and outlook.due_at > now:
            pause_s = min(pause_s, (outlook.due_at - now).total_seconds())
        opens_in_s = self._quotas.opens_in_s(outlook.held, self._clock.monotonic())
        return pause_s if opens_in_s is None else min(pause_s, opens_in_s)

    async def _give_back(self) -> None:
        """Give back what looks that failed have claimed all the same: nothing was sent."""
        failed, known = list(self._failed_at), self._attempts.known()

        def give_back(tx: WriteTx) -> Sequence[CallState]:
            now = self._clock.now()
            states: list[CallState | None] = []
            for call in tx.active_calls(self._owner):
                is_ours = call.trunk == self._rules.name and call.claimed_at in failed
                if is_ours and (call.call_id, call.attempt) not in known:
                    reason = "the store failed before dialling"
                    states.append(give_back_attempt(tx, call, reason, now, self._style))
            return [state for state in states if state is not None and state.is_final]

        for state in await self._store.write(give_back):
            self._meter.call_ended(state)
        del self._failed_at[: len(failed)]
