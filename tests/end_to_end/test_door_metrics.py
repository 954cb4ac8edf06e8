"""What /metrics tells: of calls through the real loops and store, and of requests."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from web_world import DEPLOYMENT, PROGRAM, WebWorld, basic, run_world

from callwright.config import Config, HostPort, ServerSettings
from callwright.domain.answered_by import AnsweredBy, Verdict
from callwright.domain.notice import Delivery
from callwright.domain.outcome import Outcome
from callwright.domain.trunk_health import RegistrationHealth, ServerHealth, TrunkHealth
from callwright.ports.line import LegOrder
from callwright.service.cancel_calls import cancel_calls
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.scripted_line import ANSWERED, BUSY, Fate
from callwright.testing.world import World, running, seed
from callwright.web.metrics import Metrics, TrunkReading

QUEUE = f"/api/apps/{PROGRAM}/{DEPLOYMENT}/queue"


def samples(text: bytes) -> dict[str, float]:
    """`name{label="value",...}` to its value, without what depends on time."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_calls_attempts_notices_and_commits_are_counted(tmp_path: Path):
    metrics = Metrics()

    def fate(order: LegOrder) -> Fate:
        if order.number.endswith("50"):
            return BUSY
        return replace(ANSWERED, verdict=Verdict(AnsweredBy.SCREENING, "PROMPT-97-85"))

    async def run() -> None:
        clock = ManualClock()
        store = open_sqlite_store(tmp_path / "calls.db", server=True, meter=metrics)
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        world = World(store=store, clock=clock, user=user, deployment=deployment)
        world.sender.answers = [Delivery(status=500), Delivery(status=410)]
        async with running(world, fate, meter=metrics) as supervisor:
            await world.queue("6175550100")
            await world.queue("6175550150", world.schedule(max_attempts=2))
            await world.pass_until(lambda: len(world.sender.sent) == 3, step_s=1)
            await world.queue("6175550101", world.schedule(opens_in_s=600))
            await store.write(lambda tx: cancel_calls(tx, deployment, clock.now()))
            supervisor.wake()
            await world.pass_until(lambda: len(world.sender.sent) == 4, step_s=1)
            await world.quiet()
        await store.close()

    asyncio.run(run())
    found = samples(metrics.text(None, [], 0))
    assert found['callwright_attempts_started_total{trunk="main"}'] == 3
    assert found['callwright_attempts_ended_total{outcome="answered",trunk="main"}'] == 1
    assert found['callwright_attempts_ended_total{outcome="busy",trunk="main"}'] == 2
    assert found['callwright_identified_total{trunk="main",who="screening"}'] == 1
    assert found['callwright_calls_ended_total{state="completed"}'] == 1
    assert found['callwright_calls_ended_total{state="exhausted"}'] == 1
    assert found['callwright_calls_ended_total{state="canceled"}'] == 1
    assert found['callwright_notice_tries_total{state="pending"}'] == 1
    assert found['callwright_notice_tries_total{state="dead"}'] == 1
    assert found['callwright_notice_tries_total{state="delivered"}'] == 2
    assert found['callwright_trunk_answer_seizure_ratio{trunk="main"}'] == pytest.approx(1 / 3)
    assert found['callwright_trunk_average_call_duration_seconds{trunk="main"}'] == ANSWERED.talks_s
    assert found['callwright_trunk_talk_seconds_count{trunk="main"}'] == 1
    assert found['callwright_trunk_post_dial_delay_seconds_count{trunk="main"}'] == 1
    assert found["callwright_store_commit_seconds_count"] > 10
    assert found["callwright_store_group_size_sum"] >= found["callwright_store_group_size_count"]


