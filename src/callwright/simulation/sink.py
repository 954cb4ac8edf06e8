"""Where the results go: a receiver that remembers what it got, and the sender that posts to it."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callwright.domain.notice import Delivery
from callwright.ports.store import OwedNotice
from callwright.simulation.faults import CrashPoints, Outage, Trouble
from callwright.simulation.history import History
from callwright.simulation.virtual_loop import VirtualLoop

ANSWERS_S = 0.03
HANGS_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST that arrived."""

    at_s: float
    life: int
    webhook_id: str
    body: bytes
    status: int


class Sink:
    """Takes POSTs in every life of the server."""

    def __init__(
        self,
        history: History,
        *,
        chance: random.Random,
        outages: Sequence[Outage] = (),
        fails: float = 0.0,
    ) -> None:
        self.posts: list[Post] = []
        self._history = history
        self._chance = chance
        self._outages = outages
        self._fails = fails

    def trouble(self, now_s: float) -> Outage | None:
        for outage in self._outages:
            if outage.start_s <= now_s < outage.end_s:
                return outage
        return None

    def receive(self, notice: OwedNotice, *, life: int, now_s: float, refuses: bool) -> int:
        """The status that it answers."""
        status = 200
        if refuses:
            status = 503
        elif self._fails and self._chance.random() < self._fails:
            status = 500
        self.posts.append(
            Post(
                at_s=now_s,
                life=life,
                webhook_id=notice.webhook_id,
                body=notice.body,
                status=status,
            )
        )
        self._history.add(now_s, "post", notice.call_id, notice.tries, status)
        return status


class SimulatedSender:
    """A `Sender` that posts to the sink, for one life of a simulated process."""

    def __init__(self, sink: Sink, *, loop: VirtualLoop, points: CrashPoints, life: int) -> None:
        self._sink = sink
        self._loop = loop
        self._points = points
        self._life = life

    async def send(self, notice: OwedNotice, now: datetime) -> Delivery:
        outage = self._sink.trouble(self._loop.time())
        if outage is not None and outage.trouble is Trouble.SILENT:
            await asyncio.sleep(HANGS_S)
            return Delivery(status=None, problem="timeout", took_ms=int(HANGS_S * 1000))
        await asyncio.sleep(ANSWERS_S / 2)
        self._points.reach("before POST")
        status = self._sink.receive(
            notice, life=self._life, now_s=self._loop.time(), refuses=outage is not None
        )
        self._points.reach("after POST")
        await asyncio.sleep(ANSWERS_S / 2)
        wait = timedelta(seconds=outage.retry_after_s) if outage and outage.retry_after_s else None
        return Delivery(status=status, retry_after=wait, took_ms=int(ANSWERS_S * 1000))

    async def close(self) -> None:
        """Nothing to release."""
