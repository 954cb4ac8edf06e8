"""A whole simulated world: a server that lives and dies, its disk, the network, its clients.

Everything above the ports is the real thing: domain, service, runtime, the SQL of the store.
The network, the sink, the clocks and the client are simulated, and outlive the server.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import apsw

from callwright.domain.account import Deployment, User
from callwright.errors import Unavailable
from callwright.runtime.gate import Gate
from callwright.runtime.orders import TrunkRules
from callwright.runtime.pacing import TrunkLimits
from callwright.runtime.supervisor import Supervisor
from callwright.service.hold_start import HoldRules
from callwright.service.tell_result import NoticeStyle
from callwright.simulation.callees import Callees, Manners
from callwright.simulation.campaign import Campaign
from callwright.simulation.carrier import Carrier
from callwright.simulation.client import Client
from callwright.simulation.faults import NO_FAULTS, CrashPoints, FaultPlan, ProcessDied, Step
from callwright.simulation.history import History
from callwright.simulation.inline_store import InlineStore
from callwright.simulation.line import SimulatedLine
from callwright.simulation.noted import MemoryNote
from callwright.simulation.operator import Operator
from callwright.simulation.set_up import add_deployment, listening_for_faults, sample_deployment
from callwright.simulation.sink import SimulatedSender, Sink
from callwright.simulation.virtual_loop import VirtualLoop
from callwright.simulation.world_time import VirtualClock, WallClock
from callwright.store.sqlite.opening import open_memory

TRUNK = "main"
LOOK_EVERY_S = 20.0
DRAIN_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything that decides a run. The same setting gives the same history."""

    campaign: Campaign
    seed: int = 1
    faults: FaultPlan = NO_FAULTS
    manners: Manners = field(default_factory=Manners)
    calls_per_second: float = 20.0
    max_calls: int = 200
    ring_timeout_s: float = 45.0
    max_length_s: float = 3600.0
    starts_at: datetime = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
    horizon_s: float = 5 * 86400.0
    """Seconds after which the world ends, whatever is still under way."""
    keeps_lines: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of the server, in true seconds; the last one ends in peace."""

    began_s: float
    died_s: float | None
    why: str = ""


class World:
    """One run. Make it, `run` it, then look at what the network, the sink and the client saw."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.history = History(keeps_lines=setting.keeps_lines)
        self.points = CrashPoints(setting.faults.die_at_points)
        self.wall = WallClock(setting.starts_at)
        self.carrier = Carrier(
            Callees(setting.seed, setting.manners), self.history, setting.faults.trunk
        )
        self.sink = Sink(
            self.history,
            chance=random.Random(setting.seed + 1),
            outages=setting.faults.sink,
            fails=setting.faults.sink_fails,
        )
        self.client = Client(setting.campaign, self.history)
        self.operator = Operator(setting.faults.deadly, self.history)
        self.note = MemoryNote()
        self.lives: list[Life] = []
        self.complaints: list[str] = []
        """Faults that the server itself logged: none is ever expected."""
        self.steps: list[Step] = []
        """How the wall clock was set, and when that was."""
        self.now_s = 0.0
        self.commits = 0
        self.took_s = 0.0
        self._chance = random.Random(setting.seed + 2)
        self._deaths = list(setting.faults.deaths_s)
        self._line_deaths = list(setting.faults.line_deaths_s)
        self._steps = list(setting.faults.steps)
        self.connection: apsw.Connection = open_memory()

    def run(self) -> None:
        """Live through it all: until nothing is left to do, or the horizon."""
        started = time.perf_counter()
        user, deployment = self._set_up()
        with listening_for_faults(self.complaints.append):
            while not self._live(user, deployment):
                self.now_s += self.setting.faults.down_s
        self.took_s = time.perf_counter() - started

    def showed_at(self, true_s: float) -> datetime:
        """What the wall clock showed at a true second, whatever it was set to since."""
        ahead_s = sum(step.by_s for step in self.steps if step.at_s <= true_s)
        return self.setting.starts_at + timedelta(seconds=true_s + ahead_s)

    def close(self) -> None:
        """Give the database back."""
        self.connection.close()

    def _set_up(self) -> tuple[User, Deployment]:
        loop = VirtualLoop()
        try:
            store = InlineStore(
                self.connection, loop=loop, points=CrashPoints(), chance=self._chance
            )
            now = self.wall.at(0.0)
            return loop.run_until_complete(
                store.write(lambda tx: add_deployment(tx, sample_deployment(), now))
            )
        finally:
            loop.close()

    def _live(self, user: User, deployment: Deployment) -> bool:
        """One life of the server; True when the world is over, False when the server died."""
        began_s, number = self.now_s, len(self.lives) + 1
        loop = VirtualLoop(began_s)
        store = InlineStore(
            self.connection,
            loop=loop,
            points=self.points,
            spells=self.setting.faults.store,
            chance=self._chance,
        )
        lines: list[SimulatedLine] = []

        def make_line() -> SimulatedLine:
            lines.append(
                SimulatedLine(
                    self.carrier,
                    loop=loop,
                    wall=self.wall,
                    points=self.points,
                    life=number,
                    faults=self.setting.faults,
                )
            )
            return lines[-1]

        # What a callback breaks in would otherwise only be printed.
        loop.set_exception_handler(lambda _, context: self.complaints.append(repr(context)))
        self._plan(loop, lines)
        self.history.add(began_s, "start", number)
        died: ProcessDied | None = None
        try:
            loop.run_until_complete(self._serve(loop, store, make_line, number, user, deployment))
        except ProcessDied as exc:
            died = exc
        finally:
            self.now_s = loop.time()
            self.commits += store.commits
            store.die()
            for line in lines:
                line.die()
            loop.abandon()
        self.lives.append(
            Life(
                began_s=began_s,
                died_s=self.now_s if died is not None else None,
                why=str(died.code) if died is not None else "",
            )
        )
        if died is not None:
            self.history.add(self.now_s, "die", died.code)
        return died is None

    async def _serve(
        self,
        loop: VirtualLoop,
        store: InlineStore,
        make_line: Callable[[], SimulatedLine],
        number: int,
        user: User,
        deployment: Deployment,
    ) -> None:
        supervisor = self._supervisor(loop, store, make_line, number)
        try:
            await supervisor.start()
        except Unavailable as exc:
            # A program that cannot start says so and exits; whoever keeps it starts it again.
            raise ProcessDied(f"did not start: {exc}") from exc
        asking = asyncio.create_task(
            self.client.run(
                store, user, deployment, loop=loop, wall=self.wall, on_change=supervisor.wake
            )
        )
        while loop.time() < self.setting.horizon_s:
            await asyncio.sleep(LOOK_EVERY_S)
            if asking.done() and asking.exception() is not None:
                break
            counts = await store.read(lambda tx: tx.queue_counts())
            if supervisor.gate is not None and supervisor.gate.held is not None:
                await self.operator.resume(supervisor.gate)
            if counts.quarantined:
                await self.operator.attend(store, user, loop=loop, wall=self.wall)
                supervisor.wake()
            if self.client.is_done and not (
                counts.waiting or counts.active or counts.notices_pending or self._deaths
            ):
                break
        await asking
        await supervisor.drain(DRAIN_S)
        await supervisor.stop()

    def _supervisor(
        self,
        loop: VirtualLoop,
        store: InlineStore,
        make_line: Callable[[], SimulatedLine],
        number: int,
    ) -> Supervisor:
        setting = self.setting
        limits = TrunkLimits(
            name=TRUNK, calls_per_second=setting.calls_per_second, max_calls=setting.max_calls
        )
        rules = TrunkRules(
            name=TRUNK,
            caller_id="",
            ring_timeout_s=setting.ring_timeout_s,
            max_length_s=setting.max_length_s,
        )
        clock = VirtualClock(loop, self.wall)
        return Supervisor(
            store=store,
            clock=clock,
            make_lines=[make_line],
            sender=SimulatedSender(self.sink, loop=loop, points=self.points, life=number),
            trunks=[(limits, rules)],
            style=NoticeStyle(new_id=lambda: f"msg_{self._chance.getrandbits(64):016x}"),
            chance=self._chance,
            gate=Gate(store=store, clock=clock, note=self.note, rules=HoldRules()),
        )

    def _plan(self, loop: VirtualLoop, lines: list[SimulatedLine]) -> None:
        """Set up what befalls this life at its time."""
        began_s = self.now_s
        self._deaths = [at for at in self._deaths if at > began_s]
        if self._deaths:
            loop.call_at(self._deaths[0], _die)
        for at_s in self._line_deaths:
            if at_s > began_s:
                loop.call_at(at_s, lambda: lines[-1].die())
        for step in self._steps:
            loop.call_at(max(began_s, step.at_s), self._step, loop, step)

    def _step(self, loop: VirtualLoop, step: Step) -> None:
        self._steps.remove(step)
        self.steps.append(replace(step, at_s=loop.time()))
        self.wall.step(step.by_s)
        self.history.add(loop.time(), "step", step.by_s)


def _die() -> None:
    raise ProcessDied("at its time")
