"""Lists over the native API: queued, refused row by row, followed while they load."""

import asyncio
from pathlib import Path

import pytest
from native_lists import BAD, CSV, upload
from native_world import STRANGER, NativeWorld, run_native


def test_a_csv_file_becomes_a_batch(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await upload(
            world, CSV, max_attempts="2", retry_wait_s="60", closes_at="2030-01-01T13:00:00Z"
        )
        assert reply.status_code == 201, reply.text
        batch = reply.json()
        assert batch == {
            "id": 1,
            "calls": 3,
            "rejected": 0,
            "errors": [],
            "duplicate_of": None,
        }
        assert "Preference-Applied" not in reply.headers
        assert reply.headers["location"] == "/v1/batches/1"
        shown = await world.get("/v1/batches/1")
        assert (shown["state"], shown["calls"], shown["counts"]) == ("live", 3, {"queued": 3})
        assert (shown["is_list"], shown["is_over"]) == (True, False)
        calls = (await world.get("/v1/batches/1/calls"))["items"]
        assert [call["phone_number"] for call in reversed(calls)] == [
            "6175550100",
            "6175550101",
            "6175550102",
        ]
        call = await world.get(f"/v1/calls/{calls[0]['id']}")
        assert call["variables"] == {"first_name": "Cid"}
        assert (call["max_attempts"], call["retry_wait_s"]) == (2, 60)
        assert call["closes_at"] == "2030-01-01T13:00:00Z"
        assert len(world.changes) == 1

    run_native(tmp_path, test)


def test_a_json_list_becomes_a_batch(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch = await world.queue_list(3, max_attempts=2, retry_wait_s=60)
        calls = (await world.get(f"/v1/batches/{batch}/calls?limit=2"))["items"]
        assert [call["number"] for call in calls] == ["+16175550002", "+16175550001"]
        assert calls[0]["max_attempts"] == 2

    run_native(tmp_path, test)


def test_one_bad_row_refuses_the_list_and_every_one_is_named(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await upload(world, BAD)
        assert reply.status_code == 400
        problem = reply.json()
        assert problem["type"] == "urn:callwright:problem:list-invalid"
        assert "2 bad rows, nothing was queued." in problem["detail"]
        assert [error["line"] for error in problem["errors"]] == [3, 4]
        contacts = [{"phone_number": "6175550100"}, {"phone_number": "911"}]
        order = {"deployment_id": world.deployment, "contacts": contacts}
        problem = await world.post("/v1/batches", order, status=400)
        assert problem["errors"][0]["pointer"] == "/contacts/1/phone_number"
        assert await world.waiting() == 0
        assert (await world.get("/v1/batches"))["items"] == []

    run_native(tmp_path, test)


def test_a_lenient_list_queues_the_good_rows(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await upload(world, BAD, Prefer="handling=lenient")
        assert reply.status_code == 201, reply.text
        assert reply.headers["preference-applied"] == "handling=lenient"
        batch = reply.json()
        assert (batch["calls"], batch["rejected"]) == (1, 2)
        assert [error["line"] for error in batch["errors"]] == [3, 4]
        assert await world.waiting() == 1
        assert (await world.get(f"/v1/batches/{batch['id']}"))["rejected"] == 2
        rejected = await world.ask("GET", f"/v1/batches/{batch['id']}/rejected")
        assert rejected.headers["content-type"] == "text/csv; charset=utf-8"
        mended = rejected.content.decode().replace(",911,", ",6175550101,")
        assert mended.startswith("\ufeffcallwright_line,callwright_problem,destination,first_name")
        again = await upload(world, mended.replace(",x,", ",6175550102,"))
        assert (again.status_code, again.json()["calls"]) == (201, 2)
        calls = (await world.get(f"/v1/batches/{again.json()['id']}/calls"))["items"]
        assert [call["phone_number"] for call in calls] == ["6175550102", "6175550101"]
        whole = (await upload(world, CSV)).json()["id"]
        assert (await world.ask("GET", f"/v1/batches/{whole}/rejected")).status_code == 404
        before = await world.waiting()
        nothing = await upload(world, "destination\n911\n", Prefer="handling=lenient")
        assert nothing.status_code == 400
        assert await world.waiting() == before

    run_native(tmp_path, test)


def test_a_dry_run_reads_every_row_and_stores_nothing(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        dry = {"X-Dry-Run": "true"}
        reply = await upload(world, CSV, **dry)
        assert (reply.status_code, reply.json()["calls"]) == (200, 3)
        assert (await upload(world, BAD, **dry)).status_code == 400
        lenient = await upload(world, BAD, Prefer="handling=lenient", **dry)
        assert (lenient.json()["calls"], lenient.json()["rejected"]) == (1, 2)
        assert await world.waiting() == 0
        assert (await world.get("/v1/batches"))["items"] == []
        assert world.changes == []

    run_native(tmp_path, test)


def test_a_list_can_be_followed_while_it_loads(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        csv = "destination\n" + "".join(f"617555{number:04}\n" for number in range(5000))
        reply = await upload(world, csv + "911\n", Prefer="respond-async, handling=lenient")
        assert reply.status_code == 202
        assert reply.headers["preference-applied"] == "handling=lenient, respond-async"
        where = reply.headers["location"]
        assert reply.json()["id"] == 1
        seen: list[int] = []
        async with asyncio.timeout(20):
            while (batch := await world.get(where))["state"] == "loading":
                assert batch["counts"] == {}
                assert 0 <= batch["loaded_share"] <= 1
                seen.append(batch["calls"])
        assert batch["state"] == "live"
        assert (batch["counts"], batch["rejected"]) == ({"queued": 5000}, 1)
        assert batch["loaded_share"] is None
        assert seen == sorted(seen)
        async with asyncio.timeout(20):
            # The list is live before the loops hear of it.
            while not world.changes:  # noqa: ASYNC110 - only the world hears of it
                await asyncio.sleep(0)

    run_native(tmp_path, test)


def test_a_list_that_fails_after_its_answer_says_why(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        csv = "destination\n" + "6175550100\n" * 2000 + "911\n"
        reply = await upload(world, csv, Prefer="respond-async")
        assert reply.status_code == 202
        where = reply.headers["location"]
        async with asyncio.timeout(20):
            while (batch := await world.get(where))["state"] == "loading":
                pass
        assert (batch["state"], batch["calls"], batch["counts"]) == ("failed", 0, {})
        assert batch["problem"]["errors"][0]["line"] == 2002
        assert (await world.ask("GET", where, by=STRANGER)).status_code == 404
        assert await world.waiting() == 0

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"deployment_id": ""}, "deployment_id"),
        ({"deployment_id": "one"}, "deployment_id"),
        ({"deployment_id": "0"}, "deployment_id"),
        ({"max_attempts": "1_0"}, "max_attempts"),
        ({"max_attempts": "11"}, "max_attempts"),
        ({"opens_at": "tomorrow"}, "opens_at"),
        ({"is_pci": "maybe"}, "is_pci"),
        ({"start_timestamp": "1893499200"}, "start_timestamp"),
    ],
)
def test_a_wrong_form_field_is_named(tmp_path: Path, fields: dict[str, str], field: str) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await upload(world, CSV, **fields)
        assert reply.status_code == 400
        assert reply.json()["errors"][0]["pointer"] == f"/{field}"

    run_native(tmp_path, test)


def test_other_bodies_are_refused_by_their_type(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for content_type in ("text/csv", "application/x-www-form-urlencoded", "text/plain"):
            reply = await world.ask(
                "POST", "/v1/batches", content=CSV, headers={"Content-Type": content_type}
            )
            assert reply.status_code == 415
        packed = await world.ask(
            "POST",
            "/v1/batches",
            content=b"{}",
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
        )
        assert packed.status_code == 415
        large = await world.ask(
            "POST",
            "/v1/batches",
            content=b"x" * (3 * 1024 * 1024),
            headers={"Content-Type": "application/json"},
        )
        assert large.status_code == 413

    run_native(tmp_path, test)
