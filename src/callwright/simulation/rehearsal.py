"""A campaign as it would go, before it is sent: the real server in skipped time, among people
drawn by a seed.

The list goes through the reader and into a store in memory; the same dispatcher, pacing and
retry rules as ever take it from there. Nothing is dialled, posted or kept. What it cannot
know: how people will really behave, and what else the trunk has to do.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

import apsw

from callwright.dialects.contacts import ReadyList
from callwright.domain.call import Schedule
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.errors import CallwrightError
from callwright.ports.store import ReadTx
from callwright.runtime.orders import TrunkRules
from callwright.runtime.pacing import TrunkLimits
from callwright.runtime.supervisor import Supervisor
from callwright.service.list_slices import ListSlice, slices_of
from callwright.service.load_list import ListLoader
from callwright.service.spool_file import SpoolFile
from callwright.service.tell_result import NoticeStyle
from callwright.simulation.callees import Callees, Manners
from callwright.simulation.carrier import Carrier
from callwright.simulation.faults import CrashPoints, Outage
from callwright.simulation.history import History
from callwright.simulation.inline_store import InlineStore
from callwright.simulation.line import SimulatedLine
from callwright.simulation.set_up import Called, add_called, listening_for_faults
from callwright.simulation.sink import SimulatedSender, Sink
from callwright.simulation.tally import MINUTE_S, Tally
from callwright.simulation.virtual_loop import VirtualLoop
from callwright.simulation.world_time import VirtualClock, WallClock
from callwright.store.sqlite.opening import open_memory

LOOK_EVERY_S = 20.0
DRAIN_S = 60.0
IDLE_S = 600.0
"""When nothing is due for so long the server is stopped, and started again in time."""

READY_S = 10.0
"""How long before something is due it is started."""

PROBLEMS_KEPT = 1000
READING_SHARE = 0.05
"""What reading a list takes of the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be rehearsed. The same plan gives the same result."""

    called: Called
    """It need not stand in any store."""
    schedule: Schedule
    trunks: Sequence[tuple[TrunkLimits, TrunkRules]]
    """The first one dials for deployments that name none."""
    queued_at: datetime
    manners: Manners
    outages: Sequence[Outage] = ()
    """Of every trunk; seconds count from the moment at which the window opens."""
    lenient: bool = False
    """Bad rows are left out and counted; else one refuses the list."""
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a rehearsal is."""

    rows: int
    """Calls that the list came to, so far."""
    calls_over: int
    share: float
    """Of the whole work, roughly: 0 to 1."""
    at: datetime
    """What the simulated clock shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What came of it."""

    calls: int
    rejected: int
    """Rows of the list that are no calls."""
    problems: Sequence[tuple[int, str]]
    """Line and problem of the first of those."""
    queued_at: datetime
    first_at: datetime | None
    """When the first phone was dialled; None: none was."""
    ends_at: datetime
    """When the last call was over."""
    states: dict[CallState, int]
    outcomes: dict[Outcome, int]
    by_attempt: Sequence[int]
    """How many calls had a first attempt, a second, and so on."""
    dialled: int
    """Calls that were dialled at all."""
    most_at_once: int
    by_minute: dict[tuple[datetime, Outcome], int]
    """Calls dialled, by minute and what they met."""
    digest: str
    """The same for the same campaign among the same people."""


class RehearsalFailed(CallwrightError):
    """The server under rehearsal logged a fault of its own, which is one of ours."""


