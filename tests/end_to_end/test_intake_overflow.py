"""`Prefer: overflow=…`: calls that would not be dialled before their window shuts."""

import json
from pathlib import Path
from typing import Any

import httpx2
from native_world import NativeWorld, run_native

from callwright.testing.world import running

CLOSES_AT = "2030-01-01T12:01:00Z"
CLOSES_S = 1893499260
ROWS = "destination\n" + "".join(f"617555{number:04}\n" for number in range(100))
WARN, REFUSE = {"Prefer": "overflow=warn"}, {"Prefer": "overflow=refuse"}


async def listed(world: NativeWorld, count: int, headers: dict[str, str]) -> httpx2.Response:
    contacts = [{"phone_number": f"617555{number:04}"} for number in range(count)]
    order = {"deployment_id": world.deployment, "contacts": contacts, "closes_at": CLOSES_AT}
    return await world.ask("POST", "/v1/batches", json=order, headers=headers)


async def uploaded(world: NativeWorld, path: str, headers: dict[str, str]) -> httpx2.Response:
    if path == "/v1/batches":
        fields = {"deployment_id": str(world.deployment), "closes_at": CLOSES_AT}
    else:
        fields = {"end_timestamp": str(CLOSES_S)}
    files = {"csv": ("calls.csv", ROWS.encode(), "text/csv")}
    return await world.ask("POST", path, data=fields, files=files, headers=headers)


def test_a_list_that_does_not_fit_is_warned_of_or_refused(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        async with running(world.loops, calls_per_second=1):
            bulk = f"/api/apps/{world.app}/{world.deployment}/bulk_queue"
            for reply, where in (
                (await listed(world, 100, REFUSE), "closes_at"),
                (await uploaded(world, "/v1/batches", REFUSE), "closes_at"),
                (await uploaded(world, bulk, REFUSE), "end_timestamp"),
            ):
                assert reply.status_code == 400, reply.text
                assert f"{where}: comes too early: 40 calls would not" in reply.text
                assert await world.waiting() == 0
            fits = await listed(world, 50, REFUSE)
            assert (fits.status_code, fits.headers["X-Will-Not-Fit"]) == (201, "0")
            assert fits.headers["Preference-Applied"] == "overflow=refuse"
            await world.post(f"/v1/deployments/{world.deployment}/cancel")
            await world.loops.pass_time(3)
            warned = await listed(world, 100, {"Prefer": "handling=lenient, overflow=warn"})
            assert warned.status_code == 201
            assert warned.headers["Preference-Applied"] == "handling=lenient, overflow=warn"
            assert 40 <= int(warned.headers["X-Will-Not-Fit"]) <= 45
            late = await uploaded(world, bulk, WARN)
            assert late.json() == {"calls_queued": 100}
            assert late.headers["X-Will-Not-Fit"] == "100"  # the other list goes before it

    run_native(tmp_path, test)


def test_a_call_that_does_not_fit_is_warned_of_or_refused(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        async with running(world.loops, calls_per_second=1):
            assert (await listed(world, 200, {})).headers.get("X-Will-Not-Fit") is None
            queue = f"/api/apps/{world.app}/{world.deployment}/queue"
            survey = f"/api/surveys/{world.survey}/{world.instance}/queue"
            order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
            form = {"phone_number": "6175550100"}
            # Single calls go before lists, so that only a crowd of them is in the way.
            for number in range(30):
                await world.queue(f"508555{number:04}")
            soon: dict[str, Any] = {**order, "closes_at": "2030-01-01T12:00:10Z"}
            soon_form = {**form, "end_timestamp": str(CLOSES_S - 50)}
            waiting = await world.waiting()
            for reply in (
                await world.ask("POST", "/v1/calls", json=soon, headers=REFUSE),
                await world.ask("POST", queue, data=soon_form, headers=REFUSE),
            ):
                assert reply.status_code == 400
                assert "comes too early: 1 call would not" in reply.text
            assert await world.waiting() == waiting
            minimal = {"Prefer": "return=minimal, overflow=warn"}
            told = await world.ask("POST", "/v1/calls", json=soon, headers=minimal)
            assert (told.status_code, told.headers["X-Will-Not-Fit"]) == (201, "1")
            assert told.headers["Preference-Applied"] == "return=minimal, overflow=warn"
            told = await world.ask("POST", queue, data=soon_form, headers=WARN)
            assert (told.status_code, told.headers["X-Will-Not-Fit"]) == (200, "1")
            # Another deployment takes its turn at once.
            told = await world.ask("POST", survey, data=soon_form, headers=REFUSE)
            assert (told.status_code, told.headers["X-Will-Not-Fit"]) == (200, "0")

    run_native(tmp_path, test)


def test_a_list_that_is_refused_later_says_so_where_it_is_followed(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        async with running(world.loops, calls_per_second=1):
            headers = {"Prefer": "respond-async, overflow=refuse"}
            taken = await listed(world, 100, headers)
            assert taken.status_code == 202
            for _ in range(200):
                found = await world.get(taken.headers["Location"])
                if found["state"] != "loading":
                    break
            assert found["state"] == "failed"
            assert "40 calls would not" in json.dumps(found["problem"])
            assert await world.waiting() == 0

    run_native(tmp_path, test)


def test_words_that_are_not_known_and_servers_that_know_nothing_change_nothing(
    tmp_path: Path,
) -> None:
    async def test(world: NativeWorld) -> None:
        assert (await listed(world, 100, REFUSE)).status_code == 201
        async with running(world.loops, calls_per_second=1):
            reply = await listed(world, 100, {"Prefer": "overflow=perhaps"})
            assert reply.status_code == 201
            assert "X-Will-Not-Fit" not in reply.headers

    run_native(tmp_path, test)
