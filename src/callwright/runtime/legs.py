"""The lines that place legs, kept alive, and which leg is on which.

Knows nothing of calls: it hands orders to the least loaded line, sends each line a script
before the first leg that needs it, passes on what lines say, and tells when one has died
with legs on it. A dead line is started again, and what it left ringing or talking is hung up.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import msgspec
import structlog

from callwright.clock import Clock
from callwright.domain.outcome import Outcome
from callwright.errors import Unavailable
from callwright.ports.line import (
    EndOrphans,
    FromLine,
    HangUp,
    HangUpAll,
    LegAnswered,
    LegEnded,
    LegOrder,
    LegRinging,
    LegSent,
    Line,
    LineLog,
    LineReady,
    Orphan,
    OrphanEnded,
    ScriptText,
    TrunkRate,
    TrunkStands,
    Withdraw,
)
from callwright.runtime.orphan_answers import OrphanAnswers, orphan_of
from callwright.runtime.trunk_states import TrunkStates

log = structlog.get_logger()

RESTART_WAIT_S = 1.0
ORPHANS_WITHIN_S = 9.0
"""Leftover legs must be silent within ten seconds of a restart or of their line's death."""


@dataclass(slots=True)
class _Placed:
    """A line that runs, and what it has been given."""

    line: Line
    local_sip: dict[str, str]
    legs: dict[str, Orphan] = field(default_factory=dict)
    """Each with what another line needs to end it, should this one die."""
    scripts: set[str] = field(default_factory=set)


class Place(NamedTuple):
    """Where a leg will be placed."""

    line: int
    local_sip: str
    """`host:port` of the Via; "" = not known."""


NOWHERE = Place(-1, "")
"""No line runs; placing a leg there fails."""


