"""The legs of one trunk that were ordered and have not left: in order, each at its time."""

import asyncio
from collections import deque
from typing import Protocol

from callwright.clock import machine_seconds
from callwright.telephony.send_gate import SendGate


class Departing(Protocol):
    """A leg that may leave."""

    @property
    def send_before(self) -> float:
        """`clock.machine_seconds` after which `place` sends nothing any more; 0 = no limit."""
        ...

    @property
    def was_sent(self) -> bool:
        """It has left."""
        ...

    @property
    def is_over(self) -> bool:
        """It has ended."""
        ...

    def place(self, now: float) -> None:
        """Leave. `now` is the loop's time."""
        ...


class Departures:
    """Lets legs leave as the gate says; those that were hung up, or are too late, at once."""

    def __init__(self, gate: SendGate) -> None:
        self._gate = gate
        self._waiting: deque[Departing] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, calls_per_second: float) -> None:
        """From now on so many may leave in any second."""
        self._gate.calls_per_second = calls_per_second
        self._let_go()

    def add(self, leg: Departing) -> None:
        """Let it leave as soon as all before it have, and its trunk may be sent another."""
        self._waiting.append(leg)
        if self._timer is None:
            self._let_go()

    def close(self) -> None:
        """Let nothing leave any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _let_go(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            leg = self._waiting[0]
            if not leg.is_over:
                # Where it cannot leave in time, its call must not wait here any longer.
                late_in_s = leg.send_before - machine_seconds() if leg.send_before else None
                wait_s = self._gate.enter() if late_in_s is None or late_in_s >= 0 else None
                if wait_s:
                    if late_in_s is not None:
                        wait_s = min(wait_s, late_in_s + 0.001)
                    self._timer = loop.call_later(wait_s, self._let_go)
                    return
                leg.place(loop.time())
                if wait_s is not None:
                    if leg.was_sent:
                        self._gate.left()
                    else:
                        self._gate.stayed()
            self._waiting.popleft()
