"""Callbacks over the native API: what became of them, and sending one again."""

from pathlib import Path

from native_world import COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.domain.notice import Delivery
from callwright.testing.world import running


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
