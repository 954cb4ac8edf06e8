"""Counts what happens in a rehearsal: in the words of the server, and as the network saw it."""

import heapq
from collections import Counter
from collections.abc import Callable

from callwright.domain.answered_by import AnsweredBy
from callwright.domain.lifecycle import CallState
from callwright.domain.notice import NoticeState
from callwright.domain.outcome import Outcome
from callwright.ports.meter import LegMeasures
from callwright.simulation.carrier import CarrierLeg

MINUTE_S = 60


class Tally:
    """A `Meter` for the server, and a log for the network. Seconds are true ones."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.states: Counter[CallState] = Counter()
        """Calls that are over, by how they ended."""
        self.outcomes: Counter[Outcome] = Counter()
        """Attempts, by what they came to."""
        self.by_minute: Counter[tuple[int, Outcome]] = Counter()
        """Legs, by the minute of Unix time in which they were begun and what they met."""
        self.by_attempt: Counter[int] = Counter()
        """Legs, by the number of the attempt: how many calls came so far."""
        self.most_at_once = 0
        self.first_s: float | None = None
        """When the first leg was begun."""
        self.legs_end_s = 0.0
        """When the last leg so far will be over."""
        self.settled_s = 0.0
        """When a call last ended, to the server's knowledge."""
        self._monotonic = monotonic
        self._dialled: set[int] = set()
        self._live: list[float] = []

    @property
    def over(self) -> int:
        """Calls that are over."""
        return sum(self.states.values())

    @property
    def dialled(self) -> int:
        """Calls that were dialled at least once."""
        return len(self._dialled)

    def invited(self, leg: CarrierLeg) -> None:
        """A leg began, and how it will end by itself is known."""
        now_s, ended_s = leg.invited_s, leg.ended_s or leg.invited_s
        call, attempt = leg.attempt
        self._dialled.add(call)
        self.by_attempt[attempt] += 1
        self.by_minute[int(leg.invited_at.timestamp()) // MINUTE_S, leg.fate.outcome] += 1
        if self.first_s is None:
            self.first_s = now_s
        self.legs_end_s = max(self.legs_end_s, ended_s)
        live = self._live
        while live and live[0] <= now_s:
            heapq.heappop(live)
        heapq.heappush(live, ended_s)
        self.most_at_once = max(self.most_at_once, len(live))

    def attempt_started(self, trunk: str) -> None:
        """Counted where it is seen: on the network."""

    def attempt_ended(self, trunk: str, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1

    def leg_measured(self, trunk: str, measures: LegMeasures) -> None:
        """Of a line that is simulated."""

    def identified(self, trunk: str, who: AnsweredBy) -> None:
        """Nobody listens in a rehearsal."""

    def call_ended(self, state: CallState) -> None:
        self.states[state] += 1
        self.settled_s = self._monotonic()

    def notice_tried(self, state: NoticeState) -> None:
        """Nobody is told of a rehearsal."""

    def hosts_in_trouble(self, count: int) -> None:
        """Nor of its receivers."""

    def group_committed(self, works: int, seconds: float) -> None:
        """Its disk is a simulated one."""
