"""Lists and deployments over the native API: paused, resumed, cancelled, called again, listed."""

from pathlib import Path
from typing import Any

from native_lists import CSV, upload
from native_world import ADMIN, COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.domain.ids import DeploymentId
from callwright.ports.line import LegOrder
from callwright.testing.scripted_line import ANSWERED, BUSY, Fate
from callwright.testing.world import running


def test_a_paused_list_is_not_dialled_until_it_is_resumed(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        held, other = await world.queue_list(3), await world.queue_list(2)
        paused = await world.post(f"/v1/batches/{held}/pause")
        assert paused["paused_at"] == "2030-01-01T12:00:00Z"
        assert (await world.post(f"/v1/batches/{held}/pause"))["paused_at"] == paused["paused_at"]
        async with running(world.loops):
            await world.loops.pass_time(60)
            assert (await world.get(f"/v1/batches/{other}"))["counts"] == {"completed": 2}
            shown = await world.get(f"/v1/batches/{held}")
            assert shown["counts"] == {"queued": 3}
            calls = (await world.get(f"/v1/batches/{held}/calls"))["items"]
            assert all(call["is_paused"] for call in calls)
            assert (await world.get(f"/v1/calls/{calls[0]['id']}"))["paused_at"] is not None
            resumed = await world.post(f"/v1/batches/{held}/resume")
            assert resumed["paused_at"] is None
            await world.loops.pass_time(60)
        assert (await world.get(f"/v1/batches/{held}"))["is_over"] is True

    run_native(tmp_path, test)


def test_a_paused_deployment_holds_what_waits_and_what_comes(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        before = await world.queue()
        listed = await world.queue_list(2)
        where = f"/v1/deployments/{world.deployment}"
        assert (await world.post(f"{where}/pause"))["paused_at"] is not None
        after = await world.queue()
        elsewhere = await world.post(
            "/v1/calls", {"deployment_id": world.instance, "phone_number": "6175550100"}, status=201
        )
        dry = {"X-Dry-Run": "true"}
        order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
        assert (await world.post("/v1/calls", order, headers=dry))["is_paused"] is True
        async with running(world.loops):
            await world.loops.pass_time(60)
            assert (await world.get(f"/v1/calls/{elsewhere['id']}"))["state"] == "completed"
            for call in (before, after):
                assert (await world.get(f"/v1/calls/{call}"))["is_paused"] is True
            assert len(world.loops.orders) == 1
            await world.post(f"/v1/batches/{listed}/pause")
            assert (await world.post(f"{where}/resume"))["paused_at"] is None
            await world.loops.pass_time(60)
            for call in (before, after):
                assert (await world.get(f"/v1/calls/{call}"))["state"] == "completed"
            assert (await world.get(f"/v1/batches/{listed}"))["counts"] == {"queued": 2}
            await world.post(f"/v1/batches/{listed}/resume")
            await world.loops.pass_time(60)
        assert len(world.loops.orders) == 5

    run_native(tmp_path, test)


def test_many_single_calls_on_hold_do_not_hold_up_others(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for _ in range(60):
            await world.queue()
        calls = await world.loops.details((await world.get("/v1/calls"))["items"][0]["id"])

        def add_many(tx: Any) -> None:
            for _ in range(6000):
                tx.add_call(
                    DeploymentId(world.deployment),
                    calls.user_id,
                    calls.schedule,
                    calls.contact,
                    world.clock.now(),
                )

        await world.store.write(add_many)
        await world.post(f"/v1/deployments/{world.deployment}/pause")
        other = await world.post(
            "/v1/calls", {"deployment_id": world.instance, "phone_number": "6175550100"}, status=201
        )
        async with running(world.loops):
            await world.loops.pass_time(10)
            assert (await world.get(f"/v1/calls/{other['id']}"))["state"] == "completed"
            assert len(world.loops.orders) == 1

    run_native(tmp_path, test)


def test_a_window_that_shuts_while_paused_ends_its_calls(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch = await world.queue_list(2, closes_at="2030-01-01T12:01:00Z")
        single = await world.queue(closes_at="2030-01-01T12:01:00Z")
        await world.post(f"/v1/deployments/{world.deployment}/pause")
        async with running(world.loops):
            await world.loops.pass_time(120)
        assert (await world.get(f"/v1/batches/{batch}"))["counts"] == {"expired": 2}
        call = await world.get(f"/v1/calls/{single}")
        assert (call["state"], call["is_paused"]) == ("expired", False)

    run_native(tmp_path, test)


def test_cancelling_a_list_ends_what_waits_of_it_alone(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        gone, other = await world.queue_list(3), await world.queue_list(2)
        await world.post(f"/v1/batches/{gone}/pause")
        canceled = await world.post(f"/v1/batches/{gone}/cancel")
        assert canceled["counts"] == {"canceled": 3}
        assert canceled["canceled_at"] is not None
        assert canceled["is_over"] is True
        again = await world.post(f"/v1/batches/{gone}/cancel")
        assert again == canceled
        async with running(world.loops):
            await world.loops.pass_time(30)
        assert (await world.get(f"/v1/batches/{gone}"))["counts"] == {"canceled": 3}
        assert (await world.get(f"/v1/batches/{other}"))["counts"] == {"completed": 2}

    run_native(tmp_path, test)


def test_cancelling_a_deployment_ends_all_that_waits_on_it(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch, single = await world.queue_list(3), await world.queue()
        await world.post(f"/v1/deployments/{world.deployment}/cancel")
        assert (await world.get(f"/v1/batches/{batch}"))["counts"] == {"canceled": 3}
        assert (await world.get(f"/v1/calls/{single}"))["state"] == "canceled"
        later = await world.queue()
        assert (await world.get(f"/v1/calls/{later}"))["state"] == "queued"

    run_native(tmp_path, test)


def test_whom_a_list_did_not_reach_can_be_called_again_once(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch = await world.queue_list(700, max_attempts=2, retry_wait_s=60)
        where = f"/v1/batches/{batch}"
        assert "nobody" in (await world.post(f"{where}/retry", status=409))["detail"]
        busy = {f"+1617555{number:04}" for number in range(0, 700, 7)}

        def fate(order: LegOrder) -> Fate:
            return BUSY if order.number in busy else ANSWERED

        async with running(world.loops, fate):
            await world.loops.pass_time(120)
        assert (await world.get(where))["counts"] == {"completed": 600, "exhausted": 100}
        reply = await world.ask("POST", f"{where}/retry", json={"max_attempts": 1})
        assert reply.status_code == 201, reply.text
        again = reply.json()
        assert again["calls"] == 100
        assert reply.headers["location"] == f"/v1/batches/{again['id']}"
        calls = (await world.get(f"/v1/batches/{again['id']}/calls?limit=500"))["items"]
        assert {call["number"] for call in calls} == busy
        assert {call["max_attempts"] for call in calls} == {1}
        whole = await world.get(f"/v1/calls/{calls[0]['id']}")
        old = await world.get(f"/v1/calls/{whole['retry_of']}")
        assert (old["number"], old["state"]) == (whole["number"], "exhausted")
        assert old["retried_by"] == [whole["id"]]
        await world.post(f"{where}/retry", status=409)
        answered = await world.post(f"{where}/retry", {"states": ["completed"]}, status=201)
        assert answered["calls"] == 600
        await world.post(f"{where}/retry", {"states": ["queued"]}, status=400)

    run_native(tmp_path, test)


def test_a_single_call_can_be_paused_by_its_batch(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue()
        batch = (await world.get(f"/v1/calls/{call}"))["batch_id"]
        shown = await world.post(f"/v1/batches/{batch}/pause")
        assert (shown["is_list"], shown["calls"]) == (False, 1)
        async with running(world.loops):
            await world.loops.pass_time(10)
            assert (await world.get(f"/v1/calls/{call}"))["is_paused"] is True
            await world.post(f"/v1/batches/{batch}/resume")
            await world.loops.pass_time(10)
        assert (await world.get(f"/v1/calls/{call}"))["state"] == "completed"
        assert (await world.get("/v1/batches"))["items"] == []

    run_native(tmp_path, test)


def test_lists_are_pages_that_stay_in_step(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for _ in range(5):
            await world.queue_list(1)
        first = await world.get("/v1/batches?limit=2")
        await world.queue_list(1)
        second = await world.get(f"/v1/batches?limit=2&cursor={first['next']}")
        third = await world.get(f"/v1/batches?limit=2&cursor={second['next']}")
        pages = [[item["id"] for item in page["items"]] for page in (first, second, third)]
        assert pages == [[5, 4], [3, 2], [1]]
        assert third["next"] is None
        assert len((await world.get("/v1/batches?state=loading"))["items"]) == 0
        by_deployment = f"/v1/batches?deployment_id={world.deployment}"
        assert len((await world.get(by_deployment, by=ADMIN))["items"]) == 6

    run_native(tmp_path, test)


def test_lists_of_others_are_refused_and_of_other_accounts_not_there(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch = await world.queue_list(1)
        paths = [("GET", f"/v1/batches/{batch}"), ("GET", f"/v1/batches/{batch}/calls")]
        paths += [("POST", f"/v1/batches/{batch}/{do}") for do in ("cancel", "pause", "resume")]
        paths.append(("POST", f"/v1/batches/{batch}/retry"))
        paths += [
            ("POST", f"/v1/deployments/{world.deployment}/{do}")
            for do in ("cancel", "pause", "resume")
        ]
        for method, path in paths:
            assert (await world.ask(method, path, by=STRANGER)).status_code == 404
            assert (await world.ask(method, path, by=COLLEAGUE)).status_code == 403
        assert (await upload(world, CSV, by=STRANGER)).status_code == 404
        assert (await upload(world, CSV, by=COLLEAGUE)).status_code == 403
        shown = await world.get(f"/v1/batches/{batch}")
        assert (shown["counts"], shown["paused_at"]) == ({"queued": 1}, None)

    run_native(tmp_path, test)
