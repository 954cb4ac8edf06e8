"""The client of a simulated server: asks, remembers what it was told, outlives every death."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from callwright.domain.account import Deployment, User
from callwright.domain.call import Contact, Schedule
from callwright.errors import StoreUnavailable
from callwright.ports.store import Lane, Store
from callwright.service.cancel_calls import cancel_calls
from callwright.service.load_list import ListLoader
from callwright.service.opt_outs import add_opt_outs
from callwright.service.queue_calls import queue_call
from callwright.simulation.campaign import Campaign, OptOut, Submission, contacts
from callwright.simulation.history import History
from callwright.simulation.virtual_loop import VirtualLoop
from callwright.simulation.world_time import WallClock

_Wish = Submission | OptOut | None
"""None: cancel everything that waits."""


@dataclass(slots=True, kw_only=True)
class Asked:
    """What the client knows of one number it asked to be called."""

    number: str
    """E.164."""
    submission: Submission
    asked_s: float
    schedule: Schedule
    acknowledged_s: float | None = None
    """None: no answer came, or an error; the call may have been taken on or not."""


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
    """Sends a campaign's requests, each once, at its time or when the server is back."""

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
        while not self.is_done:
            await asyncio.sleep(max(0.0, self._wishes[0][0] - loop.time()))
            now = wall.at(loop.time())
            # Taken off before it is sent: who gets no answer must not ask blindly again.
            match self._wishes.popleft()[1]:
                case Submission() as submission:
                    await self._submit(submission, store, user, deployment, loop=loop, now=now)
                case OptOut() as opt_out:
                    await self._opt_out(opt_out, store, user, loop=loop, now=now)
                case None:
                    await self._cancel(store, deployment, loop=loop, now=now)
            on_change()

    async def _submit(
        self,
        submission: Submission,
        store: Store,
        user: User,
        deployment: Deployment,
        *,
        loop: VirtualLoop,
        now: datetime,
    ) -> None:
        schedule = submission.schedule(now)
        people = contacts(submission.numbers)
        asked = [
            Asked(
                number=person.dial.number.e164,
                submission=submission,
                asked_s=loop.time(),
                schedule=schedule,
            )
            for person in people
        ]
        self.asked.update((each.number, each) for each in asked)
        self._history.add(loop.time(), "ask", len(people), people[0].dial.sent)
        try:
            if len(people) == 1:
                await store.write(
                    lambda tx: queue_call(tx, user, deployment, schedule, people[0], now),
                    lane=Lane.INTAKE,
                )
            else:
                await ListLoader(store).load_contacts(
                    user, deployment, schedule, _slices(people), now
                )
        except StoreUnavailable:
            self._history.add(loop.time(), "refused", len(people))
            return
        for each in asked:
            each.acknowledged_s = loop.time()
        self._history.add(loop.time(), "acknowledged", len(people))

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


async def _slices(people: Sequence[Contact]) -> AsyncIterator[Sequence[Contact]]:
    yield people
