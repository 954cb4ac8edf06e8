"""Brings calls home that a dead process left in motion, and keeps our own claim alive.

Age alone never re-dials anybody: a call is recovered when its owner is known to be dead.
What was only claimed goes back to the queue; a dialled attempt is INTERRUPTED and counts;
a call that had been answered is over. Leftover legs are cancelled or hung up first. A call
that was in motion in several deaths waits for a person.
"""

from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from callwright.clock import Clock
from callwright.domain.ids import OwnerId
from callwright.domain.lifecycle import CallState
from callwright.ports.line import LegIdentity, Orphan
from callwright.ports.meter import SILENT, Meter
from callwright.ports.motion import Hold
from callwright.ports.store import ActiveCall, Store, WriteTx
from callwright.runtime.attempts import Attempts
from callwright.runtime.legs import ORPHANS_WITHIN_S, Lines
from callwright.service.abandon_attempt import abandon_attempt, outcome_of_loss
from callwright.service.idempotency import FORGET_AT_ONCE, KEPT_FOR
from callwright.service.quarantine_calls import quarantine_after_death
from callwright.service.tell_result import NoticeStyle

log = structlog.get_logger()

LEASE = timedelta(seconds=20)
HEARTBEAT_S = LEASE.total_seconds() / 4
SLICE = 100


_BroughtHome = tuple[ActiveCall, CallState]
"""A call whose attempt was ended for it, and the state that it is in now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What a beat saw."""

    generation: int
    dead: Sequence[ActiveCall]
    """The calls in motion of dead owners."""
    ours: Sequence[Hold]
    """Our own claims."""
    written_elsewhere: bool


class OwnerLost(Exception):
    """Somebody gave this process up for dead: it must stop dialling at once."""


