"""A line without a network: legs end as a test says, at the moments it says.

It keeps the same promises as the real ones (a leg ends exactly once, nothing is said of a
leg after its end, everything is hung up on stop), so that rules above it can be tested
in milliseconds and on a clock that is turned by hand.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from callwright.clock import Clock
from callwright.domain.answered_by import Verdict
from callwright.domain.outcome import Outcome
from callwright.errors import Unavailable
from callwright.ports.line import (
    FromLine,
    LegEnded,
    LegIdentified,
    LegKeyed,
    LegOrder,
    LineReady,
    Orphan,
    OrphanEnded,
    ToLine,
    TrunkRate,
    TrunkStands,
    Withdraw,
)
from callwright.simulation.obedient_line import ObedientLine


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What happens to a leg. `rings_s` after the INVITE it ends or is answered."""

    outcome: Outcome
    rings_s: float = 1.0
    talks_s: float = 5.0
    keys: tuple[tuple[str, str], ...] = ()
    sip_code: int = 0
    rang: bool = True
    retry_after_s: float = 0.0
    sent: bool = True
    leaves_s: float = 0.0
    """After the order, as from a line whose gate holds it."""
    verdict: Verdict | None = None
    """Who answered, for a script that wants to know."""
    audio: tuple[int, int, int] = (0, 0, 0)
    """Packets sent, received and lost."""


ANSWERED = Fate(outcome=Outcome.ANSWERED, sip_code=200)
BUSY = Fate(outcome=Outcome.BUSY, sip_code=486, rang=False)


class ScriptedLine(ObedientLine):
    """A `Line` whose callees do what `fate` says."""

    def __init__(
        self, clock: Clock, fate: Callable[[LegOrder], Fate] = lambda order: ANSWERED
    ) -> None:
        super().__init__()
        self.orders: list[tuple[float, LegOrder]] = []
        """Every order with the clock's monotonic second at which its INVITE left."""
        self.orphans: list[Orphan] = []
        self.rates: dict[str, float] = {}
        """What was said last of each trunk."""
        self.refuse_to_start = False
        self._clock = clock
        self._fate = fate
        self._legs: dict[str, asyncio.Task[None]] = {}
        self._answered: set[str] = set()
        self._left: set[str] = set()

    async def start(self, heard: Callable[[FromLine], None]) -> LineReady:
        if self.refuse_to_start:
            raise Unavailable("the scripted line was told not to start")
        return await super().start(heard)

    def tells_of_trunk(self, stands: TrunkStands) -> None:
        """As if something had changed there."""
        self._tell(stands)

    def die(self) -> None:
        """As if the process had been killed: no more words, legs unheard of."""
        for task in self._legs.values():
            task.cancel()
        self._legs.clear()
        self._be_gone("killed")

    def _obey(self, message: ToLine) -> None:
        match message:
            case Withdraw(leg=leg, outcome=outcome):
                if leg in self._legs and leg not in self._left:
                    self._legs[leg].cancel()
                    self._end(leg, outcome, rang=False, sent=False, reason=message.reason)
            case TrunkRate(trunk=trunk, calls_per_second=calls_per_second):
                self.rates[trunk] = calls_per_second
            case _:
                super()._obey(message)

    def _place(self, order: LegOrder) -> None:
        self._legs[order.leg] = asyncio.ensure_future(self._live(order))

    def _live_legs(self) -> Collection[str]:
        return self._legs

    def _hang_up(self, leg: str) -> None:
        task = self._legs.get(leg)
        if task is None:
            return
        task.cancel()
        self._end(leg, Outcome.CANCELED, rang=True)

    def _end_orphan(self, orphan: Orphan) -> None:
        self.orphans.append(orphan)
        self._tell(OrphanEnded(attempt=orphan.attempt, ended=True))

    async def _live(self, order: LegOrder) -> None:
        fate, leg = self._fate(order), order.leg
        if fate.leaves_s:
            await self._clock.sleep(fate.leaves_s)
        self._left.add(leg)
        self.orders.append((self._clock.monotonic(), order))
        if fate.sent:
            self._tell_sent(leg)
        if fate.rang:
            self._tell_ringing(leg)
        await self._clock.sleep(fate.rings_s)
        if fate.outcome in (Outcome.ANSWERED, Outcome.NOT_REACHED):
            self._answered.add(leg)
            self._tell_answered(leg)
            for name, value in fate.keys:
                self._tell(LegKeyed(leg=leg, at=self._unix(), name=name, value=value))
            if fate.verdict is not None:
                self._tell(LegIdentified(leg=leg, at=self._unix(), verdict=fate.verdict))
            await self._clock.sleep(fate.talks_s)
        self._end(
            leg,
            fate.outcome,
            rang=fate.rang,
            sip_code=fate.sip_code,
            retry_after_s=fate.retry_after_s,
            sent=fate.sent,
            audio=fate.audio,
        )

    def _end(
        self,
        leg: str,
        outcome: Outcome,
        *,
        rang: bool,
        sip_code: int = 0,
        retry_after_s: float = 0.0,
        sent: bool = True,
        audio: tuple[int, int, int] = (0, 0, 0),
        reason: str = "scripted",
    ) -> None:
        self._legs.pop(leg, None)
        answered = leg in self._answered
        self._tell(
            LegEnded(
                leg=leg,
                at=self._unix(),
                outcome=outcome,
                answered=answered,
                rang=rang or answered,
                sip_code=sip_code,
                reason=reason,
                finished=answered and outcome is Outcome.ANSWERED,
                retry_after_s=retry_after_s,
                sent=sent,
                sent_packets=audio[0],
                received_packets=audio[1],
                lost_packets=audio[2],
            )
        )

    def _unix(self) -> float:
        return self._clock.now().timestamp()
