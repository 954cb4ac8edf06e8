"""Starts the loops in order, keeps them going, and stops them without cutting a call.

start:  lines -> may it dial at all? -> recovery of what a dead process left -> own heartbeat
        -> dispatchers
drain:  no new claim -> live calls finish, up to the grace -> hang up -> last notices
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from callwright.clock import Clock
from callwright.domain.ids import OwnerId
from callwright.domain.lifecycle import CallState
from callwright.domain.limits import UNLIMITED, Limits
from callwright.errors import StoreUnavailable
from callwright.ports.line import Line
from callwright.ports.meter import SILENT, Meter
from callwright.ports.sender import Sender
from callwright.ports.store import ActiveCall, Store
from callwright.runtime.attempts import Attempts
from callwright.runtime.callback_pump import CallbackPump
from callwright.runtime.dispatcher import Dispatcher
from callwright.runtime.gate import Gate
from callwright.runtime.legs import Lines
from callwright.runtime.notice_sweeper import NoticeSweeper
from callwright.runtime.orders import TrunkRules
from callwright.runtime.pacing import Pacer, TrunkLimits
from callwright.runtime.picture import RunningPacing
from callwright.runtime.quotas import Quotas
from callwright.runtime.rescuer import OwnerLost, Rescuer
from callwright.runtime.settler import Settler
from callwright.runtime.withdrawals import Withdrawals
from callwright.service.tell_result import NoticeStyle

log = structlog.get_logger()

LOOP_AGAIN_S = 1.0
HANG_UP_WITHIN_S = 5.0
_ALL_OTHERS = datetime.max.replace(tzinfo=UTC)


class Supervisor:
    """Everything that happens without being asked: the running half of a server."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        make_lines: Sequence[Callable[[], Line]],
        sender: Sender,
        trunks: Sequence[tuple[TrunkLimits, TrunkRules]],
        style: NoticeStyle,
        chance: random.Random | None = None,
        sole_server: bool = True,
        meter: Meter = SILENT,
        gate: Gate | None = None,
    ) -> None:
        """`gate` None: nothing holds a start."""
        self.owner = OwnerId(secrets.token_hex(8))
        self._store = store
        self._clock = clock
        self._sole_server = sole_server
        self.is_draining = False
        self.gate = gate
        self._pacers = {limits.name: Pacer(limits) for limits, _ in trunks}
        self._names = {
            name: ("", name) if index == 0 else (name,) for index, name in enumerate(self._pacers)
        }
        self._not_dialling_because = "it has not started yet"
        self.quotas = Quotas(store, on_trunks=self._limit_trunks)
        self.lines = Lines(
            list(make_lines),
            clock=clock,
            on_message=self._heard,
            on_legs_lost=lambda legs, reason: self.attempts.legs_lost(legs, reason),
            on_trunk=self._trunk_told,
        )
        self.pump = CallbackPump(
            store=store,
            clock=clock,
            owner=self.owner,
            sender=sender,
            chance=chance or random.Random(),
            meter=meter,
        )
        self.attempts = Attempts(
            store=store,
            clock=clock,
            lines=self.lines,
            trunks={rules.name: rules for _, rules in trunks},
            pacers=self._pacers,
            quotas=self.quotas,
            style=style,
            notices=self.pump,
            on_ended=self._attempt_ended,
            on_opt_out=lambda: self._withdrawals.wake(),
            meter=meter,
        )
        self._withdrawals = Withdrawals(
            store=store, clock=clock, attempts=self.attempts, lines=self.lines
        )
        self.settler = Settler(
            store=store, clock=clock, style=style, on_notices=self.pump.wake, meter=meter
        )
        self._sweeper = NoticeSweeper(store=store, clock=clock)
        self._rescuer = Rescuer(
            store=store,
            clock=clock,
            owner=self.owner,
            lines=self.lines,
            attempts=self.attempts,
            style=style,
            on_beat=None if gate is None else gate.note,
            on_written_elsewhere=self.wake,
            meter=meter,
        )
        self._dispatchers = [
            Dispatcher(
                store=store,
                clock=clock,
                owner=self.owner,
                rules=rules,
                names=self._names[rules.name],
                pacer=self._pacers[rules.name],
                lines=self.lines,
                quotas=self.quotas,
                attempts=self.attempts,
                style=style,
                meter=meter,
            )
            for _, rules in trunks
        ]
        self.pacing = RunningPacing(
            clock=clock,
            pacers=self._pacers,
            names=self._names,
            attempts=self.attempts,
            quotas=self.quotas,
            lines=self.lines,
            gate=gate,
            not_dialling_because=lambda: self._not_dialling_because,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_by: list[Callable[[object], None]] = []

    def wake(self) -> None:
        """Something was queued, cancelled or ended: every loop looks again."""
        for dispatcher in self._dispatchers:
            dispatcher.wake()
        self.settler.wake()
        self.pump.wake()
        self._withdrawals.wake()

    async def limits_changed(self) -> None:
        """Limits were changed on disk: hold to them at once, on the wire too."""
        await self.quotas.read_anew()
        self.wake()

    async def resume(self) -> None:
        """A person says that this server may dial, though its start was held."""
        if self.gate is not None:
            await self.gate.open()

    @property
    def trunks(self) -> Sequence[TrunkLimits]:
        """What each trunk may do at this moment."""
        return [pacer.limits for pacer in self._pacers.values()]

    def in_trouble(self, trunk: str) -> bool:
        """The trunk failed several times in a row and is only probed."""
        return self._pacers[trunk].in_trouble

    def listen(self, heard: Callable[[object], None]) -> None:
        """Also give `heard` whatever the lines say: for a live view."""
        self._heard_by.append(heard)

    async def start(self) -> None:
        """Start dialling.

        Raises:
            Unavailable: a line could not be started.
        """
        await self.lines.start()
        await self.quotas.read_anew()
        await self._store.write(lambda tx: tx.drop_unfinished_batches())
        if self.gate is not None:
            await self.gate.begin()
        if self._sole_server:
            # The lock on the store says that nobody else serves it: all other owners are dead.
            # Hanging up what they left takes seconds; nobody who waits needs to wait for it.
            dead = await self._rescuer.find_dead(_ALL_OTHERS)
            await self._store.write(lambda tx: tx.release_notices_of_the_dead(_ALL_OTHERS))
            self._tasks.append(asyncio.create_task(self._recover(dead)))
        await self._store.write(lambda tx: tx.add_owner(self.owner, self._clock.now()))
        loops: list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = [
            ("rescuer", self._rescuer.run),
            ("clock", self._follow_clock),
            ("withdrawals", self._withdrawals.run),
            ("callback pump", self._once_open(self.pump.run)),
            ("settler", self._once_open(self.settler.run)),
            ("notice sweeper", self._once_open(self._sweeper.run)),
            *((f"dispatcher {i}", self._once_open(d.run)) for i, d in enumerate(self._dispatchers)),
        ]
        self._tasks += [asyncio.create_task(self._keep(name, run)) for name, run in loops]
        self._not_dialling_because = ""

    async def _recover(self, dead: Sequence[ActiveCall]) -> None:
        await self._keep("recovery", lambda: self._rescuer.recover(dead))
        self.wake()

    async def drain(self, grace_s: float) -> None:
        """Dial nobody any more; live calls may finish for `grace_s` seconds, then are hung up."""
        self.is_draining = True
        self._not_dialling_because = "it is being stopped, and goes on once it is started again"
        for dispatcher in self._dispatchers:
            dispatcher.stop()
        if await self._clock.wait(self.attempts.nothing_left, grace_s):
            return
        log.warning("hanging up what is left")
        self.cut()
        await self._clock.wait(self.attempts.nothing_left, HANG_UP_WITHIN_S)

    def cut(self) -> None:
        """Hang up every call now; a `drain` under way then returns at once."""
        self.attempts.hang_up_all()

    async def stop(self) -> None:
        """End the loops and the lines. Call `drain` before, unless calls may be cut."""
        for dispatcher in self._dispatchers:
            dispatcher.stop()
        self.settler.stop()
        await self.lines.stop()
        await self.attempts.settle()
        await self.pump.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(StoreUnavailable):
            await self._store.write(lambda tx: tx.remove_owner(self.owner))

    async def _follow_clock(self) -> None:
        """Look again whenever somebody has set the wall clock."""
        while True:
            by_s = await self._clock.when_set()
            log.warning("the wall clock was set", by_s=round(by_s, 3))
            self.wake()

    def _once_open(
        self, run: Callable[[], Coroutine[Any, Any, None]]
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """A loop that a start which is held does not begin."""
        return run if self.gate is None else partial(self.gate.run_when_open, run)

    def _limit_trunks(self, changed: Mapping[str, Limits]) -> None:
        for name, pacer in self._pacers.items():
            pacer.limit(changed.get(name, UNLIMITED))
            self.lines.limit(name, pacer.limits.calls_per_second)

    def _trunk_told(self, trunk: str) -> None:
        """A line told how a trunk stands: let its calls wait, or go."""
        pacer, now = self._pacers.get(trunk), self._clock.monotonic()
        if pacer is None:
            return
        out_until = self.lines.trunks.out_until(trunk)
        if out_until > now:
            health = self.lines.trunks.health(trunk)
            if not pacer.is_out(now) and health.has_failed:
                log.error("no call has a chance on the trunk; they wait", trunk=trunk)
            pacer.out(out_until, failed=health.has_failed)
        elif pacer.is_out(now):
            if pacer.back(now):
                log.info("calls go to the trunk again", trunk=trunk)
            for dispatcher in self._dispatchers:
                dispatcher.wake()

    def _attempt_ended(self, state: CallState | None) -> None:
        """A slot is free, and the call may wait again. What the settler waits for is no nearer,
        and of notices the journal has told."""
        may_be_due = state is None or state is CallState.WAITING
        for dispatcher in self._dispatchers:
            if may_be_due:
                dispatcher.wake()
            else:
                dispatcher.slot_freed()

    def _heard(self, message: Any) -> None:
        self.attempts.heard(message)
        for heard in self._heard_by:
            heard(message)

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a loop for ever: a fault in it is logged, and it starts again."""
        while True:
            try:
                await run()
            except asyncio.CancelledError:
                raise
            except OwnerLost as exc:
                log.critical("given up for dead; dialling stops", reason=str(exc))
                self._not_dialling_because = "another server took its place; restart it"
                for dispatcher in self._dispatchers:
                    dispatcher.stop()
                self.cut()
                return
            except StoreUnavailable as exc:
                log.error("store failed; loop starts again", loop=name, reason=str(exc))
            except Exception:
                log.exception("loop failed; it starts again", loop=name)
            else:
                return
            await self._clock.sleep(LOOP_AGAIN_S)
