"""Which of the legs that a dead process or line left have been answered for."""

import asyncio

from callwright.clock import Clock
from callwright.ports.line import LegOrder, Orphan


class OrphanAnswers:
    """The attempts of orphans that have been answered for and not yet been taken."""

    def __init__(self) -> None:
        self.asked: int | None = None
        """The line that is to end them; None if none is, or it has died."""
        self._ended: set[str] = set()
        self._came = asyncio.Event()

    def add(self, attempt: str) -> None:
        self._ended.add(attempt)
        self._came.set()

    def line_died(self, line: int) -> None:
        if self.asked == line:
            self.asked = None
            self._came.set()

    def take(self) -> set[str]:
        ended, self._ended = self._ended, set()
        self._came.clear()
        return ended

    async def wait(self, clock: Clock, until: float) -> bool:
        """Whether there is one, or nobody to come from, by the monotonic second `until`."""
        return await clock.wait(self._came, max(0.0, until - clock.monotonic()))


def orphan_of(order: LegOrder, local_sip: str) -> Orphan:
    """What another line needs to end the leg of an order, should its own die."""
    return Orphan(
        attempt=order.leg,
        trunk=order.trunk,
        number=order.number,
        caller_id=order.caller_id,
        identity=order.identity,
        local_sip=local_sip,
        cseq=order.identity.cseq,
    )