@pytest.mark.parametrize(
    ("passed_s", "outcome", "state"),
    [(0, "interrupted", "exhausted"), (5, "interrupted_talking", "completed")],
)
def test_an_attempt_that_nobody_can_tell_of_is_counted_as_its_row_says(
    passed_s: float, outcome: str, state: str, tmp_path: Path
):
    metrics = Metrics()

    async def run() -> None:
        clock = ManualClock()
        store = open_sqlite_store(tmp_path / "calls.db", server=True)
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        world = World(store=store, clock=clock, user=user, deployment=deployment)
        talks = Fate(outcome=Outcome.ANSWERED, rings_s=1, talks_s=1000)
        async with running(world, lambda order: talks, meter=metrics):
            call = await world.queue()
            await world.pass_until(lambda: bool(world.orders))
            await world.pass_time(passed_s)
            world.lines[0].die()
            await world.pass_until(lambda: bool(world.sender.sent))
            assert (await world.details(call)).attempts[0].outcome == outcome
        await store.close()

    asyncio.run(run())
    found = samples(metrics.text(None, [], 0))
    assert found[f'callwright_attempts_ended_total{{outcome="{outcome}",trunk="main"}}'] == 1
    assert found[f'callwright_calls_ended_total{{state="{state}"}}'] == 1


def test_what_a_dead_process_left_is_counted_when_it_is_brought_home(tmp_path: Path):
    metrics = Metrics()

    async def run() -> None:
        clock = ManualClock()
        path, left = tmp_path / "calls.db", tmp_path / "left.db"
        store = open_sqlite_store(path, server=True)
        user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
        world = World(store=store, clock=clock, user=user, deployment=deployment)
        rings = Fate(outcome=Outcome.NO_ANSWER, rings_s=1000)
        talks = Fate(outcome=Outcome.ANSWERED, rings_s=1, talks_s=1000)
        async with running(world, lambda o: talks if o.number.endswith("1") else rings):
            await world.queue("6175550101")
            await world.queue("6175550102")
            await world.queue("6175550103", world.schedule(max_attempts=2))
            await world.pass_until(lambda: len(world.orders) == 3)
            await world.pass_time(5)
            # what the next process finds if this one dies now
            with closing(sqlite3.connect(left)) as copy, closing(sqlite3.connect(path)) as now:
                now.backup(copy)
        await store.close()
        world.store = open_sqlite_store(left, server=True)
        async with running(world, meter=metrics):
            await world.pass_time(5)
        await world.store.close()

    asyncio.run(run())
    found = samples(metrics.text(None, [], 0))
    ended = "callwright_attempts_ended_total"
    assert found[ended + '{outcome="interrupted_talking",trunk="main"}'] == 1
    assert found[ended + '{outcome="interrupted",trunk="main"}'] == 2
    assert found['callwright_calls_ended_total{state="completed"}'] == 1
    assert found['callwright_calls_ended_total{state="exhausted"}'] == 1


def test_requests_are_counted_by_route_method_and_status(tmp_path: Path):
    async def test(world: WebWorld) -> None:
        await world.ask("POST", QUEUE, "phone_number=6175551234")
        await world.ask("POST", QUEUE, "phone_number=6175551234")
        await world.ask("POST", QUEUE, "phone_number=1")
        await world.ask("GET", "/api/outbound/1")
        await world.ask("GET", "/api/outbound/2", auth=basic(key="wrong"))
        await world.ask("PROPFIND", "/api/outbound/2")
        await world.ask("GET", "/no/such/path/6175551234")
        answer = await world.ask("GET", "/metrics", auth=None)
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "6175551234" not in answer.text
        found = samples(answer.body)

        def count(route: str, method: str, status: int) -> float:
            labels = f'method="{method}",route="{route}",status="{status}"'
            return found.get(f"callwright_http_request_seconds_count{{{labels}}}", 0)

        queue = "/api/apps/{program_id}/{deployment_id}/queue"
        assert count(queue, "POST", 200) == 2
        assert count(queue, "POST", 400) == 1
        assert count("/api/outbound/{call_id}", "GET", 200) == 1
        assert count("/api/outbound/{call_id}", "GET", 401) == 1
        assert count("/api/outbound/{call_id}", "other", 405) == 1
        assert count("(none)", "GET", 404) == 1
        assert found['callwright_calls_queued_total{product="fuse"}'] == 2
        assert found['callwright_queue_calls{part="waiting"}'] == 2
        assert found['callwright_notices{state="dead"}'] == 0
        assert (await world.ask("HEAD", "/metrics")).body == b""

    run_world(tmp_path, test)


