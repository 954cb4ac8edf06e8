"""Sends the notices that are due, a bounded number at once, until each is told or dead.

How many may go to one host, and when one is left alone, is decided by `callback_slots` and
`domain.receiver`; when a notice is tried again and when it is over, by `domain.notice`.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from callwright.clock import Clock
from callwright.domain.ids import NoticeId, OwnerId
from callwright.domain.notice import LASTS, NoticeState, after_delivery
from callwright.domain.receiver import LONGEST_REST, Standing
from callwright.errors import StoreUnavailable
from callwright.ports.meter import SILENT, Meter
from callwright.ports.notices import NoticeQuestions
from callwright.ports.sender import Sender
from callwright.ports.store import OwedNotice, Store, TriedNotice, WriteTx
from callwright.runtime.callback_slots import Offer, Slots, claim_fairly
from callwright.runtime.idling import IDLE_POLL_S

log = structlog.get_logger()

GIVEN_UP_AT_ONCE = 1000
"""Notices of a host that is down for days that are given up after one more failed try."""
CLOCK_SET_BACK = timedelta(seconds=1)
NOTHING_THERE_S = 0.05
"""Pause after a look that found nothing although something was said to be due."""


@dataclass(slots=True)
class _News:
    """What is on its way to the disk."""

    tried: list[TriedNotice] = field(default_factory=list)
    standings: dict[str, Standing] = field(default_factory=dict)
    """Hosts that are left alone from now, or no more."""

    def __bool__(self) -> bool:
        return bool(self.tried or self.standings)

    def put_before(self, later: "_News") -> None:
        """Keep what could not be written, with what has come since."""
        later.tried[:0] = self.tried
        later.standings = {**self.standings, **later.standings}


_Found = tuple[Sequence[OwedNotice], datetime | None]
"""What was claimed, and when there will be more for the slots that are left."""


class SharedClaim:
    """A claim made in the transaction that writes notices, so that they leave once it is on disk.

    `take` last in the transaction, if it wrote any; then exactly one of `done` and `failed`.
    """

    def __init__(
        self, claim: Callable[[WriteTx, datetime], _Found], end: Callable[[_Found | None], None]
    ) -> None:
        self._claim = claim
        self._end = end
        self._found: _Found = ((), None)

    def take(self, tx: WriteTx, now: datetime) -> None:
        """Claim what is due by now. May be run again if the transaction was undone."""
        self._found = self._claim(tx, now)

    def done(self) -> None:
        """The transaction is on disk."""
        self._end(self._found)

    def failed(self) -> None:
        """It is not, or nobody knows."""
        self._end(None)


class CallbackPump:
    """The loop that claims due notices, hands them to the sender, and keeps what came of it.

    Claiming and keeping share a transaction: under load a turn of the loop is one commit.
    What has just been written is mostly claimed by whoever wrote it.
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
        self._news = _News()
        self._slots: Slots | None = None
        """None until it is known which hosts are in trouble."""
        self._looked_at: datetime | None = None
        self._sleeps_until: datetime | None = None
        """When it looks again by itself; None: it is looking."""
        self._is_claiming = False
        """An offer of slots is out, and what it will take of them is not known."""
        self._may_hold_more = False
        """A claim failed, and may be on disk all the same."""

    def wake(self) -> None:
        """A notice was written, or a try has ended."""
        self._wake.set()

    def share_claim(self) -> SharedClaim | None:
        """A claim for a transaction that may write notices; None: `wake` after it instead."""
        if self._stopping or self._is_claiming or self._may_hold_more or self._slots is None:
            return None
        offer = self._slots.offer()
        if offer.room <= 0:
            return None
        self._is_claiming = self._may_hold_more = True

        def end(found: _Found | None) -> None:
            self._is_claiming = False
            if found is None:
                self._wake.set()  # to give back what may be ours all the same
                return
            self._may_hold_more = False
            claimed, due_at = found
            self._begin(claimed)
            asleep_until = self._sleeps_until
            if due_at is not None and (asleep_until is None or due_at < asleep_until):
                self._wake.set()

        return SharedClaim(partial(self._claim, offer), end)

    async def run(self) -> None:
        while not (self._stopping and not self._news):
            self._wake.clear()
            self._sleeps_until = None
            pause_s = await self._turn()
            if pause_s > 0:
                self._sleeps_until = self._clock.now() + timedelta(seconds=pause_s)
                await self._clock.wait(self._wake, pause_s)

    async def stop(self) -> None:
        """Claim nothing more, let the tries under way end, and keep what came of them."""
        self._stopping = True
        self._wake.set()
        while self._under_way:
            await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._news:
            await self._keep_and_claim(None, self._clock.now())

    async def _turn(self) -> float:
        """Keep what came of tries and start what is due; seconds until it makes sense to
        look again."""
        slots = await self._known_slots()
        if self._may_hold_more and not self._is_claiming:
            holding = [*self._under_way.values(), *(tried.id for tried in self._news.tried)]
            await self._store.write(lambda tx: tx.release_notices(self._owner, holding))
            self._may_hold_more = False
        now = self._clock.now()
        await self._mind_the_clock(now, slots)
        offer = None if self._stopping or self._is_claiming else slots.offer()
        if offer is None and not self._news:
            return IDLE_POLL_S
        if offer is not None and not self._news:
            # To ask first costs less than a transaction that finds nothing.
            due_at = await self._store.read(partial(_next_at, offer))
            if due_at is None or due_at > now:
                return _pause_s(due_at, now)
            if self._is_claiming:
                return 0.0  # what was just written is being claimed: look again after that
            offer = slots.offer()
        claimed, due_at = await self._keep_and_claim(offer, now)
        self._begin(claimed)
        pause_s = _pause_s(due_at, now)
        return pause_s if claimed else max(pause_s, NOTHING_THERE_S)

    def _begin(self, claimed: Sequence[OwedNotice]) -> None:
        """Send what is ours."""
        assert self._slots is not None
        for notice in claimed:
            self._slots.take(notice.host)
            task = asyncio.create_task(self._send(notice, self._slots))
            self._under_way[task] = notice.id
            task.add_done_callback(self._ended)

    async def _known_slots(self) -> Slots:
        if self._slots is None:
            self._slots = Slots(await self._store.read(lambda tx: tx.hosts_in_trouble()))
            self._meter.hosts_in_trouble(self._slots.in_trouble)
        return self._slots

    async def _mind_the_clock(self, now: datetime, slots: Slots) -> None:
        """Let no host rest for longer than it should because the clock was set back."""
        before, self._looked_at = self._looked_at, now
        set_back = before is None or now < before - CLOCK_SET_BACK
        if set_back and slots.in_trouble:
            await self._store.write(lambda tx: tx.shorten_rests(now + LONGEST_REST))

    async def _keep_and_claim(self, offer: Offer | None, now: datetime) -> _Found:
        """What was claimed of `offer`, and when there will be more for what is left of it."""
        news, self._news = self._news, _News()
        if offer is not None:
            self._is_claiming = self._may_hold_more = True
        try:
            found = await self._store.write(partial(self._write_down, news, offer, now))
        except StoreUnavailable:
            news.put_before(self._news)
            raise
        finally:
            if offer is not None:
                self._is_claiming = False
        if offer is not None:
            self._may_hold_more = False
        return found

    def _write_down(self, news: _News, offer: Offer | None, now: datetime, tx: WriteTx) -> _Found:
        if news.tried:
            tx.note_deliveries(self._owner, news.tried)
        for host, standing in news.standings.items():
            tx.note_standing(host, standing)
            if standing.failing_since is not None and standing.failing_since < now - LASTS:
                given_up = tx.give_up_notices(host, now, GIVEN_UP_AT_ONCE)
                for _ in given_up:
                    self._meter.notice_tried(NoticeState.DEAD)
                if given_up:
                    log.error("notices given up: host down", host=host, notices=len(given_up))
        return ((), None) if offer is None else self._claim(offer, tx, now)

    def _claim(self, offer: Offer, tx: WriteTx, now: datetime) -> _Found:
        claimed, left = claim_fairly(tx, self._owner, offer, now)
        return claimed, _next_at(left, tx)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._wake.set()

    async def _send(self, notice: OwedNotice, slots: Slots) -> None:
        began_at = self._clock.now()
        try:
            delivery = await self._sender.send(notice, began_at)
        finally:
            slots.give_back(notice.host)
        now = self._clock.now()
        step = after_delivery(
            delivery,
            tries=notice.tries - notice.tries_before_replay + 1,
            now=now,
            jitter=self._chance.uniform(-1, 1),
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
        self._news.tried.append(
            TriedNotice(
                id=notice.id,
                at=began_at,
                ended_at=now,
                delivery=delivery,
                state=step.state,
                due_at=step.due_at,
                extended_by=step.extended_by,
            )
        )
        if slots.learn(
            notice.host,
            delivery,
            began_at=began_at,
            now=now,
            jitter=self._chance.uniform(-1, 1),
        ):
            self._note_rest(notice.host, slots.standing(notice.host))
            self._meter.hosts_in_trouble(slots.in_trouble)

    def _note_rest(self, host: str, standing: Standing) -> None:
        self._news.standings[host] = standing
        if standing.rests_until is None:
            log.info("host answers again", host=host)
        else:
            # The first rest is news; a host that stays away would fill the log.
            log.log(
                30 if standing.rests == 1 else 10,
                "host is left alone for a while",
                host=host,
                rests_until=standing.rests_until.isoformat(),
                failing_since=standing.failing_since and standing.failing_since.isoformat(),
            )


def _next_at(offer: Offer, tx: NoticeQuestions) -> datetime | None:
    """When there is something to claim for slots that are free."""
    return tx.next_notice_at(offer.wanted) if offer.room > 0 else None


def _pause_s(due_at: datetime | None, now: datetime) -> float:
    """Seconds until it makes sense to look again, if nothing wakes us."""
    return IDLE_POLL_S if due_at is None else min(IDLE_POLL_S, (due_at - now).total_seconds())
