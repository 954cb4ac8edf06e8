"""The callback pump alone, in skipped time: real SQL, scripted receivers, no network.

Days pass in as long as their events take. What judges is what the receivers saw.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from urllib.parse import urlsplit

from callwright.domain.ids import AccountId, CallId, OwnerId
from callwright.domain.notice import Delivery, Problem, host_of
from callwright.ports.meter import SILENT, Meter
from callwright.ports.store import NewNotice, OwedNotice, WriteTx
from callwright.runtime.callback_pump import CallbackPump
from callwright.simulation.faults import CrashPoints
from callwright.simulation.inline_store import InlineStore
from callwright.simulation.virtual_loop import VirtualLoop
from callwright.simulation.world_time import VirtualClock, WallClock
from callwright.store.sqlite.opening import open_memory

STARTS_AT = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
HANGS_S = 15.0
ANSWERS_S = 0.1
_ALL_OTHERS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One request that arrived."""

    at_s: float
    host: str
    webhook_id: str
    body: bytes
    status: int


class Receivers:
    """A `Sender` to scripted hosts; knows what came, and how much of it at once.

    `status_of` gives the answer to the n-th request of a host at a second; None = silence,
    until the sender has had enough.
    """

    def __init__(self, loop: VirtualLoop, status_of: Callable[[str, float, int], int | None]):
        self.posts: list[Post] = []
        self.tried: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        """Most requests at once, by host; "" = to all together."""
        self.answers_s = ANSWERS_S
        self._open: Counter[str] = Counter()
        self._loop = loop
        self._status_of = status_of

    @property
    def told(self) -> list[Post]:
        return [post for post in self.posts if post.status == 200]

    async def send(self, notice: OwedNotice, now: datetime) -> Delivery:
        # By its URL: whatever the pump takes for one receiver.
        host = host_of(notice.url)
        if account := urlsplit(notice.url).fragment:
            host = f"{host}#{account}"
        self.tried[host] += 1
        status = self._status_of(host, self._loop.time(), self.tried[host])
        for name in (host, ""):
            self._open[name] += 1
            self.most[name] = max(self.most[name], self._open[name])
        await asyncio.sleep(HANGS_S if status is None else self.answers_s)
        self._open.subtract([host, ""])
        if status is None:
            return Delivery(status=None, problem=Problem.TIMEOUT, took_ms=int(HANGS_S * 1000))
        self.posts.append(
            Post(
                at_s=self._loop.time(),
                host=host,
                webhook_id=notice.webhook_id,
                body=notice.body,
                status=status,
            )
        )
        return Delivery(status=status)

    async def close(self) -> None:
        """Nothing to release."""


class CallbackWorld:
    """A store whose notices can be pumped to receivers, on the running `VirtualLoop`."""

    def __init__(
        self, status_of: Callable[[str, float, int], int | None], *, seed_number: int = 1
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.wall = WallClock(STARTS_AT)
        self.clock = VirtualClock(loop, self.wall)
        self.chance = random.Random(seed_number)
        self.connection = open_memory()
        # notices alone: the calls that owe them are somebody else's matter
        self.connection.pragma("foreign_keys", False)
        self.store = InlineStore(
            self.connection, loop=loop, points=CrashPoints(), chance=self.chance
        )
        self.meter: Meter = SILENT
        self.receivers = Receivers(loop, status_of)
        self._calls = count(1)

    async def owe(self, *hosts: str) -> None:
        """Owe a notice to each of these hosts, in this order, at once."""
        now = self.clock.now()

        def work(tx: WriteTx) -> None:
            tx.add_notices([self._notice(host) for host in hosts], now)

        await self.store.write(work)

    async def counts(self) -> tuple[int, int]:
        """Notices that are pending, and dead."""
        counts = await self.store.read(lambda tx: tx.queue_counts())
        return counts.notices_pending, counts.notices_dead

    async def until(
        self, true: Callable[[], bool], *, step_s: float = 0.05, limit_s: float = 3600.0
    ) -> float:
        """Let time pass until something holds, looking every `step_s`; the seconds it took.

        Raises:
            AssertionError: it still does not after `limit_s`.
        """
        began_s = self.loop.time()
        while not true():
            if self.loop.time() > began_s + limit_s:
                raise AssertionError(f"still not so after {limit_s} s")
            await asyncio.sleep(step_s)
        return self.loop.time() - began_s

    @asynccontextmanager
    async def pumping(self) -> AsyncIterator[CallbackPump]:
        """A process that sends; it leaves as if it had been killed."""
        pump = CallbackPump(
            store=self.store,
            clock=self.clock,
            owner=OwnerId(f"pump-{self.chance.getrandbits(32)}"),
            sender=self.receivers,
            chance=self.chance,
            meter=self.meter,
        )
        await self.store.write(lambda tx: tx.release_notices_of_the_dead(_ALL_OTHERS))
        running = asyncio.create_task(pump.run())
        try:
            yield pump
            if running.done():
                running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _notice(self, receiver: str) -> NewNotice:
        call = next(self._calls)
        host, _, account = receiver.partition("#")
        return NewNotice(
            call_id=CallId(call),
            url=f"http://{host}/{call}" + (f"#{account}" if account else ""),
            webhook_id=f"msg_{call}",
            content_type="application/json",
            body=b'{"call":%d}' % call,
            account_id=AccountId(int(account)) if account else None,
        )