def rehearse(
    plan: Plan, contacts: ReadyList, on_progress: Callable[[Progress], None] = lambda progress: None
) -> Rehearsed:
    """Live through the whole campaign.

    Raises:
        RequestRefused: the list is wrong, just as when it is queued.
        RehearsalFailed
    """
    faults: list[str] = []
    with (
        listening_for_faults(faults.append),
        closing(open_memory()) as connection,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        stage = _Stage(plan, loop, connection, on_progress)
        result = runner.run(stage.play(contacts))
    if faults:
        raise RehearsalFailed(f"the rehearsal met a fault of its own: {faults[0]}")
    return result


class _InlineReader:
    """Reads a list in the loop itself, where nobody waits meanwhile; keeps what is wrong."""

    def __init__(self, on_read: Callable[[ListSlice], None]) -> None:
        self.problems: list[tuple[int, str]] = []
        self._on_read = on_read

    def expect(self, file: SpoolFile) -> None:
        """There is nothing to be ready for."""

    async def read(self, ready: ReadyList, *, lenient: bool) -> AsyncGenerator[ListSlice, None]:
        for piece in slices_of(ready, lenient=lenient):
            room = PROBLEMS_KEPT - len(self.problems)
            self.problems += [(line, problem) for line, problem, _ in piece.rejected[:room]]
            self._on_read(piece)
            yield piece


class _Stage:
    """One rehearsal under way."""

    def __init__(
        self,
        plan: Plan,
        loop: VirtualLoop,
        connection: apsw.Connection,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._plan = plan
        self._loop = loop
        self._on_progress = on_progress
        self._wall = WallClock(plan.queued_at)
        self._chance = random.Random(plan.seed)
        self._store = InlineStore(connection, loop=loop, chance=self._chance)
        self._history = History()
        self._tally = Tally(loop.time)
        opens_s = (plan.schedule.window.opens_at - plan.queued_at).total_seconds()
        self._carrier = Carrier(
            Callees(plan.seed, plan.manners),
            self._history,
            [_shifted(outage, opens_s) for outage in plan.outages],
            on_invite=self._tally.invited,
        )
        self._points = CrashPoints()
        self._rows = 0
        self._bytes = 1

    async def play(self, contacts: ReadyList) -> Rehearsed:
        plan, store = self._plan, self._store
        now = plan.queued_at
        user, deployment = await store.write(lambda tx: add_called(tx, plan.called, now))
        self._bytes = len(contacts.list.data)
        reader = _InlineReader(self._read)
        # Nobody is told: a result_url is another's, and must not matter here.
        schedule = replace(plan.schedule, result_url="")
        queued = await ListLoader(store, reader).load(
            user, deployment, schedule, contacts, now, lenient=plan.lenient
        )
        while (due_at := await store.read(self._next_moment)) is not None:
            wait_s = (due_at - self._now()).total_seconds() - READY_S
            await asyncio.sleep(max(0.0, wait_s))
            await self._serve(queued.calls)
        return self._result(queued.calls, queued.rejected, reader.problems)

    async def _serve(self, calls: int) -> None:
        """One life of the server: until all is done, or nothing is to do for a long time."""
        supervisor = self._supervisor()
        await supervisor.start()
        while self._tally.over < calls:
            await asyncio.sleep(LOOK_EVERY_S)
            self._tell(READING_SHARE + (1 - READING_SHARE) * self._tally.over / calls)
            if supervisor.attempts.nothing_left.is_set():
                due_at = await self._store.read(self._next_moment)
                if due_at is None or (due_at - self._now()).total_seconds() > IDLE_S:
                    break
        await supervisor.drain(DRAIN_S)
        await supervisor.stop()

    def _supervisor(self) -> Supervisor:
        clock = VirtualClock(self._loop, self._wall)
        sink = Sink(self._history, chance=self._chance)
        return Supervisor(
            store=self._store,
            clock=clock,
            make_lines=[self._line],
            sender=SimulatedSender(sink, loop=self._loop, points=self._points, life=1),
            trunks=self._plan.trunks,
            style=NoticeStyle(new_id=str),
            chance=self._chance,
            meter=self._tally,
        )

    def _line(self) -> SimulatedLine:
        return SimulatedLine(
            self._carrier,
            loop=self._loop,
            wall=self._wall,
            points=self._points,
            life=1,
            is_brief=True,
        )

    def _next_moment(self, tx: ReadTx) -> datetime | None:
        """When something is to be done next, if nobody is being called."""
        names = ["", *(limits.name for limits, _ in self._plan.trunks)]
        moments = (tx.waiting(names).next_at, tx.next_closing_at())
        return min((moment for moment in moments if moment is not None), default=None)

    def _read(self, piece: ListSlice) -> None:
        self._rows += piece.calls
        self._tell(READING_SHARE * piece.bytes_read / self._bytes)

    def _tell(self, share: float) -> None:
        self._on_progress(
            Progress(rows=self._rows, calls_over=self._tally.over, share=share, at=self._now())
        )

    def _now(self) -> datetime:
        return self._wall.at(self._loop.time())

    def _result(self, calls: int, rejected: int, problems: Sequence[tuple[int, str]]) -> Rehearsed:
        tally = self._tally
        ends_at = self._wall.at(tally.legs_end_s)
        closes_at = self._plan.schedule.window.closes_at
        if closes_at is not None and self._wall.at(tally.settled_s) >= closes_at > ends_at:
            # Somebody still waited when the window shut.
            ends_at = closes_at
        most = max(tally.by_attempt, default=0)
        return Rehearsed(
            calls=calls,
            rejected=rejected,
            problems=problems,
            queued_at=self._plan.queued_at,
            first_at=None if tally.first_s is None else self._wall.at(tally.first_s),
            ends_at=ends_at,
            states={state: tally.states[state] for state in CallState if tally.states[state]},
            outcomes={each: tally.outcomes[each] for each in Outcome if tally.outcomes[each]},
            by_attempt=[tally.by_attempt[number] for number in range(1, most + 1)],
            dialled=tally.dialled,
            most_at_once=tally.most_at_once,
            by_minute={
                (datetime.fromtimestamp(minute * MINUTE_S, self._plan.queued_at.tzinfo), outcome): n
                for (minute, outcome), n in sorted(tally.by_minute.items())
            },
            digest=self._history.digest,
        )


def _shifted(outage: Outage, by_s: float) -> Outage:
    return replace(outage, start_s=outage.start_s + by_s, end_s=outage.end_s + by_s)
