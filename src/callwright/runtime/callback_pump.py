"""Sends the notices that are due, a bounded number at once, until each is told or dead."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog

from callwright.clock import Clock
from callwright.domain.ids import NoticeId, OwnerId
from callwright.domain.notice import NoticeState, after_delivery
from callwright.errors import StoreUnavailable
from callwright.ports.meter import SILENT, Meter
from callwright.ports.sender import Sender
from callwright.ports.store import OwedNotice, Store, TriedNotice, WriteTx

log = structlog.get_logger()

AT_ONCE = 64
IDLE_POLL_S = 5.0


class CallbackPump:
    """The loop that claims due notices, hands them to the sender, and keeps what came of it.

    Claiming and keeping share a transaction: under load a turn of the loop is one commit.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        owner: OwnerId,
        sender: Sender,
        chance: random.Random,
        meter: Meter = SILENT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._sender = sender
        self._chance = chance
        self._meter = meter
        self._wake = asyncio.Event()
        self._stopping = False
        self._under_way: dict[asyncio.Task[None], NoticeId] = {}
        self._tried: list[TriedNotice] = []
        """What came of tries, on its way to the disk."""
        self._may_hold_more = False
        """A claim failed, and may be on disk all the same."""

    def wake(self) -> None:
        """A notice was written, or a try has ended."""
        self._wake.set()

    async def run(self) -> None:
        while not (self._stopping and not self._tried):
            self._wake.clear()
            pause_s = await self._turn()
            if pause_s > 0:
                await self._clock.wait(self._wake, pause_s)

    async def stop(self) -> None:
        """Claim nothing more, let the tries under way end, and keep what came of them."""
        self._stopping = True
        self._wake.set()
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._tried:
            await self._keep_and_claim(0, self._clock.now())

    async def _turn(self) -> float:
        """Keep what came of tries and start what is due; seconds until it makes sense to
        look again."""
        if self._may_hold_more:
            holding = [*self._under_way.values(), *(tried.id for tried in self._tried)]
            await self._store.write(lambda tx: tx.release_notices(self._owner, holding))
            self._may_hold_more = False
        now = self._clock.now()
        room = 0 if self._stopping else AT_ONCE - len(self._under_way)
        due_at = await self._store.read(lambda tx: tx.next_notice_at()) if room > 0 else None
        if due_at is None or due_at > now:
            room = 0
        if room or self._tried:
            for notice in await self._keep_and_claim(room, now):
                task = asyncio.create_task(self._send(notice))
                self._under_way[task] = notice.id
                task.add_done_callback(self._ended)
            return 0.0
        return IDLE_POLL_S if due_at is None else min(IDLE_POLL_S, (due_at - now).total_seconds())

    async def _keep_and_claim(self, room: int, now: datetime) -> Sequence[OwedNotice]:
        tried, self._tried = self._tried, []
        self._may_hold_more = room > 0
        try:
            claimed = await self._store.write(partial(self._write_down, tried, room, now))
        except StoreUnavailable:
            self._tried[:0] = tried
            raise
        self._may_hold_more = False
        return claimed

    def _write_down(
        self, tried: Sequence[TriedNotice], room: int, now: datetime, tx: WriteTx
    ) -> Sequence[OwedNotice]:
        if tried:
            tx.note_deliveries(self._owner, tried)
        return tx.claim_due_notices(self._owner, now, room) if room else ()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._wake.set()

    async def _send(self, notice: OwedNotice) -> None:
        began_at = self._clock.now()
        delivery = await self._sender.send(notice, began_at)
        now = self._clock.now()
        step = after_delivery(
            delivery, tries=notice.tries + 1, now=now, jitter=self._chance.uniform(-1, 1)
        )
        log.log(
            20 if delivery.ok else 30,
            "notice tried",
            call_id=notice.call_id,
            tries=notice.tries + 1,
            status=delivery.status,
            problem=delivery.problem,
            state=step.state,
            next_at=step.due_at.isoformat() if step.due_at else None,
        )
        self._meter.notice_tried(step.state)
        if step.state is NoticeState.DEAD:
            log.error("notice given up", call_id=notice.call_id, problem=delivery.problem)
        self._tried.append(
            TriedNotice(
                id=notice.id, at=began_at, delivery=delivery, state=step.state, due_at=step.due_at
            )
        )