def test_without_an_answer_of_the_store_the_other_counts_are_told(tmp_path: Path):
    async def test(world: WebWorld) -> None:
        await world.store.close()
        answer = await world.ask("GET", "/metrics")
        assert answer.status == 200
        assert b"callwright_queue_calls{" not in answer.body
        assert b"callwright_http_connections" in answer.body

    run_world(tmp_path, test)


def test_trunks_and_connections_are_told_as_they_are():
    away = ServerHealth(address="192.0.2.7:5060", since=datetime.now(UTC), why="refused")
    unregistered = RegistrationHealth(is_registered=False)
    down = TrunkHealth(lines=1, is_out=True, servers=[away], registration=unregistered)
    trunks = [
        TrunkReading(name="main", active=3, limit=100, in_trouble=False),
        TrunkReading(name='odd"\n', active=0, limit=1, in_trouble=True, health=down),
    ]
    metrics = Metrics()
    found = samples(metrics.text(None, trunks, 7))
    assert found['callwright_trunk_up{trunk="main"}'] == 1
    assert found['callwright_trunk_up{trunk="odd"\n"}'] == 0
    assert found['callwright_trunk_server_up{server="192.0.2.7:5060",trunk="odd"\n"}'] == 0
    assert found['callwright_trunk_registered{trunk="odd"\n"}'] == 0
    assert 'callwright_trunk_registered{trunk="main"}' not in found
    # A server that is gone from the trunk is gone from here.
    assert "192.0.2.7" not in str(samples(metrics.text(None, trunks[:1], 7)))
    assert found['callwright_trunk_calls{trunk="main"}'] == 3
    assert found['callwright_trunk_calls_limit{trunk="main"}'] == 100
    assert found['callwright_trunk_in_trouble{trunk="main"}'] == 0
    assert found['callwright_trunk_in_trouble{trunk="odd"\n"}'] == 1
    assert found["callwright_http_connections"] == 7


def test_the_lag_of_the_event_loop_is_measured():
    metrics = Metrics()

    async def run() -> None:
        watching = asyncio.create_task(metrics.watch_loop())
        await asyncio.sleep(0.3)
        watching.cancel()

    asyncio.run(run())
    assert samples(metrics.text(None, [], 0))["callwright_event_loop_lag_seconds_count"] == 1


def test_metrics_are_not_there_for_others(tmp_path: Path):
    elsewhere = Config(
        server=ServerSettings(listen=HostPort("127.0.0.1", 0), metrics_from=["192.0.2.0/24"])
    )

    async def refused(world: WebWorld) -> None:
        nowhere = await world.ask("GET", "/nothing")
        answer = await world.ask("GET", "/metrics")
        assert (answer.status, answer.body) == (404, nowhere.body)

    async def through_an_unknown_proxy(world: WebWorld) -> None:
        assert (await world.ask("GET", "/metrics")).status == 200
        for header in ({"X_Forwarded_For": "127.0.0.1"}, {"Via": "1.1 x"}):
            assert (await world.ask("GET", "/metrics", **header)).status == 404

    behind = Config(
        server=ServerSettings(
            listen=HostPort("127.0.0.1", 0), proxies=["127.0.0.1"], metrics_from=["192.0.2.0/24"]
        )
    )

    async def through_a_known_proxy(world: WebWorld) -> None:
        inside, outside = ({"X_Forwarded_For": ip} for ip in ("192.0.2.9", "198.51.100.1"))
        assert (await world.ask("GET", "/metrics", **inside)).status == 200
        assert (await world.ask("GET", "/metrics", **outside)).status == 404

    for name in ("1", "2", "3"):
        (tmp_path / name).mkdir()
    run_world(tmp_path / "1", refused, config=elsewhere)
    run_world(tmp_path / "2", through_an_unknown_proxy)
    run_world(tmp_path / "3", through_a_known_proxy, config=behind)


def test_readyz_says_each_reason(tmp_path: Path):
    async def test(world: WebWorld) -> None:
        world.can_dial, world.is_draining = False, True
        await world.store.close()
        answer = await world.ask("GET", "/readyz", auth=None)
        assert answer.status == 503
        for reason in ("the store does not answer", "no line is up", "draining"):
            assert reason in answer.text
        assert (await world.ask("GET", "/healthz")).status == 200

    run_world(tmp_path, test)
