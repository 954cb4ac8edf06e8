"""Searches and counts of calls agree with what each call went through, drawn at random."""

import asyncio
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from seeking import everything, whose
from store_world import (
    OPENERS,
    OWNER,
    World,
    after,
    begin,
    contacts,
    end,
    finish,
    furnish,
    intent,
    retry,
)
from store_world import schedule as plan

from callwright.domain.ids import BatchId, CallId
from callwright.domain.lifecycle import CallState, next_state
from callwright.domain.outcome import Outcome
from callwright.ports.control import CallsSought
from callwright.ports.store import WriteTx
from callwright.service.claim_calls import claim_due_calls

MOVES = ("single", "list", "claim", "busy", "answer", "release", "cancel", "cancel list", "settle")


class Life:
    """Moves of a queue, drawn at random; each does what it can and else nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seconds = 0.0
        self.batches: list[BatchId] = []
        self.calls: list[CallId] = []

    @property
    def now(self) -> datetime:
        return after(self.seconds)

    def move(self, name: str, number: int) -> None:
        self.seconds += 1
        getattr(self, "do_" + name.replace(" ", "_"))(number)

    def do_single(self, number: int) -> None:
        when = plan(self.seconds, self.seconds + 7 if number % 3 == 0 else None)
        self.calls.append(self.world.queue(when, number=number, now=self.now))

    def do_list(self, number: int) -> None:
        def work(tx: WriteTx) -> BatchId:
            when = plan(self.seconds, self.seconds + 9 if number % 2 else None)
            batch = tx.open_batch(self.world.deployment, self.world.user.id, when, self.now)
            tx.add_calls(batch, contacts(number % 5 + 1))
            tx.go_live(batch, self.now)
            return batch

        batch = self.world.write(work)
        self.batches.append(batch)
        self.calls += [
            call.id for call in self.world.read(lambda tx: tx.batch_calls(batch, self.now, 10))
        ]

    def do_claim(self, number: int) -> None:
        def work(tx: WriteTx) -> None:
            for claim in claim_due_calls(tx, OWNER, ("main",), number % 4 + 1, self.now).claims:
                if number % 5:
                    begin(tx, intent(claim, self.now))

        self.world.write(work)

    def do_busy(self, number: int) -> None:
        self._end(Outcome.BUSY, number)

    def do_answer(self, number: int) -> None:
        self._end(Outcome.ANSWERED, number)

    def do_release(self, number: int) -> None:
        def work(tx: WriteTx) -> None:
            for active in tx.active_calls(OWNER):
                if active.state is CallState.CLAIMED:
                    tx.release_claim(active, self.now)

        self.world.write(work)

    def do_cancel(self, number: int) -> None:
        if self.calls:
            call = self.calls[number % len(self.calls)]
            details = self.world.read(lambda tx: tx.call_details(call, self.now))
            if details is not None and not details.state.is_final:
                self.world.write(lambda tx: tx.cancel_call(call, self.now))

    def do_cancel_list(self, number: int) -> None:
        if self.batches:
            batch = self.batches[number % len(self.batches)]
            self.world.write(lambda tx: tx.cancel_batch(batch, self.now))

    def do_settle(self, number: int) -> None:
        def work(tx: WriteTx) -> None:
            taken = tx.take_ending_calls(self.now, number % 5 + 1)
            tx.end_waiting_calls([(one, next_state(one.from_state, one.event)) for one in taken])

        self.world.write(work)

    def _end(self, outcome: Outcome, number: int) -> None:
        def work(tx: WriteTx) -> None:
            for active in tx.active_calls(OWNER)[: number % 3 + 1]:
                if active.state is not CallState.DIALING:
                    continue
                over = end(outcome, self.now)
                if outcome is Outcome.BUSY and active.counted < 3:
                    retry(tx, active, over, after(self.seconds + 2))
                else:
                    finish(tx, active, over, CallState.EXHAUSTED, self.now)

        self.world.write(work)


@pytest.mark.parametrize("opener", sorted(OPENERS))
@hypothesis_settings(max_examples=25)
@given(moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 20)), max_size=30))
def test_searches_and_counts_agree_with_each_calls_own_state(
    opener: str, moves: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:

    store = OPENERS[opener](tmp_path_factory.mktemp("life"))
    with asyncio.Runner() as runner:
        user, deployment = runner.run(store.write(furnish))
        world = World(store, runner, user, deployment)
        life = Life(world)
        for name, number in moves:
            life.move(name, number)
        details = [world.read(lambda tx, c=c: tx.call_details(c, life.now)) for c in life.calls]
        states = {call.id: call.state for call in details if call is not None}
        assert len(states) == len(life.calls)
        for state in CallState:
            sought = CallsSought(whose=whose(world), state=state)
            wanted = sorted((call for call in states if states[call] is state), reverse=True)
            assert everything(world, sought, life.now) == wanted
        for batch in life.batches:
            counts = world.read(lambda tx, b=batch: tx.batch_counts(b, life.now))
            of_batch = [call.state for call in details if call and call.batch_id == batch]
            # One call cancelled out of a list counts as waiting until it is settled.
            if not world.read(lambda tx: tx.next_closing_at()):
                assert counts == {state: of_batch.count(state) for state in set(of_batch)}
            assert sum(counts.values()) == len(of_batch)
        runner.run(store.close())
