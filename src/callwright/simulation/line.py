"""A line that dials the simulated network: the brain's side of every leg.

Keeps the promises that a real one keeps: a leg ends exactly once, nothing is said of it
afterwards, an INVITE that is too late does not leave, everything is hung up on stop. The
moments before and after an INVITE, a hang-up and an orphan's end are crash points.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from callwright.domain.opt_out import OPT_OUT
from callwright.domain.outcome import Outcome
from callwright.ports.line import (
    FromLine,
    LegEnded,
    LegKeyed,
    LegOrder,
    Orphan,
    OrphanEnded,
    ToLine,
)
from callwright.simulation.carrier import Carrier, CarrierLeg
from callwright.simulation.faults import NO_FAULTS, CrashPoints, FaultPlan, ProcessDied
from callwright.simulation.obedient_line import ObedientLine
from callwright.simulation.virtual_loop import VirtualLoop
from callwright.simulation.world_time import WallClock

PIPE_S = 0.001
"""What a message takes from the brain to the line, or back."""

RINGS_AFTER_S = 0.15
ORPHAN_S = 0.2
"""What a CANCEL or BYE and its answer take."""

KILLS_AFTER_S = 0.1
"""So long after its INVITE a deadly number kills: nobody has answered yet."""


@dataclass(slots=True)
class _Placed:
    order: LegOrder
    carried: CarrierLeg
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class SimulatedLine(ObedientLine):
    """A `Line` for one life of a simulated process."""

    def __init__(
        self,
        carrier: Carrier,
        *,
        loop: VirtualLoop,
        wall: WallClock,
        points: CrashPoints,
        life: int,
        keys: tuple[tuple[str, str], ...] = (),
        faults: FaultPlan = NO_FAULTS,
        is_brief: bool = False,
    ) -> None:
        """`keys`: what everybody who hears the script to its end keys, name and value.

        A brief line leaves out that an INVITE left and that it rings: only whoever comes
        after a death needs to know.
        """
        super().__init__(near="192.0.2.1:5062", far="192.0.2.2:5060")
        self._carrier = carrier
        self._loop = loop
        self._wall = wall
        self._points = points
        self._life = life
        self._keys = keys
        self._is_brief = is_brief
        self._faults = faults
        self._orders = 0
        self._legs: dict[str, _Placed] = {}
        self._is_dead = False

    def say(self, message: ToLine) -> None:
        if self._is_dead:
            return
        self._loop.call_later(PIPE_S, self._obey, message)
        if isinstance(message, LegOrder):
            self._orders += 1
            if self._orders in self._faults.stops_before_invite:
                self._loop.call_later(PIPE_S / 2, self._loop.skip, self._faults.stop_s)

    def die(self) -> None:
        """The line's process is gone: its legs are left to the network, and nobody hears."""
        self._is_dead = True
        for placed in self._legs.values():
            placed.carried.left_s = self._loop.time()
            for timer in placed.timers:
                timer.cancel()
        self._legs.clear()
        self._heard = lambda message: None
        if not self._loop.is_closed():
            self._be_gone("killed")

    def _obey(self, message: ToLine) -> None:
        if not self._is_dead:
            super()._obey(message)

    def _live_legs(self) -> Collection[str]:
        return self._legs

    def _place(self, order: LegOrder) -> None:
        now_s = self._loop.time()
        if order.send_before and now_s > order.send_before:
            self._tell(
                LegEnded(
                    leg=order.leg,
                    at=self._unix(),
                    outcome=Outcome.TRUNK_TROUBLE,
                    answered=False,
                    rang=False,
                    sent=False,
                    reason="too late to send",
                )
            )
            return
        self._points.reach("before INVITE")
        carried = self._carrier.invite(
            sip_call_id=order.identity.call_id,
            number=order.number,
            ring_timeout_s=order.ring_timeout_s,
            max_length_s=order.max_length_s,
            life=self._life,
            now_s=now_s,
            now_at=self._wall.at(now_s),
        )
        self._points.reach("after INVITE")
        placed = self._legs[order.leg] = _Placed(order=order, carried=carried)
        if order.number in self._faults.deadly:
            self._loop.call_at(now_s + KILLS_AFTER_S, _kill)
        leg = order.leg
        if not self._is_brief:
            self._tell_sent(leg)
        if carried.fate.rings and not self._is_brief:
            self._later(placed, now_s + RINGS_AFTER_S, self._rings)
        if carried.answered_s is not None:
            self._later(placed, carried.answered_s, self._answered)
            if carried.fate.opts_out_s is not None:
                self._later(placed, carried.answered_s + carried.fate.opts_out_s, self._opts_out)
        assert carried.ended_s is not None
        self._later(placed, carried.ended_s, self._over)

    def _rings(self, placed: _Placed) -> None:
        self._tell_ringing(placed.order.leg)

    def _answered(self, placed: _Placed) -> None:
        self._tell_answered(placed.order.leg)

    def _opts_out(self, placed: _Placed) -> None:
        placed.carried.opted_out_s = self._loop.time()
        leg = placed.order.leg
        self._tell(LegKeyed(leg=leg, at=self._unix(), name=OPT_OUT, value="yes"))

    def _over(self, placed: _Placed) -> None:
        fate, leg = placed.carried.fate, placed.order.leg
        answered = placed.carried.answered_s is not None
        if answered and fate.finishes:
            for name, value in self._keys:
                self._tell(LegKeyed(leg=leg, at=self._unix(), name=name, value=value))
        self._end(placed, fate.outcome, finished=answered and fate.finishes)

    def _hang_up(self, leg: str) -> None:
        placed = self._legs.get(leg)
        if placed is None:
            return
        self._points.reach("before hanging up")
        self._carrier.hang_up(placed.carried, self._loop.time())
        self._points.reach("after hanging up")
        self._end(placed, Outcome.CANCELED, finished=False)

    def _end(self, placed: _Placed, outcome: Outcome, *, finished: bool) -> None:
        for timer in placed.timers:
            timer.cancel()
        del self._legs[placed.order.leg]
        carried, fate = placed.carried, placed.carried.fate
        self._carrier.forget(carried)
        answered = carried.answered_s is not None
        self._tell(
            LegEnded(
                leg=placed.order.leg,
                at=self._unix(),
                outcome=outcome,
                answered=answered,
                rang=fate.rings,
                sip_code=fate.sip_code,
                reason="simulated",
                finished=finished,
                retry_after_s=fate.retry_after_s,
            )
        )

    def _end_orphan(self, orphan: Orphan) -> None:
        self._points.reach("before ending an orphan")
        carried = self._carrier.find_open(orphan.identity.call_id, self._loop.time())
        if carried is not None:
            self._carrier.hang_up(carried, self._loop.time())
        self._points.reach("after ending an orphan")
        self._loop.call_later(
            ORPHAN_S, self._hear, OrphanEnded(attempt=orphan.attempt, ended=carried is not None)
        )

    def _later(self, placed: _Placed, when_s: float, do: Callable[[_Placed], None]) -> None:
        placed.timers.append(self._loop.call_at(when_s, do, placed))

    def _tell(self, message: FromLine) -> None:
        self._loop.call_later(PIPE_S, self._hear, message)

    def _hear(self, message: FromLine) -> None:
        self._heard(message)

    def _unix(self) -> float:
        return self._wall.at(self._loop.time()).timestamp()


def _kill() -> None:
    raise ProcessDied("a call that kills")
