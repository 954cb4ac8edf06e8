"""Requests with a key and what fails on their way: the disk, the commit, the whole server."""

import asyncio
import http.client
import sys
from pathlib import Path

import pytest
from held_lists import hold_lists, until
from test_web_repeats import APPS, kept_part, post, request
from web_world import NOW, WebWorld, run_world

from callwright.domain.ids import DeploymentId, UserId
from callwright.errors import StoreUnavailable
from callwright.ports.repeats import RepeatableRequest
from callwright.ports.store import ReadTx
from callwright.store.sqlite.groups import Groups
from callwright.store.sqlite.transactions import SqliteWriteTx
from callwright.testing.peers.api import Reply
from callwright.testing.peers.server import ServerUnderTest, server_folder
from callwright.testing.world import World, running

DYING = Path(__file__).parents[1] / "peers" / "dying_server.py"
NOBODY = {"callbacks": {"allow": []}, "speech": {"engine": "tones"}}
ROUTES = pytest.mark.parametrize("route", ["queue", "bulk_queue"])
COUNT = {"queue": 1, "bulk_queue": 2}


@pytest.mark.parametrize(
    ("route", "step"),
    [("queue", "add_call"), ("bulk_queue", "open_batch"), ("bulk_queue", "go_live")],
)
@pytest.mark.parametrize("landed", [True, False])
def test_a_commit_that_failed_queues_once_whether_it_is_on_disk_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: str, step: str, landed: bool
) -> None:
    fail_after(monkeypatch, step, landed=landed)
    path = f"{APPS}/{route}"

    async def test(world: WebWorld) -> None:
        refused = await post(world, path, **request(route))
        assert refused.status == 500, refused.text
        first = await post(world, path, **request(route))
        assert first.status == 200, first.text
        replays = landed and step != "open_batch"
        assert ("idempotency-replayed" in first.headers) == replays
        again = await post(world, path, **request(route))
        assert kept_part(again) == kept_part(first)
        assert await world.waiting() == COUNT[route]

    run_world(tmp_path, test)


def fail_after(monkeypatch: pytest.MonkeyPatch, step: str, *, landed: bool) -> None:
    """Let the first commit fail that has `step` in it; `landed`: it is on disk all the same."""
    do, commit = getattr(SqliteWriteTx, step), Groups.commit
    broken: list[str] = []

    def do_and_break(tx: SqliteWriteTx, *given: object) -> object:
        monkeypatch.setattr(SqliteWriteTx, step, do)
        broken.append(step)
        return do(tx, *given)

    def fail(groups: Groups) -> None:
        if not broken:
            return commit(groups)
        broken.clear()
        if landed:
            commit(groups)
        raise StoreUnavailable("the disk said no")

    monkeypatch.setattr(SqliteWriteTx, step, do_and_break)
    monkeypatch.setattr(Groups, "commit", fail)


def test_while_a_list_loads_its_request_is_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hold_lists(monkeypatch)
    path = f"{APPS}/bulk_queue"

    async def test(world: WebWorld) -> None:
        sending = asyncio.create_task(post(world, path, **request("bulk_queue")))
        await until(lambda: kept(world))
        busy = await post(world, path, **request("bulk_queue"))
        assert (busy.status, busy.headers["retry-after"]) == (409, "1")
        assert "still being worked on" in busy.text
        other = await post(world, path, body="phone_number\n6175550100\n", content_type="text/csv")
        assert other.status == 422
        go_on.set()
        first = await sending
        again = await post(world, path, **request("bulk_queue"))
        assert kept_part(again) == kept_part(first)
        assert await world.waiting() == 2

    async def kept(world: WebWorld) -> bool:
        return await world.store.read(lambda tx: tx.kept_request(UserId(1), "k")) is not None

    run_world(tmp_path, test)


def test_a_key_is_free_again_though_its_list_could_not_be_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a full disk: the list stands there as if it were being loaded."""

    async def test(world: WebWorld) -> None:
        user = await world.store.read(lambda tx: tx.user_by_email("you@yourdomain.com"))
        assert user is not None
        asked = RepeatableRequest(user_id=user.id, key="k", fingerprint=b"whatever")

        def leave(tx):  # type: ignore[no-untyped-def]
            schedule = tx.call_details(1, NOW).schedule
            batch = tx.open_batch(5678, user.id, schedule, NOW)
            tx.reserve_request(asked, batch, NOW)
            return batch

        await post(world, f"{APPS}/queue", None, body="phone_number=6175551234")
        left = await world.store.write(leave)
        for route, waiting in (("queue", 2), ("bulk_queue", 4)):
            await world.change(lambda tx: tx.reserve_request(asked, left, NOW))
            assert (await post(world, f"{APPS}/{route}", **request(route))).status == 200
            assert await world.waiting() == waiting

        def states(tx: ReadTx) -> object:
            return tx.batch(left)

        assert await world.store.read(states) is None

    run_world(tmp_path, test)


def test_old_answers_are_forgotten_while_the_server_runs(tmp_path: Path) -> None:
    async def test(world: WebWorld) -> None:
        user = await world.store.read(lambda tx: tx.user_by_email("you@yourdomain.com"))
        deployment = await world.store.read(lambda tx: tx.deployment(DeploymentId(5678)))
        assert user is not None
        assert deployment is not None
        loops = World(store=world.store, clock=world.clock, user=user, deployment=deployment)
        body = f"phone_number=6175551234&start_timestamp={int(NOW.timestamp()) + 2**30}"
        async with running(loops):
            for key, ahead_s in (("old", 60.0), ("new", 0.0)):
                await post(world, f"{APPS}/queue", key, body=body)
                world.clock.advance(ahead_s)
            world.clock.advance(86400 - 30)
            await loops.pass_time(11)
        kept = [
            await world.store.read(lambda tx, key=key: tx.kept_request(user.id, key))  # type: ignore[misc]
            for key in ("old", "new")
        ]
        assert [request is None for request in kept] == [True, False]

    run_world(tmp_path, test)


def test_a_server_that_died_before_it_could_answer_has_queued_once(tmp_path: Path) -> None:
    with server_folder(tmp_path, NOBODY, program=(sys.executable, str(DYING))) as server:
        server.start()
        waiting = 0
        for kind, count in (("dialect", 1), ("native", 2)):
            (tmp_path / "die").touch()
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(server, kind)
            server.kill()
            assert not (tmp_path / "die").exists()
            server.start()
            replies = [ask(server, kind) for _ in range(2)]
            for reply in replies:
                assert reply.status in (200, 201), reply.body
                assert reply.headers["idempotency-replayed"] == "true"
            assert replies[0].body == replies[1].body
            waiting += count
            assert calls(server) == waiting


def ask(server: ServerUnderTest, kind: str) -> Reply:
    """A request that queues for the year 2099, with a key of its own."""
    if kind == "native":
        contacts = '[{"phone_number": "6175550100"}, {"phone_number": "6175550150"}]'
        opens = '"deployment_id": 1, "opens_at": "2099-01-01T00:00:00Z"'
        body, content_type = f'{{{opens}, "contacts": {contacts}}}', "application/json"
        path = "/v1/batches"
    else:
        body = "phone_number=6175550100&start_timestamp=4070908800"
        content_type, path = "application/x-www-form-urlencoded", f"/api/{server.application}/queue"
    headers = {"Content-Type": content_type, "Idempotency-Key": f"our own, {kind}"}
    return server.api.request("POST", path, body.encode(), headers)


def calls(server: ServerUnderTest) -> int:
    return len(server.api.request("GET", "/v1/calls?limit=500").json()["items"])
