"""A line without a network: legs end as a test says, at the moments it says.

It keeps the same promises as the real ones (a leg ends exactly once, nothing is said of a
leg after its end, everything is hung up on stop), so that rules above it can be tested
in milliseconds and on a clock that is turned by hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callwright.clock import Clock
from callwright.domain.answered_by import Verdict
from callwright.domain.outcome import Outcome
from callwright.errors import Unavailable
from callwright.ports.line import (
    EndOrphans,
    FromLine,
    HangUp,
    HangUpAll,
    LegAnswered,
    LegEnded,
    LegIdentified,
    LegKeyed,
    LegOrder,
    LegRinging,
    LegSent,
    LineReady,
    Orphan,
    OrphanEnded,
    ToLine,
    TrunkRate,
    Withdraw,
)


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


ANSWERED = Fate(outcome=Outcome.ANSWERED, sip_code=200)
BUSY = Fate(outcome=Outcome.BUSY, sip_code=486, rang=False)


class ScriptedLine:
    """A `Line` whose callees do what `fate` says."""

    def __init__(
        self, clock: Clock, fate: Callable[[LegOrder], Fate] = lambda order: ANSWERED
    ) -> None:
        self.orders: list[tuple[float, LegOrder]] = []
        """Every order with the clock's monotonic second at which its INVITE left."""
        self.orphans: list[Orphan] = []
        self.rates: dict[str, float] = {}
        """What was said last of each trunk."""
        self.refuse_to_start = False
        self._clock = clock
        self._fate = fate
        self._heard: Callable[[FromLine], None] = lambda message: None
        self._legs: dict[str, asyncio.Task[None]] = {}
        self._answered: set[str] = set()
        self._left: set[str] = set()
        self._gone: asyncio.Future[str] | None = None

    async def start(self, heard: Callable[[FromLine], None]) -> LineReady:
        if self.refuse_to_start:
            raise Unavailable("the scripted line was told not to start")
        self._heard = heard
        self._gone = asyncio.get_running_loop().create_future()
        return LineReady(pid=0, local_sip={"main": "127.0.0.1:5062"})

    def say(self, message: ToLine) -> None:
        match message:
            case LegOrder():
                self._legs[message.leg] = asyncio.ensure_future(self._live(message))
            case HangUp(leg=leg):
                self._hang_up(leg)
            case Withdraw(leg=leg, outcome=outcome):
                if leg in self._legs and leg not in self._left:
                    self._legs[leg].cancel()
                    self._end(leg, outcome, rang=False, sent=False, reason=message.reason)
            case HangUpAll():
                for leg in list(self._legs):
                    self._hang_up(leg)
            case EndOrphans(orphans=orphans):
                self.orphans += orphans
                for orphan in orphans:
                    self._heard(OrphanEnded(attempt=orphan.attempt, ended=True))
            case TrunkRate(trunk=trunk, calls_per_second=calls_per_second):
                self.rates[trunk] = calls_per_second
            case _:
                pass

    async def stop(self) -> None:
        self.say(HangUpAll())
        if self._gone is not None and not self._gone.done():
            self._gone.set_result("stopped")

    def when_gone(self) -> Awaitable[str]:
        assert self._gone is not None
        return asyncio.shield(self._gone)

    def die(self) -> None:
        """As if the process had been killed: no more words, legs unheard of."""
        for task in self._legs.values():
            task.cancel()
        self._legs.clear()
        assert self._gone is not None
        self._gone.set_result("killed")

    def _hang_up(self, leg: str) -> None:
        task = self._legs.get(leg)
        if task is None:
            return
        task.cancel()
        self._end(leg, Outcome.CANCELED, rang=True)

    async def _live(self, order: LegOrder) -> None:
        fate, leg = self._fate(order), order.leg
        if fate.leaves_s:
            await self._clock.sleep(fate.leaves_s)
        self._left.add(leg)
        self.orders.append((self._clock.monotonic(), order))
        if fate.sent:
            self._heard(LegSent(leg=leg, at=self._unix(), remote_address="127.0.0.1:5060"))
        if fate.rang:
            self._heard(LegRinging(leg=leg, at=self._unix(), code=180))
        await self._clock.sleep(fate.rings_s)
        if fate.outcome in (Outcome.ANSWERED, Outcome.NOT_REACHED):
            self._answered.add(leg)
            self._heard(
                LegAnswered(
                    leg=leg,
                    at=self._unix(),
                    to_tag="callee",
                    remote_target="sip:callee@127.0.0.1",
                    route_set=(),
                    cseq=1,
                )
            )
            for name, value in fate.keys:
                self._heard(LegKeyed(leg=leg, at=self._unix(), name=name, value=value))
            if fate.verdict is not None:
                self._heard(LegIdentified(leg=leg, at=self._unix(), verdict=fate.verdict))
            await self._clock.sleep(fate.talks_s)
        self._end(
            leg,
            fate.outcome,
            rang=fate.rang,
            sip_code=fate.sip_code,
            retry_after_s=fate.retry_after_s,
            sent=fate.sent,
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
        reason: str = "scripted",
    ) -> None:
        self._legs.pop(leg, None)
        answered = leg in self._answered
        self._heard(
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
            )
        )

    def _unix(self) -> float:
        return self._clock.now().timestamp()