class Lines:
    """A set of lines that looks like one."""

    def __init__(
        self,
        make_lines: list[Callable[[], Line]],
        *,
        clock: Clock,
        on_message: Callable[[FromLine], None],
        on_legs_lost: Callable[[set[str], str], None],
        on_trunk: Callable[[str], None] = lambda trunk: None,
    ) -> None:
        """`on_trunk` is called when a line told how a trunk stands, with its name."""
        self._make_lines = make_lines
        self._clock = clock
        self._on_message = on_message
        self._on_legs_lost = on_legs_lost
        self.trunks = TrunkStates(clock, on_trunk)
        self._placed: dict[int, _Placed] = {}
        self._rates: dict[str, TrunkRate] = {}
        self._line_of: dict[str, int] = {}
        self._orphans: dict[str, OrphanAnswers] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._silencing: set[asyncio.Task[None]] = set()
        self._any_runs = asyncio.Event()

    @property
    def running(self) -> int:
        return len(self._placed)

    async def start(self) -> None:
        """Start every line.

        Raises:
            Unavailable: one could not bind its sockets or find its trunk's host.
        """
        lines = [make() for make in self._make_lines]
        started: list[tuple[int, Line]] = []
        try:
            for index, line in enumerate(lines):
                await self._begin(index, line)
                started.append((index, line))
        except Unavailable:
            for _, line in started:
                await line.stop()
            raise
        self._keepers = [asyncio.create_task(self._keep(i, line)) for i, line in started]

    async def stop(self) -> None:
        """Hang up whatever is left and release everything."""
        for task in (*self._keepers, *self._silencing):
            task.cancel()
        await asyncio.gather(*self._keepers, *self._silencing, return_exceptions=True)
        await asyncio.gather(*(placed.line.stop() for placed in self._placed.values()))
        self._placed.clear()
        self._any_runs.clear()

    def choose(self, trunk: str, count: int) -> list[Place]:
        """Where to place so many legs on `trunk`: one by one on the line with the fewest, of
        those that can call through it."""
        if not self._placed:
            return [NOWHERE] * count
        lines = self.trunks.lines_for(trunk, list(self._placed))
        busy = [(len(self._placed[index].legs), index) for index in lines]
        heapq.heapify(busy)
        chosen = []
        for _ in range(count):
            legs, index = busy[0]
            heapq.heapreplace(busy, (legs + 1, index))
            chosen.append(Place(index, self._placed[index].local_sip.get(trunk, "")))
        return chosen

    def place(self, index: int, order: LegOrder, script: str) -> bool:
        """Send a leg to a line chosen before; False when that line is gone meanwhile."""
        placed = self._placed.get(index)
        if placed is None:
            return False
        if order.script not in placed.scripts:
            placed.scripts.add(order.script)
            placed.line.say(ScriptText(key=order.script, text=script))
        placed.legs[order.leg] = orphan_of(order, placed.local_sip.get(order.trunk, ""))
        self._line_of[order.leg] = index
        placed.line.say(order)
        return True

    def limit(self, trunk: str, calls_per_second: float) -> None:
        """From now on so many INVITEs may leave on a trunk in any second, on any line."""
        rate = TrunkRate(trunk=trunk, calls_per_second=calls_per_second)
        if self._rates.get(trunk) == rate:
            return
        self._rates[trunk] = rate
        for placed in self._placed.values():
            placed.line.say(rate)

    def hang_up(self, leg: str) -> None:
        index = self._line_of.get(leg)
        if index is not None and index in self._placed:
            self._placed[index].line.say(HangUp(leg=leg))

    def withdraw(self, leg: str, outcome: Outcome, reason: str) -> None:
        """End a leg so, unless its INVITE has left."""
        index = self._line_of.get(leg)
        if index is not None and index in self._placed:
            self._placed[index].line.say(Withdraw(leg=leg, outcome=outcome, reason=reason))

    def hang_up_all(self) -> None:
        for placed in self._placed.values():
            placed.line.say(HangUpAll())

    async def end_orphans(
        self,
        orphans: Sequence[Orphan],
        timeout_s: float,
        on_ended: Callable[[Set[str]], Awaitable[None]],
    ) -> None:
        """Cancel or hang up legs that a dead process or line left.

        `on_ended` gets their attempts, each once: those that were answered for as the answers
        come, and those for which nobody did once a line has tried for `timeout_s`, or none has
        come up for as long. Another line goes on where one dies.
        """
        waiting = {orphan.attempt: orphan for orphan in orphans}
        answers = OrphanAnswers()
        self._orphans.update(dict.fromkeys(waiting, answers))
        until = 0.0
        try:
            while waiting:
                if answers.asked is None:
                    if not await self._clock.wait(self._any_runs, timeout_s):
                        break
                    if not self._placed:
                        continue  # it has died again in this very turn
                    answers.asked = next(iter(self._placed))
                    until = self._clock.monotonic() + timeout_s
                    ending = EndOrphans(orphans=tuple(waiting.values()))
                    self._placed[answers.asked].line.say(ending)
                if not await answers.wait(self._clock, until):
                    break
                ended = answers.take()
                for attempt in ended:
                    del waiting[attempt]
                if ended:
                    await on_ended(ended)
        finally:
            for orphan in orphans:
                self._orphans.pop(orphan.attempt, None)
        if waiting:
            log.warning("orphaned legs gave no answer", count=len(waiting))
            await on_ended(set(waiting))

    async def _begin(self, index: int, line: Line) -> None:
        ready: LineReady = await line.start(partial(self._heard, index))
        self._placed[index] = _Placed(line=line, local_sip=dict(ready.local_sip))
        for rate in self._rates.values():
            line.say(rate)
        self.trunks.line_began(index)
        self._any_runs.set()
        log.info("line ready", line=index, pid=ready.pid, local_sip=ready.local_sip)

    def _heard(self, index: int, message: FromLine) -> None:
        if isinstance(message, TrunkStands):
            self.trunks.heard(index, message)
            return
        if isinstance(message, OrphanEnded):
            answers = self._orphans.get(message.attempt)
            if answers is not None:
                answers.add(message.attempt)
            log.info("orphaned leg ended", ended=message.ended, reason=message.reason)
            return
        if isinstance(message, LineLog):
            log.log(_LEVELS.get(message.level, 20), message.text, **message.facts)
            return
        match message:
            case LegSent(leg=leg, remote_address=address):
                self._note(leg, remote_address=address)
            case LegRinging(leg=leg):
                self._note(leg, early_tag=message.to_tag)
            case LegAnswered(leg=leg):
                self._note(
                    leg,
                    to_tag=message.to_tag,
                    remote_target=message.remote_target,
                    route_set=message.route_set,
                    cseq=message.cseq,
                )
            case LegEnded(leg=leg):
                self._forget(leg)
        self._on_message(message)

    def _note(self, leg: str, **facts: object) -> None:
        index = self._line_of.get(leg)
        if index is not None and index in self._placed:
            legs = self._placed[index].legs
            legs[leg] = msgspec.structs.replace(legs[leg], **facts)

    def _forget(self, leg: str) -> None:
        index = self._line_of.pop(leg, None)
        if index is not None and index in self._placed:
            self._placed[index].legs.pop(leg, None)

    async def _keep(self, index: int, line: Line) -> None:
        while True:
            reason = await line.when_gone()
            placed = self._placed.pop(index)
            self.trunks.line_gone(index)
            log.error("line died", line=index, reason=reason, legs=len(placed.legs))
            for leg in placed.legs:
                self._line_of.pop(leg, None)
            if not self._placed:
                self._any_runs.clear()
            for answers in set(self._orphans.values()):
                answers.line_died(index)
            silencing = asyncio.create_task(self._silence(placed.legs, reason))
            self._silencing.add(silencing)
            silencing.add_done_callback(self._silencing.discard)
            line = await self._begin_again(index)

    async def _silence(self, legs: dict[str, Orphan], reason: str) -> None:
        """Have a line that lives hang up what a dead one left, and only then call them lost:
        nobody is to be dialled again while their phone still rings."""

        async def lose(names: Set[str]) -> None:
            self._on_legs_lost(set(names), reason)

        await self.end_orphans(list(legs.values()), ORPHANS_WITHIN_S, lose)

    async def _begin_again(self, index: int) -> Line:
        while True:
            await self._clock.sleep(RESTART_WAIT_S)
            line = self._make_lines[index]()
            try:
                await self._begin(index, line)
            except Unavailable as exc:
                self.trunks.line_gone(index)
                log.error("line did not start; trying again", line=index, reason=str(exc))
            else:
                return line


_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
