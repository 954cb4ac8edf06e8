"""Sends the notices that are due, a bounded number at once, until each is told or dead."""

import asyncio
import random

import structlog

from callwright.clock import Clock
from callwright.domain.ids import NoticeId, OwnerId
from callwright.domain.notice import NoticeState, after_delivery
from callwright.errors import StoreUnavailable
from callwright.ports.meter import SILENT, Meter
from callwright.ports.sender import Sender
from callwright.ports.store import OwedNotice, Store

log = structlog.get_logger()

AT_ONCE = 64
IDLE_POLL_S = 5.0


class CallbackPump:
    """The loop that claims due notices and hands them to the sender."""

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
        self._may_hold_more = False
        """A claim failed, and may be on disk all the same."""

    def wake(self) -> None:
        """A notice was written, or a try has ended."""
        self._wake.set()

    async def run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            pause_s = await self._send_due()
            if pause_s > 0 and not self._stopping:
                await self._clock.wait(self._wake, pause_s)

    async def stop(self) -> None:
        """Claim nothing more and let the tries under way end."""
        self._stopping = True
        self._wake.set()
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _send_due(self) -> float:
        """Start what is due; seconds until it makes sense to look again."""
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return IDLE_POLL_S
        if self._may_hold_more:
            sending = list(self._under_way.values())
            await self._store.write(lambda tx: tx.release_notices(self._owner, sending))
            self._may_hold_more = False
        now = self._clock.now()
        due_at = await self._store.read(lambda tx: tx.next_notice_at())
        if due_at is None:
            return IDLE_POLL_S
        if due_at > now:
            return min(IDLE_POLL_S, (due_at - now).total_seconds())
        self._may_hold_more = True
        notices = await self._store.write(lambda tx: tx.claim_due_notices(self._owner, now, room))
        self._may_hold_more = False
        for notice in notices:
            task = asyncio.create_task(self._send(notice))
            self._under_way[task] = notice.id
            task.add_done_callback(self._ended)
        return 0.0 if notices else IDLE_POLL_S

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._wake.set()

    async def _send(self, notice: OwedNotice) -> None:
        started_at = self._clock.now()
        delivery = await self._sender.send(notice, started_at)
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
        while True:
            try:
                await self._store.write(
                    lambda tx: tx.note_delivery(
                        notice.id,
                        self._owner,
                        at=started_at,
                        delivery=delivery,
                        state=step.state,
                        due_at=step.due_at,
                    )
                )
            except StoreUnavailable as exc:
                log.error("delivery not saved yet; trying again", reason=str(exc))
                await self._clock.sleep(0.5)
            else:
                return
