"""The client of a simulated server: asks, remembers what it was told, outlives every death."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from callwright.domain.account import Deployment, User
from callwright.domain.call import Contact, Schedule
from callwright.errors import StoreUnavailable
from callwright.ports.repeats import Answer, RepeatableRequest
from callwright.ports.store import Lane, Store, WriteTx
from callwright.service.cancel_calls import cancel_calls
from callwright.service.idempotency import (
    ListOnce,
    answer_again,
    answer_once,
    find_kept,
    fingerprint,
)
from callwright.service.load_list import ListLoader
from callwright.service.opt_outs import add_opt_outs
from callwright.service.queue_calls import queue_call
from callwright.simulation.campaign import Campaign, OptOut, Submission, contacts
from callwright.simulation.history import History
from callwright.simulation.virtual_loop import VirtualLoop
from callwright.simulation.world_time import WallClock

ASK_AGAIN_S = 1.0
"""How long a request with a key waits before it is sent again."""

_Wish = Submission | OptOut | None
"""None: cancel everything that waits."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What the client knows of one number it asked to be called."""

    number: str
    """E.164."""
    submission: Submission
    asked_s: float
    schedules: list[Schedule]
    """What the request meant each time it was sent; it was taken on at most once."""
    acknowledged_s: float | None = None
    """None: no answer came, or an error; the call may have been taken on or not."""

    @property
    def schedule(self) -> Schedule:
        """What the request meant when it was sent first."""
        return self.schedules[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceled:
    """A cancellation of everything that waited, and when it was answered."""

    asked_s: float
    acknowledged_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut:
    """A number that was put on the opt-out list, and when that was answered."""

    number: str
    """E.164."""
    acknowledged_s: float | None


class Client:
    """Sends a campaign's requests, each at its time or when the server is back: once, or with
    a key until it is answered."""

    def __init__(self, campaign: Campaign, history: History) -> None:
        self.asked: dict[str, Asked] = {}
        """By number."""
        self.canceled: list[Canceled] = []
        self.opted_out: list[OptedOut] = []
        self._history = history
        wishes: list[tuple[float, _Wish]] = [
            *((submission.at_s, submission) for submission in campaign.submissions),
            *((at_s, None) for at_s in campaign.cancels_s),
            *((opt_out.at_s, opt_out) for opt_out in campaign.opt_outs),
        ]
        self._wishes = deque(sorted(wishes, key=lambda wish: wish[0]))

    @property
    def is_done(self) -> bool:
        """Everything was asked."""
        return not self._wishes

    async def run(
        self,
        store: Store,
        user: User,
        deployment: Deployment,
        *,
        loop: VirtualLoop,
        wall: WallClock,
        on_change: Callable[[], None],
    ) -> None:
        """Ask whatever is left, until this life of the server or the campaign ends."""
        loader = ListLoader(store)
        while not self.is_done:
            at_s, wish = self._wishes[0]
            await asyncio.sleep(max(0.0, at_s - loop.time()))
            now = wall.at(loop.time())
            if not isinstance(wish, Submission) or not wish.key:
                # Before it is sent: who gets no answer must not ask blindly again.
                self._wishes.popleft()
            match wish:
                case Submission():
                    done = partial(_submit, wish, store, loader, user, deployment, now)
                    is_answered = await self._ask(wish, done, loop=loop, now=now)
                    if wish.key and is_answered:
                        self._wishes.popleft()
                    elif wish.key:
                        await asyncio.sleep(ASK_AGAIN_S)
                case OptOut() as opt_out:
                    await self._opt_out(opt_out, store, user, loop=loop, now=now)
                case None:
                    await self._cancel(store, deployment, loop=loop, now=now)
            on_change()

    async def _ask(
        self,
        submission: Submission,
        submit: Callable[[], Awaitable[None]],
        *,
        loop: VirtualLoop,
        now: datetime,
    ) -> bool:
        """Whether it was answered."""
        schedule = submission.schedule(now)
        asked = []
        for person in contacts(submission.numbers):
            number = person.dial.number.e164
            each = self.asked.get(number)
            if each is None:
                each = self.asked[number] = Asked(
                    number=number, submission=submission, asked_s=loop.time(), schedules=[]
                )
            each.schedules.append(schedule)
            asked.append(each)
        self._history.add(loop.time(), "ask", len(asked), submission.numbers[0])
        try:
            await submit()
        except StoreUnavailable:
            self._history.add(loop.time(), "refused", len(asked))
            return False
        for each in asked:
            each.acknowledged_s = loop.time()
        self._history.add(loop.time(), "acknowledged", len(asked))
        return True

    async def _cancel(
        self, store: Store, deployment: Deployment, *, loop: VirtualLoop, now: datetime
    ) -> None:
        asked_s = loop.time()
        self._history.add(asked_s, "cancel")
        try:
            await store.write(lambda tx: cancel_calls(tx, deployment, now), lane=Lane.INTAKE)
        except StoreUnavailable:
            self.canceled.append(Canceled(asked_s=asked_s, acknowledged_s=None))
            return
        self.canceled.append(Canceled(asked_s=asked_s, acknowledged_s=loop.time()))

    async def _opt_out(
        self, opt_out: OptOut, store: Store, user: User, *, loop: VirtualLoop, now: datetime
    ) -> None:
        numbers = [person.dial.number for person in contacts(opt_out.numbers)]
        self._history.add(loop.time(), "opt out", len(numbers))
        acknowledged_s = None
        with suppress(StoreUnavailable):
            await store.write(lambda tx: add_opt_outs(tx, user, numbers, now), lane=Lane.INTAKE)
            acknowledged_s = loop.time()
        self.opted_out += [
            OptedOut(number=number.e164, acknowledged_s=acknowledged_s) for number in numbers
        ]


async def _submit(
    submission: Submission,
    store: Store,
    loader: ListLoader,
    user: User,
    deployment: Deployment,
    now: datetime,
) -> None:
    """Have it taken on, as the HTTP side does that with a key and without."""
    schedule, people = submission.schedule(now), contacts(submission.numbers)
    asked = None
    if submission.key:
        asked = RepeatableRequest(
            user_id=user.id, key=submission.key, fingerprint=fingerprint(submission.numbers)
        )
        kept = await store.read(
            lambda tx: find_kept(tx, user.id, submission.key, now, loader.is_loading)
        )
        if kept is not None:
            answer_again(kept, asked)
            return
    if len(people) > 1:
        once = ListOnce(
            asked=asked,
            deployment_id=deployment.id,
            file_hash=None,
            now=now,
            is_loading=loader.is_loading,
            tell=lambda tx, queued, same: _answer(queued.id),
        )
        slices, at_open, at_end = _slices(people), once.at_open, once.at_end
        await loader.load_contacts(
            user, deployment, schedule, slices, now, at_open=at_open, at_end=at_end
        )
        return

    def queue_one(tx: WriteTx) -> object:
        def act() -> Answer:
            return _answer(queue_call(tx, user, deployment, schedule, people[0], now))

        return act() if asked is None else answer_once(tx, asked, now, loader.is_loading, act)

    await store.write(queue_one, lane=Lane.INTAKE)


def _answer(number: int) -> Answer:
    return Answer(status=200, headers=(), body=b"%d" % number)


async def _slices(people: Sequence[Contact]) -> AsyncIterator[Sequence[Contact]]:
    yield people
