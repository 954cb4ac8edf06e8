"""Callbacks over the native API: what became of them, and sending one again."""

from pathlib import Path

from native_world import ADMIN, COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.domain.notice import Delivery
from callwright.ports.store import WriteTx
from callwright.runtime.notice_sweeper import NoticeSweeper
from callwright.testing.world import running

REPLAY_DEAD = "/v1/callbacks/dead/replay"


def test_a_callback_is_shown_with_its_tries_and_can_be_sent_again(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue(result_url="http://127.0.0.1:9/result")
        sender = world.loops.sender
        sender.answers = [
            Delivery(status=500, took_ms=12),
            Delivery(status=None, problem="refused"),
        ]
        async with running(world.loops):
            await world.loops.pass_time(1000)
            (shown,) = (await world.get("/v1/callbacks"))["items"]
            where = f"/v1/callbacks/{shown['id']}"
            assert (shown["call_id"], shown["state"], shown["tries"]) == (call, "delivered", 3)
            whole = await world.get(where)
            assert [(t["status"], t["problem"]) for t in whole["log"]] == [
                (500, ""),
                (None, "refused"),
                (200, ""),
            ]
            assert whole["content_type"] == "application/json"
            assert '"status":"completed"' in whole["body"]
            assert (await world.get(f"/v1/calls/{call}"))["callback_id"] == shown["id"]

            again = await world.post(f"{where}/replay", status=202)
            assert (again["state"], again["tries"]) == ("pending", 3)
            await world.loops.pass_time(5)
        assert (await world.get(where))["tries"] == 4
        assert len({(notice.webhook_id, notice.body) for notice in sender.sent}) == 1

    run_native(tmp_path, test)


def test_callbacks_are_found_by_state_and_call(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        url = "http://127.0.0.1:9/result"
        first, second = await world.queue(result_url=url), await world.queue(result_url=url)
        silent = await world.queue()
        world.loops.sender.answers = [Delivery(status=410)]
        async with running(world.loops):
            await world.loops.pass_time(30)

        async def calls(query: str) -> list[int]:
            return [item["call_id"] for item in (await world.get(f"/v1/callbacks{query}"))["items"]]

        assert sorted(await calls("")) == [first, second]
        (dead,) = await calls("?state=dead")
        assert await calls("?state=delivered") == [({first, second} - {dead}).pop()]
        assert await calls("?state=pending") == []
        assert await calls(f"?call_id={second}") == [second]
        assert await calls(f"?call_id={silent}") == []
        page = await world.get("/v1/callbacks?limit=1")
        rest = await world.get(f"/v1/callbacks?limit=1&cursor={page['next']}")
        assert page["items"][0]["id"] > rest["items"][0]["id"]
        assert rest["next"] is None

    run_native(tmp_path, test)


def test_callbacks_of_others_are_refused(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue(result_url="http://127.0.0.1:9/result")
        await world.post(f"/v1/calls/{call}/cancel")
        async with running(world.loops):
            await world.loops.pass_time(5)
        (shown,) = (await world.get("/v1/callbacks"))["items"]
        for method, path in (
            ("GET", f"/v1/callbacks/{shown['id']}"),
            ("POST", f"/v1/callbacks/{shown['id']}/replay"),
            ("GET", f"/v1/callbacks?call_id={call}"),
        ):
            assert (await world.ask(method, path, by=STRANGER)).status_code == 404
            assert (await world.ask(method, path, by=COLLEAGUE)).status_code == 403
        assert (await world.get("/v1/callbacks", by=COLLEAGUE))["items"] == []

    run_native(tmp_path, test)


def test_each_try_is_shown_to_the_owner_with_what_was_sent_and_received(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.queue(result_url="http://user:secret@127.0.0.1:9/result")
        world.loops.sender.answers = [
            Delivery(
                status=503,
                problem="http 503",
                address="192.0.2.1",
                request_head=b"POST /result HTTP/1.1\r\n\r\n",
                answer=b"HTTP/1.1 503 Busy\r\n\r\n\xff",
                answer_size=70000,
            )
        ]
        async with running(world.loops):
            await world.loops.pass_time(30)
        (shown,) = (await world.get("/v1/callbacks"))["items"]
        assert shown["over_at"] is not None
        assert shown["host_rests_until"] is None
        first, second = (await world.get(f"/v1/callbacks/{shown['id']}"))["log"]
        assert first["problem"] == "http 503"
        assert first["address"] == "192.0.2.1"
        assert first["request_head"] == "POST /result HTTP/1.1\r\n\r\n"
        assert first["answer"] == "HTTP/1.1 503 Busy\r\n\r\n\ufffd"
        assert first["answer_bytes"] == 70000
        assert (second["address"], second["answer"], second["answer_bytes"]) == ("", "", 0)

    run_native(tmp_path, test)


def test_all_that_was_given_up_since_a_moment_can_be_sent_again(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        async def give_up(count: int, **more: object) -> None:
            world.loops.sender.answers = [Delivery(status=410)] * count
            for _ in range(count):
                await world.queue(result_url="http://127.0.0.1:9/result", **more)
            supervisor = world.loops.supervisor
            assert supervisor is not None
            supervisor.wake()
            await world.loops.pass_time(60)

        async def states() -> list[str]:
            return sorted(item["state"] for item in (await world.get("/v1/callbacks"))["items"])

        async with running(world.loops):
            await give_up(2)
            noon = world.clock.now()
            await give_up(1)
            assert await states() == ["dead"] * 3
            # a receiver that said 410 is left in peace
            order = {"since": "2020-01-01T00:00:00Z"}
            assert await world.post(REPLAY_DEAD, order, status=202) == {"replayed": 0}
            await world.store.write(forget_the_410)
            order = {"since": noon.isoformat()}
            for who in (COLLEAGUE, STRANGER):
                answer = await world.post(REPLAY_DEAD, order, status=202, by=who)
                assert answer == {"replayed": 0}
            assert await world.post(REPLAY_DEAD, order, status=202) == {"replayed": 1}
            await world.loops.pass_time(10)
            assert await states() == ["dead", "dead", "delivered"]
            order = {"since": "2020-01-01T00:00:00Z", "before": noon.isoformat()}
            answer = await world.post(REPLAY_DEAD, order, status=202, by=ADMIN)
            assert answer == {"replayed": 2}
            await world.loops.pass_time(10)
            assert await states() == ["delivered"] * 3

    run_native(tmp_path, test)


def test_what_to_send_again_must_be_said_clearly(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for order in (
            {},
            {"since": "yesterday"},
            {"since": "2030-01-01T00:00:00"},
            {"since": "2030-01-01T00:00:00Z", "until": "2031-01-01T00:00:00Z"},
        ):
            reply = await world.ask("POST", REPLAY_DEAD, json=order)
            assert reply.status_code == 400, reply.text
        for since in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
            order = {"since": since}
            assert await world.post(REPLAY_DEAD, order, status=202) == {"replayed": 0}

    run_native(tmp_path, test)


def forget_the_410(tx: WriteTx) -> None:
    """Make the dead look as if they had been given up for another reason."""
    tx._connection.execute("UPDATE notice_try SET status = 500")  # type: ignore[attr-defined]


def test_a_callback_that_is_long_over_is_forgotten_with_its_log(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue(result_url="http://127.0.0.1:9/result")
        async with running(world.loops):
            await world.loops.pass_time(10)
            (shown,) = (await world.get("/v1/callbacks"))["items"]
            sweeper = NoticeSweeper(store=world.store, clock=world.clock)
            world.clock.advance(29 * 86400)
            assert await sweeper.sweep() == 0
            world.clock.advance(86400)
            assert await sweeper.sweep() == 1
        assert (await world.get("/v1/callbacks"))["items"] == []
        assert (await world.ask("GET", f"/v1/callbacks/{shown['id']}")).status_code == 404
        assert (await world.get(f"/v1/calls/{call}"))["callback_id"] is None

    run_native(tmp_path, test)
