"""What a deployment says of retries, as the running server obeys it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from callwright.domain.account import Deployment
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.domain.retry import RetryRules
from callwright.ports.line import LegOrder
from callwright.ports.store import WriteTx
from callwright.service.administer import DeploymentOrder, deploy
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.scripted_line import BUSY, Fate
from callwright.testing.world import World, running, seed

NO_SUCH_NUMBER = Fate(outcome=Outcome.UNREACHABLE, sip_code=404, rang=False, rings_s=0.2)
NO_ANSWER = Fate(outcome=Outcome.NO_ANSWER, sip_code=487, rings_s=30.0)
RULES = RetryRules(
    waits=(timedelta(minutes=2), timedelta(minutes=10)),
    waits_after={Outcome.NO_ANSWER: timedelta(minutes=20)},
    never_after=frozenset({Outcome.UNREACHABLE}),
)


@asynccontextmanager
async def a_world(path: Path) -> AsyncIterator[World]:
    clock = ManualClock()
    store = open_sqlite_store(path / "calls.db", server=True)

    def deploy_with_rules(tx: WriteTx, like: Deployment) -> Deployment:
        order = DeploymentOrder(variables={}, retry=RULES)
        found = tx.deployment(deploy(tx, like.program, order, clock.now()))
        assert found is not None
        return found

    try:
        user, plain = await store.write(lambda tx: seed(tx, clock.now()))
        ruled = await store.write(lambda tx: deploy_with_rules(tx, plain))
        yield World(store=store, clock=clock, user=user, deployment=ruled)
    finally:
        await store.close()


def fate(order: LegOrder) -> Fate:
    return {"0": BUSY, "1": NO_SUCH_NUMBER, "2": NO_ANSWER}[order.number[-1]]


def test_waits_go_by_the_deployment_and_an_invalid_number_is_not_tried_again(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with a_world(tmp_path) as world, running(world, fate):
            when = world.schedule(max_attempts=3, wait_s=60)
            busy = await world.queue("6175550100", when)
            invalid = await world.queue("6175550101", when)
            silent = await world.queue("6175550102", when)
            await world.pass_until(lambda: len(world.sender.sent) == 3, step_s=2.0, limit_s=8000)
            gaps = {}
            for call in (busy, silent):
                first, second, third = (await world.details(call)).attempts
                assert first.ended_at is not None
                assert second.ended_at is not None
                gaps[call] = (
                    round((second.started_at - first.ended_at).total_seconds(), -1),
                    round((third.started_at - second.ended_at).total_seconds(), -1),
                )
            assert gaps == {busy: (120, 600), silent: (1200, 1200)}
            over = await world.details(invalid)
            assert (over.state, over.attempts_made) == (CallState.EXHAUSTED, 1)

    asyncio.run(scene())
