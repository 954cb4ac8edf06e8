"""The life of calls through the real store and loops, on a clock turned by hand."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from callwright.domain.call import Contact, HistoryEvent
from callwright.domain.lifecycle import CallState
from callwright.domain.notice import Delivery
from callwright.domain.outcome import Outcome
from callwright.domain.phone import parse_dial_string
from callwright.service.cancel_calls import cancel_calls
from callwright.service.queue_calls import queue_call
from callwright.testing.scripted_line import ANSWERED, BUSY, Fate
from callwright.testing.world import World, a_world, running

E = HistoryEvent
NO_ANSWER = Fate(outcome=Outcome.NO_ANSWER, rings_s=60, sip_code=487)
TROUBLE = Fate(outcome=Outcome.TRUNK_TROUBLE, rings_s=0.1, sip_code=503, rang=False)


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[World], Coroutine[None, None, None]]], None]:
    """Run a scene in a fresh world."""

    def run(scene: Callable[[World], Coroutine[None, None, None]]) -> None:
        async def whole() -> None:
            async with a_world(tmp_path) as world:
                await scene(world)

        asyncio.run(whole())

    return run


Play = Callable[[Callable[[World], Coroutine[None, None, None]]], None]


def events(world_details: object) -> list[HistoryEvent]:
    return [entry.event for entry in world_details.history]  # type: ignore[attr-defined]


def test_an_answered_call_is_completed_and_told(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world):
            call_id = await world.queue()
            await world.pass_until(lambda: bool(world.sender.sent))
            details = await world.details(call_id)
            assert details.state is CallState.COMPLETED
            assert events(details) == [E.QUEUED, E.DIALING, E.CONNECTED, E.DISCONNECTED]
            [notice] = world.sender.sent
            assert json.loads(notice.body)["status"] == "completed"
            assert json.loads(notice.body)["attempts"] == "1"

    play(scene)


def test_a_signed_identity_goes_out_with_the_call_and_not_to_its_script(play: Play) -> None:
    signed = "a.b.c;info=<https://cert.example.org/a.cer>;alg=ES256;ppt=shaken"

    async def scene(world: World) -> None:
        dial = parse_dial_string("6175550100")
        contact = Contact(dial=dial, variables={"name": "Ana", "SIP_Identity": signed})
        at, when = world.clock.now(), world.schedule()
        await world.store.write(
            lambda tx: queue_call(tx, world.user, world.deployment, when, contact, at)
        )
        async with running(world):
            await world.pass_until(lambda: bool(world.orders))
            [(_, order)] = world.orders
            assert order.signed_identity == signed
            assert order.variables["name"] == "Ana"
            assert signed not in order.variables.values()

    play(scene)


def test_a_busy_callee_is_tried_again_after_the_wait_and_then_given_up(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, lambda order: BUSY):
            call_id = await world.queue(schedule=world.schedule(max_attempts=3, wait_s=600))
            await world.pass_until(lambda: bool(world.sender.sent), step_s=1)
            details = await world.details(call_id)
            assert details.state is CallState.EXHAUSTED
            assert events(details) == [E.QUEUED, *[E.DIALING] * 3, E.FAILED]
            gaps = [
                (later.started_at - earlier.ended_at).total_seconds()
                for earlier, later in zip(details.attempts, details.attempts[1:], strict=False)
                if earlier.ended_at
            ]
            assert all(600 <= gap <= 605 for gap in gaps)
            identities = {order.identity.call_id for _, order in world.orders}
            assert len(identities) == 3

    play(scene)


def test_a_call_waits_for_its_start_and_is_never_dialled_at_its_end(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, max_calls=1):
            talk = world.schedule(opens_in_s=100, closes_in_s=106)
            first = await world.queue("6175550100", talk)
            second = await world.queue("6175550101", talk)
            await world.pass_time(99)
            assert world.orders == []
            await world.pass_time(60)
            assert (await world.details(first)).state is CallState.COMPLETED
            late = await world.details(second)
            # The first call took the only line for six seconds: until the window shut.
            assert late.state is CallState.EXPIRED
            assert late.history[-1].event is E.FAILED
            assert late.history[-1].at == talk.window.closes_at
            assert len(world.orders) == 1
            assert len(world.sender.sent) == 2

    play(scene)


def test_a_retry_that_would_fall_after_the_end_is_not_made(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, lambda order: NO_ANSWER):
            schedule = world.schedule(closes_in_s=300, max_attempts=10, wait_s=240)
            call_id = await world.queue(schedule=schedule)
            await world.pass_until(lambda: bool(world.sender.sent), step_s=1)
            details = await world.details(call_id)
            assert details.state is CallState.EXPIRED
            assert len(world.orders) == 1
            # It ends with the attempt, not when the window shuts.
            assert details.history[-1].at == details.attempts[0].ended_at

    play(scene)


def test_cancelling_ends_what_waits_and_lets_a_live_call_finish(play: Play) -> None:
    async def scene(world: World) -> None:
        busy_first = {"+16175550100": replace(ANSWERED, talks_s=30), "+16175550101": NO_ANSWER}
        async with running(world, lambda order: busy_first.get(order.number, ANSWERED)) as running_:
            talking = await world.queue("6175550100")
            ringing = await world.queue("6175550101", world.schedule(max_attempts=5))
            later = world.schedule(opens_in_s=3600)
            waiting = await world.queue("6175550102", later)
            assert await world.queue_list(["6175550103", "6175550104"], later) == 2
            await world.pass_time(5)
            now = world.clock.now()
            await world.store.write(lambda tx: cancel_calls(tx, world.deployment, now))
            assert (await world.details(waiting)).state is CallState.CANCELED
            running_.wake()
            await world.pass_time(120)
            assert (await world.details(talking)).state is CallState.COMPLETED
            rang = await world.details(ringing)
            assert rang.state is CallState.CANCELED
            assert len(rang.attempts) == 1
            assert (await world.details(waiting)).history[-1].at == now
            assert len(world.sender.sent) == 5
            # A call queued after the cancellation is not touched by it.
            fresh = await world.queue("6175550105")
            await world.pass_until(lambda: len(world.sender.sent) == 6)
            assert (await world.details(fresh)).state is CallState.COMPLETED

    play(scene)


def test_trunk_trouble_gives_the_attempt_back_three_times_and_then_counts(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, lambda order: TROUBLE):
            call_id = await world.queue()
            await world.pass_until(lambda: bool(world.sender.sent), step_s=1)
            details = await world.details(call_id)
            assert details.state is CallState.EXHAUSTED
            assert details.attempts_made == 1
            assert [attempt.counts for attempt in details.attempts] == [False] * 3 + [True]
            assert events(details) == [E.QUEUED, E.DIALING, E.FAILED]

    play(scene)


def test_an_invite_that_never_left_is_given_back_and_says_nothing_of_the_trunk(
    play: Play,
) -> None:
    async def scene(world: World) -> None:
        fates = iter([replace(TROUBLE, rings_s=0, sent=False)] * 3)
        async with running(world, lambda order: next(fates, ANSWERED)) as supervisor:
            call_id = await world.queue()
            await world.pass_until(lambda: bool(world.sender.sent), step_s=1, limit_s=30)
            details = await world.details(call_id)
            assert details.state is CallState.COMPLETED
            assert details.attempts_made == 1
            assert not supervisor.in_trouble("main")

    play(scene)


def test_hanging_up_a_talk_completes_the_call_and_a_ring_cancels_it(play: Play) -> None:
    async def scene(world: World) -> None:
        fates = {"+16175550100": replace(ANSWERED, talks_s=500)}
        async with running(world, lambda order: fates.get(order.number, NO_ANSWER)) as supervisor:
            talking = await world.queue("6175550100")
            ringing = await world.queue("6175550101", world.schedule(max_attempts=3))
            await world.pass_time(5)
            for _, order in world.orders:
                supervisor.lines.hang_up(order.leg)
            await world.pass_until(lambda: len(world.sender.sent) == 2)
            assert (await world.details(talking)).state is CallState.COMPLETED
            assert (await world.details(ringing)).state is CallState.CANCELED

    play(scene)


def test_pacing_and_slots_hold_for_a_whole_list(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, calls_per_second=20, max_calls=15):
            await world.queue_list([f"617555{n:04}" for n in range(60)])
            await world.pass_until(lambda: len(world.sender.sent) == 60, step_s=0.01)
            starts = sorted(at for at, _ in world.orders)
            assert len({order.number for _, order in world.orders}) == 60
            for start in starts:
                assert sum(start <= other < start + 1 for other in starts) <= 20
                # Each call lasts six seconds here, so this counts those at once.
                assert sum(start <= other < start + 6 for other in starts) <= 15

    play(scene)


def test_a_line_that_dies_costs_an_attempt_and_rings_nobody_twice_at_once(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, lambda order: NO_ANSWER):
            call_id = await world.queue(schedule=world.schedule(max_attempts=2, wait_s=120))
            await world.pass_time(5)
            world.lines[0].die()
            await world.pass_time(30)
            details = await world.details(call_id)
            assert details.state is CallState.WAITING
            assert details.attempts[0].outcome is Outcome.INTERRUPTED
            assert len(world.orders) == 1
            await world.pass_until(lambda: bool(world.sender.sent), step_s=1)
            assert len(world.lines[1].orders) == 1
            details = await world.details(call_id)
            assert details.state is CallState.EXHAUSTED
            assert details.attempts_made == 2

    play(scene)


def test_draining_dials_nobody_any_more_and_lets_calls_finish(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, lambda order: replace(ANSWERED, talks_s=50)) as supervisor:
            talking = await world.queue("6175550100")
            await world.pass_time(5)
            draining = asyncio.ensure_future(supervisor.drain(120))
            waiting = await world.queue("6175550101")
            await world.pass_until(draining.done)
            assert (await world.details(talking)).state is CallState.COMPLETED
            assert (await world.details(waiting)).state is CallState.QUEUED
            assert len(world.orders) == 1

    play(scene)


def test_a_drain_that_runs_out_hangs_up_and_counts_a_ringing_attempt(play: Play) -> None:
    async def scene(world: World) -> None:
        async with running(world, lambda order: NO_ANSWER) as supervisor:
            call_id = await world.queue(schedule=world.schedule(max_attempts=2))
            await world.pass_time(5)
            draining = asyncio.ensure_future(supervisor.drain(10))
            await world.pass_until(draining.done)
            details = await world.details(call_id)
            assert details.state is CallState.WAITING
            assert details.attempts[0].outcome is Outcome.INTERRUPTED

    play(scene)


def test_a_notice_is_tried_again_with_the_same_id_and_bytes(play: Play) -> None:
    async def scene(world: World) -> None:
        world.sender.answers = [Delivery(status=500), Delivery(status=None, problem="timeout")]
        async with running(world):
            await world.queue()
            await world.pass_until(lambda: len(world.sender.sent) == 3, step_s=1)
            assert len({(n.webhook_id, n.body, n.url) for n in world.sender.sent}) == 1
            await world.pass_time(3000, step_s=60)
            assert len(world.sender.sent) == 3

    play(scene)
