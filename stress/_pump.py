"""The callback pump with the real sender and a database on disk, for a stress command."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from callwright.callbacks import HttpSender
from callwright.clock import SystemClock
from callwright.domain.account import Deployment, User
from callwright.domain.call import Schedule
from callwright.domain.ids import OwnerId
from callwright.domain.notice import Delivery
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.ports.notices import HostsWanted
from callwright.ports.store import NewNotice, OwedNotice, Store, WriteTx
from callwright.runtime.callback_pump import CallbackPump
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.world import contact_of, seed

SLICE = 500
BODY = (
    b'{"max_attempts":"1","attempts":"1","phone_number":"6175550100","status":"completed","n":%d}'
)


class SkippingClock(SystemClock):
    """The machine's clock, but that whoever sees that nothing happens can skip the time."""

    def __init__(self) -> None:
        self.under_way = 0
        self.skipped = timedelta()

    def now(self) -> datetime:
        return super().now() + self.skipped

    def skip_to(self, moment: datetime) -> None:
        self.skipped += max(timedelta(), moment - self.now())


class CountingSender:
    """A `Sender` that tells the clock how much is under way."""

    def __init__(self, sender: HttpSender, clock: SkippingClock) -> None:
        self._sender = sender
        self._clock = clock

    async def send(self, notice: OwedNotice, now: datetime) -> Delivery:
        self._clock.under_way += 1
        try:
            return await self._sender.send(notice, now)
        finally:
            self._clock.under_way -= 1

    async def close(self) -> None:
        await self._sender.close()


@dataclass(frozen=True, kw_only=True)
class Pumped:
    """A pump and what it works on."""

    store: Store
    pump: CallbackPump
    user: User
    deployment: Deployment
    sender: HttpSender

    async def owe(self, urls: Sequence[str], first: int) -> list[str]:
        """Owe a notice to each URL; their webhook ids, which begin with the number `first`."""
        ids: list[str] = []
        for start in range(0, len(urls), SLICE):
            numbered = list(enumerate(urls[start : start + SLICE], first + start))
            await self.store.write(lambda tx, slice_=numbered: self._owe(tx, slice_))
            ids += [f"msg_{number}" for number, _ in numbered]
        self.pump.wake()
        return ids

    def _owe(self, tx: WriteTx, numbered: Sequence[tuple[int, str]]) -> None:
        now = self._now()
        schedule = Schedule(
            window=Window(opens_at=now + timedelta(days=365), closes_at=None),
            start_given=True,
            retry=RetryPolicy(max_attempts=1, wait=timedelta(minutes=1)),
            wait_given=True,
            result_url="",
        )
        contact = contact_of("6175550100")
        notices = [
            NewNotice(
                call_id=tx.add_call(self.deployment.id, self.user.id, schedule, contact, now),
                url=url,
                webhook_id=f"msg_{number}",
                content_type="application/json",
                body=BODY % number,
            )
            for number, url in numbered
        ]
        tx.add_notices(notices, now)

    def _now(self) -> datetime:
        return self.pump._clock.now()

    async def pending(self) -> int:
        return (await self.store.read(lambda tx: tx.queue_counts())).notices_pending

    async def next_at(self) -> datetime | None:
        """When the next try is due."""
        return await self.store.read(lambda tx: tx.next_notice_at(HostsWanted()))


@asynccontextmanager
async def pumped(
    clock: SystemClock, *, allow: Sequence[str], seed_number: int
) -> AsyncIterator[Pumped]:
    """A pump on a new database, not yet running. What is under way at the end is cut off."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_sqlite_store(Path(folder) / "stress.db", server=True)
        http = HttpSender(clock=clock, allow=allow)
        sender = CountingSender(http, clock) if isinstance(clock, SkippingClock) else http
        pump = CallbackPump(
            store=store,
            clock=clock,
            owner=OwnerId("stress"),
            sender=sender,
            chance=random.Random(seed_number),
        )
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        try:
            yield Pumped(store=store, pump=pump, user=user, deployment=deployment, sender=http)
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await http.close()
            await store.close()