class Rescuer:
    """Recovery at start, then a heartbeat with checks."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        owner: OwnerId,
        lines: Lines,
        attempts: Attempts,
        style: NoticeStyle,
        on_beat: Callable[[int], Awaitable[None]] | None = None,
        on_written_elsewhere: Callable[[], None] = lambda: None,
        meter: Meter = SILENT,
    ) -> None:
        """`on_beat` is told the generation of the store that each beat has written, and
        `on_written_elsewhere` that another process has written to it, or may have."""
        self._store = store
        self._clock = clock
        self._owner = owner
        self._lines = lines
        self._attempts = attempts
        self._style = style
        self._on_beat = on_beat
        self._on_written_elsewhere = on_written_elsewhere
        self._meter = meter
        self._suspects: set[Hold] = set()
        self._under_way: set[str] = set()
        """Attempts whose legs are being silenced now: a beat must not begin that again."""

    async def find_dead(self, alive_since: datetime) -> Sequence[ActiveCall]:
        """The calls in motion of every owner without a heartbeat since then."""
        return await self._store.write(lambda tx: tx.dead_calls(alive_since))

    async def recover(self, dead: Sequence[ActiveCall]) -> None:
        """Silence the legs that are left of these calls, and bring each call home as its leg
        is known to be silent.

        Until then its row stands, so that nobody claims it and a second death on the way
        leaves the next start the same work.
        """
        dead = [call for call in dead if _name(call) not in self._under_way]
        legs = {_name(call): call for call in dead if call.state is not CallState.CLAIMED}
        if dead:
            log.warning("recovering calls of a dead process", calls=len(dead), legs=len(legs))

        async def bring_home(names: Set[str]) -> None:
            await self._bring_all_home([legs[name] for name in sorted(names)])

        self._under_way |= legs.keys()
        try:
            await self._bring_all_home([call for call in dead if _name(call) not in legs])
            orphans = [_orphan(call) for call in legs.values()]
            await self._lines.end_orphans(orphans, ORPHANS_WITHIN_S, bring_home)
        finally:
            self._under_way -= legs.keys()

    async def _bring_all_home(self, calls: Sequence[ActiveCall]) -> None:
        for start in range(0, len(calls), SLICE):
            part = calls[start : start + SLICE]
            self._count(await self._store.write(partial(self._bring_home, part, died=True)))

    async def run(self) -> None:
        """Beat, look for other dead owners, and check our own rows, until cancelled.

        Raises:
            OwnerLost: another process took our calls over.
        """
        # A beat that failed may have been the one that saw it.
        self._on_written_elsewhere()
        while True:
            await self._clock.sleep(HEARTBEAT_S)
            await self._beat(self._clock.now())

    async def _beat(self, now: datetime) -> None:
        seen = await self._store.write(partial(self._beat_and_look, now))
        if seen is None:
            raise OwnerLost(f"owner {self._owner} was given up for dead")
        if seen.written_elsewhere:
            self._on_written_elsewhere()
        if self._on_beat is not None:
            await self._on_beat(seen.generation)
        if seen.dead:
            await self.recover(seen.dead)
        self._attempts.end_overdue()
        await self._end_leaks(seen.ours)

    def _beat_and_look(self, now: datetime, tx: WriteTx) -> _Seen | None:
        """What there is to see; None: we were given up ourselves.

        All of it in one transaction, because an idle server does nothing else.
        """
        if not tx.heartbeat(self._owner, now):
            return None
        tx.release_notices_of_the_dead(now - LEASE)
        tx.forget_requests(now - KEPT_FOR, FORGET_AT_ONCE)
        return _Seen(
            generation=tx.next_generation(now),
            dead=tx.dead_calls(now - LEASE),
            ours=tx.holds(self._owner),
            written_elsewhere=tx.written_elsewhere(),
        )

    async def _end_leaks(self, holds: Sequence[Hold]) -> None:
        """End claims of ours that no attempt in memory stands for: seen twice, they are stuck."""
        known = self._attempts.known()
        strays = {hold for hold in holds if (hold.call_id, hold.attempt) not in known}
        stuck = sorted(strays & self._suspects)
        self._suspects = strays
        if stuck:
            log.error("calls in motion that nobody drives", calls=[hold.call_id for hold in stuck])
            self._count(await self._store.write(partial(self._end_stuck, stuck)))

    def _end_stuck(self, holds: Sequence[Hold], tx: WriteTx) -> Sequence[_BroughtHome]:
        found = [tx.active_call(*hold) for hold in holds]
        return self._bring_home([call for call in found if call is not None], tx, died=False)

    def _bring_home(
        self, calls: Sequence[ActiveCall], tx: WriteTx, *, died: bool
    ) -> Sequence[_BroughtHome]:
        now = self._clock.now()
        ended: list[_BroughtHome] = []
        for call in calls:
            state = abandon_attempt(tx, call, "the server stopped", now, self._style)
            if state is not None:
                ended.append((call, state))
            if died:
                quarantine_after_death(tx, call.hold, now)
        return ended

    def _count(self, ended: Sequence[_BroughtHome]) -> None:
        for call, state in ended:
            self._meter.attempt_ended(call.trunk, outcome_of_loss(call))
            if state.is_final:
                self._meter.call_ended(state)


def _name(call: ActiveCall) -> str:
    return f"{call.call_id}.{call.attempt}"


def _orphan(call: ActiveCall) -> Orphan:
    intent, dialog = call.intent, call.dialog
    assert intent is not None
    return Orphan(
        attempt=_name(call),
        trunk=intent.trunk,
        number=intent.number,
        caller_id=intent.caller_id,
        identity=LegIdentity(
            call_id=intent.sip_call_id,
            from_tag=intent.from_tag,
            branch=intent.branch,
            cseq=intent.cseq,
        ),
        local_sip=intent.local_sip,
        to_tag=dialog.to_tag if dialog else "",
        early_tag=call.early_tag,
        remote_target=dialog.remote_target if dialog else "",
        route_set=dialog.route_set if dialog else (),
        remote_address=call.remote_address,
        cseq=dialog.cseq if dialog else intent.cseq,
    )
