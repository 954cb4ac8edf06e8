"""Any mix of queueing, claiming, ending, cancelling and letting time pass loses no call,
hands none out twice, and keeps the counts true."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from store_world import (
    NOON,
    OPENERS,
    World,
    after,
    begin,
    end,
    finish,
    furnish,
    intent,
    retry,
    schedule,
)

from callwright.domain.ids import BatchId, CallId, DeploymentId
from callwright.domain.lifecycle import TRANSITIONS, CallState
from callwright.ports.store import ActiveCall, Claim

MOVING = {CallState.CLAIMED, CallState.DIALING, CallState.CONNECTED}
PLANS = [schedule(), schedule(5), schedule(0, 8), schedule(3, 20)]


class QueueMachine(RuleBasedStateMachine):
    """The store beside a model that knows each call's deployment and last seen state."""

    opener = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        store = OPENERS[self.opener](Path(self.folder.name))
        user, deployment = self.runner.run(store.write(furnish))
        self.world = World(store, self.runner, user, deployment)
        self.deployments = [deployment, self.world.deploy()]
        self.clock = 0.0
        self.loading: list[BatchId] = []
        self.seen: dict[CallId, CallState] = {}
        self.where: dict[CallId, DeploymentId] = {}
        self.held: dict[CallId, Claim | ActiveCall] = {}

    def teardown(self) -> None:
        self.runner.run(self.world.store.close())
        self.runner.close()
        self.folder.cleanup()

    @rule(plan=st.sampled_from(PLANS), which=st.integers(0, 1))
    def queue(self, plan: object, which: int) -> None:
        deployment = self.deployments[which]
        call = self.world.queue(plan, deployment=deployment, now=after(self.clock))  # type: ignore[arg-type]
        assert call not in self.seen
        self.seen[call] = CallState.QUEUED
        self.where[call] = deployment

    @rule(size=st.integers(0, 5), plan=st.sampled_from(PLANS), which=st.integers(0, 1))
    def load(self, size: int, plan: object, which: int) -> None:
        sizes = [size, 2]
        self.loading.append(
            self.world.load(*sizes, plan=plan, deployment=self.deployments[which])  # type: ignore[arg-type]
        )

    @rule(live=st.booleans())
    def finish_loading(self, live: bool) -> None:
        if not self.loading:
            return
        batch = self.loading.pop(0)
        if not live:
            self.world.write(lambda tx: tx.drop_batch(batch))
            return
        count = self.world.write(lambda tx: tx.go_live(batch, after(self.clock)))
        calls = self.world.read(lambda tx: tx.batch_calls(batch, NOON, 99))
        assert len(calls) == count
        for call in calls:
            assert call.id not in self.seen
            self.seen[call.id] = CallState.QUEUED
            self.where[call.id] = call.deployment_id

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        for claim in self.world.claim(limit, now=after(self.clock)):
            assert claim.call_id not in self.held
            assert self.seen[claim.call_id] in (CallState.QUEUED, CallState.WAITING)
            assert claim.schedule.window.is_open(after(self.clock))
            self.held[claim.call_id] = claim

    @rule(pick=st.integers(0, 99), how=st.sampled_from(["release", "dial", "retry", "end"]))
    def move(self, pick: int, how: str) -> None:
        if not self.held:
            return
        call = sorted(self.held)[pick % len(self.held)]
        held = self.held[call]
        now = after(self.clock)
        if how == "release":
            if self.world.write(lambda tx: tx.release_claim(held, after(self.clock + 2))):
                del self.held[call]
        elif isinstance(held, Claim):
            assert self.world.write(lambda tx: begin(tx, intent(held, now)))
            self.held[call] = self.world.active(held)
        elif how == "retry":
            counts = bool(pick % 2)
            assert self.world.write(
                lambda tx: retry(tx, held, end(counts=counts), after(self.clock + 3))
            )
            del self.held[call]
        else:
            assert self.world.write(lambda tx: finish(tx, held, end(), CallState.EXHAUSTED, now))
            del self.held[call]

    @rule(which=st.integers(0, 1))
    def cancel(self, which: int) -> None:
        self.world.cancel(after(self.clock), self.deployments[which])

    @rule(limit=st.integers(1, 4))
    def settle(self, limit: int) -> None:
        for call, state in self.world.settle(after(self.clock), limit):
            assert call not in self.held
            assert self.world.state(call, after(self.clock)) is state

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.clock += seconds

    @invariant()
    def every_call_stands_where_the_life_cycle_allows(self) -> None:
        moving = ended = 0
        for call, before in self.seen.items():
            details = self.world.details(call, after(self.clock))
            state = details.state
            if state is not before:
                assert not before.is_final
                assert state in _reachable(before)
            self.seen[call] = state
            assert (state in MOVING) == (call in self.held)
            assert [attempt.number for attempt in details.attempts] == list(
                range(1, len(details.attempts) + 1)
            )
            moving += state in MOVING
            ended += state.is_final
        counts = self.world.read(lambda tx: tx.queue_counts())
        assert counts.active == moving
        # Calls that have ended and are not settled still stand in the queue.
        waiting = len(self.seen) - moving - ended
        assert waiting <= counts.waiting <= waiting + ended


def _reachable(state: CallState) -> set[CallState]:
    """Every state that some moves lead to from `state`; RELEASE may also lead to QUEUED."""
    found: set[CallState] = set()
    rest = [state]
    while rest:
        moves = TRANSITIONS[rest.pop()].values()
        new = {*moves, *([CallState.QUEUED] if CallState.CLAIMED in found else [])} - found
        found |= new
        rest += new
    return found


@pytest.mark.parametrize("opener", sorted(OPENERS))
def test_the_queue_keeps_its_promises_under_any_mix(opener: str) -> None:
    machine = type("Machine", (QueueMachine,), {"opener": opener})
    machine.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
    machine.TestCase("runTest").runTest()
