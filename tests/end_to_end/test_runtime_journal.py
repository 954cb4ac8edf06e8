"""What is said of attempts reaches the disk: together, in order, and whatever fails."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId, OwnerId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.errors import StoreUnavailable
from callwright.ports.control import Keyed
from callwright.ports.motion import Claim, Dialog, Hold, Intent
from callwright.ports.notices import HostsWanted
from callwright.ports.store import Lane, ReadTx, Store, WriteTx
from callwright.runtime.journal import Journal, Lost
from callwright.runtime.orders import TrunkRules, new_intent
from callwright.service.begin_attempt import begin_attempts
from callwright.service.claim_calls import claim_due_calls
from callwright.service.finish_attempt import Ending
from callwright.service.tell_result import NoticeStyle
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.world import World, seed

T = TypeVar("T")

OWNER = OwnerId("owner")
RULES = TrunkRules(name="main", caller_id="", ring_timeout_s=60, max_length_s=3600)
STYLE = NoticeStyle(new_id=lambda: "msg_1")
DIALOG = Dialog(to_tag="t", remote_target="sip:callee@192.0.2.1", route_set=(), cseq=1)


@dataclass
class FailingStore:
    """A real store some of whose writes fail, before or after they have landed."""

    store: Store
    fates: list[str] = field(default_factory=list)
    """Taken from the front, one a write: "ok", "lost" or "landed"; afterwards all is well."""
    writes: int = 0

    async def write(self, work: Callable[[WriteTx], T], *, lane: Lane = Lane.LIFE) -> T:
        self.writes += 1
        fate = self.fates.pop(0) if self.fates else "ok"
        if fate == "lost":
            raise StoreUnavailable("the disk failed")
        result = await self.store.write(work, lane=lane)
        if fate == "landed":
            raise StoreUnavailable("the disk failed")
        return result

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return await self.store.read(work)

    async def close(self) -> None:
        await self.store.close()


class NobodySends:
    """In place of the callback pump."""

    def share_claim(self) -> None:
        return None

    def wake(self) -> None:
        """Nobody sleeps."""


@dataclass
class Scene:
    world: World
    store: FailingStore
    journal: Journal
    ended: list[tuple[Ending | Lost, CallState | None]]

    async def dial(self, count: int) -> list[Hold]:
        """So many calls, dialling."""
        for _ in range(count):
            await self.world.queue(schedule=self.world.schedule(max_attempts=2))
        now = self.world.clock.now()

        def intent(claim: Claim, caller_id: str) -> Intent:
            return new_intent(claim, caller_id, RULES, "", now)

        def begin(tx: WriteTx) -> list[Hold]:
            claims = claim_due_calls(tx, OWNER, ("",), count, now).claims
            started = begin_attempts(tx, claims, intent, now, STYLE)
            return [Hold(one.claim.call_id, one.claim.attempt, OWNER) for one in started.begun]

        return await self.world.store.write(begin)

    def answer(self, hold: Hold) -> None:
        progress = self.journal.progress(hold)
        progress.answered_at, progress.dialog = self.world.clock.now(), DIALOG

    def end(self, hold: Hold, outcome: Outcome = Outcome.ANSWERED) -> None:
        at = self.world.clock.now() + timedelta(seconds=5)
        self.journal.end(
            Ending(
                call_id=hold.call_id,
                attempt=hold.attempt,
                owner=hold.owner,
                at=at,
                outcome=outcome,
            )
        )

    async def settle(self) -> None:
        """Until all is saved, letting time pass for what waits to try again."""
        settling = asyncio.ensure_future(self.journal.settle())
        await self.world.pass_until(settling.done, step_s=0.5)

    async def details(self, hold: Hold) -> CallDetails:
        return await self.world.details(hold.call_id)


Play = Callable[[Callable[[Scene], Coroutine[None, None, None]]], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    async def whole(scene: Callable[[Scene], Coroutine[None, None, None]]) -> None:
        clock = ManualClock()
        store = open_sqlite_store(tmp_path / "calls.db", server=True)
        try:
            user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
            world = World(store=store, clock=clock, user=user, deployment=deployment)
            failing, ended = FailingStore(store), []
            journal = Journal(
                store=failing,
                clock=clock,
                style=STYLE,
                notices=NobodySends(),
                on_ended=lambda ending, state: ended.append((ending, state)),
            )
            await scene(Scene(world, failing, journal, ended))
        finally:
            await store.close()

    return lambda scene: asyncio.run(whole(scene))


def test_what_is_heard_together_is_saved_together(play: Play) -> None:
    async def scene(on: Scene) -> None:
        holds = await on.dial(5)
        for hold in holds:
            on.journal.progress(hold).remote_address = "192.0.2.1:5060"
            on.answer(hold)
            on.end(hold)
        await on.settle()
        assert on.store.writes == 1
        assert [state for _, state in on.ended] == [CallState.COMPLETED] * 5
        for hold in holds:
            details = await on.details(hold)
            assert details.state is CallState.COMPLETED
            assert details.connected_at is not None

    play(scene)


@pytest.mark.parametrize("fates", [["lost"], ["landed"], ["lost", "landed", "lost"]])
def test_a_failing_store_loses_nothing_and_doubles_nothing(play: Play, fates: list[str]) -> None:
    async def scene(on: Scene) -> None:
        [hold] = await on.dial(1)
        on.store.fates = list(fates)
        on.answer(hold)
        keyed = Keyed(at=on.world.clock.now(), name="q", value="1")
        on.journal.progress(hold).keyed.append(keyed)
        await on.world.quiet()
        # The answer is not on disk yet; the end must not overtake it.
        on.end(hold)
        await on.settle()
        details = await on.details(hold)
        assert details.state is CallState.COMPLETED
        assert len(details.attempts) == 1
        facts = await on.world.store.read(lambda tx: tx.call_facts(hold.call_id))
        assert [list(one.keyed) for one in facts.attempts] == [[keyed]]
        assert len(on.ended) == 1

    play(scene)


def test_a_fault_with_one_attempt_is_none_with_the_others(play: Play) -> None:
    async def scene(on: Scene) -> None:
        good, lost = await on.dial(2)
        nobody = Hold(CallId(999), 1, OWNER)
        keyed = Keyed(at=on.world.clock.now(), name="q", value="1")
        on.journal.progress(nobody).keyed.append(keyed)
        on.answer(good)
        on.end(good)
        on.journal.end(Lost(hold=lost, reason="line died"))
        await on.settle()
        assert (await on.details(good)).state is CallState.COMPLETED
        assert (await on.details(lost)).attempts[0].outcome is Outcome.INTERRUPTED
        assert [state for _, state in on.ended] == [CallState.COMPLETED, CallState.WAITING]

    play(scene)


def test_an_end_that_is_told_twice_counts_once(play: Play) -> None:
    async def scene(on: Scene) -> None:
        [hold] = await on.dial(1)
        on.end(hold, Outcome.BUSY)
        on.journal.end(Lost(hold=hold, reason="line died"))
        await on.settle()
        on.end(hold, Outcome.BUSY)
        await on.settle()
        assert [state for _, state in on.ended] == [CallState.WAITING, None, None]
        details = await on.details(hold)
        assert [attempt.outcome for attempt in details.attempts] == [Outcome.BUSY]

    play(scene)


def test_a_moment_of_the_line_ahead_of_our_clock_does_no_harm(play: Play) -> None:
    async def scene(on: Scene) -> None:
        [hold] = await on.dial(1)
        on.answer(hold)
        on.end(hold)
        await on.settle()
        due: datetime | None = await on.world.store.read(
            lambda tx: tx.next_notice_at(HostsWanted())
        )
        assert due == on.world.clock.now() + timedelta(seconds=5)

    play(scene)
