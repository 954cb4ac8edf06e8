"""Workbooks over the native API: a sheet is the list that it would be saved as."""

from pathlib import Path
from typing import Any

import pytest
from native_world import NativeWorld, run_native

from callwright.testing.workbooks import PLAIN, workbook

HEADER = ["phone_number", "first_name"]
BOOK = workbook(
    {
        "Calls": [HEADER, [(6175550100, PLAIN), "Ana"], [], [(6175550101, PLAIN), "Łukasz"]],
        "Other": [HEADER, ["6175550102", "Cid"]],
        "Bad": [HEADER, ["6175550103", "Dee"], [(6.1755501e18, PLAIN), "Eve"]],
    }
)


async def upload(world: NativeWorld, data: bytes, **more: str) -> Any:
    """The reply to a list that is sent as a workbook."""
    headers = {name: more.pop(name) for name in ("Prefer", "X-Dry-Run") if name in more}
    form = {"deployment_id": str(world.deployment), **more}
    files = {"csv": ("calls.xlsx", data, "application/octet-stream")}
    return await world.ask("POST", "/v1/batches", data=form, files=files, headers=headers)


def test_a_workbook_becomes_a_batch(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await upload(world, BOOK)
        assert (reply.status_code, reply.json()["calls"]) == (201, 2), reply.text
        calls = (await world.get("/v1/batches/1/calls"))["items"]
        assert [call["number"] for call in calls] == ["+16175550101", "+16175550100"]
        whole = await world.get(f"/v1/calls/{calls[0]['id']}")
        assert whole["variables"] == {"first_name": "Łukasz"}
        other = await upload(world, BOOK, sheet="Other", Prefer="respond-async")
        assert other.status_code == 202
        for _ in range(1000):
            if (shown := await world.get(other.headers["location"]))["state"] != "loading":
                break
        assert (shown["state"], shown["calls"]) == ("live", 1)

    run_native(tmp_path, test)


def test_a_bad_row_is_told_by_its_row_in_the_sheet(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for more in ({}, {"X-Dry-Run": "true"}):
            reply = await upload(world, BOOK, sheet="Bad", **more)
            assert reply.status_code == 400
            [error] = reply.json()["errors"]
            assert error["line"] == 3
            assert "damaged by a spreadsheet" in error["detail"]
        good = await upload(world, BOOK, sheet="Bad", Prefer="handling=lenient")
        assert (good.status_code, good.json()["calls"], good.json()["rejected"]) == (201, 1, 1)
        report = await world.ask("GET", f"{good.headers['location']}/rejected")
        assert report.text.splitlines()[1].startswith("3,")

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    ("data", "more", "pointer", "told"),
    [
        (BOOK, {"sheet": "Nix"}, "/csv", "no sheet 'Nix'; it has: Calls, Other, Bad"),
        (BOOK[:900], {}, "/csv", "the workbook cannot be read"),
        (b"phone_number\n6175550100\n", {"sheet": "Calls"}, "/sheet", "is for workbooks"),
    ],
)
def test_what_cannot_be_read_is_refused(
    data: bytes, more: dict[str, str], pointer: str, told: str, tmp_path: Path
) -> None:
    async def test(world: NativeWorld) -> None:
        for extra in ({}, {"X-Dry-Run": "true"}, {"Prefer": "respond-async"}):
            reply = await upload(world, data, **more, **extra)
            assert reply.status_code == 400
            [error] = reply.json()["errors"]
            assert (error["pointer"], told in error["detail"]) == (pointer, True), error
        assert await world.waiting() == 0

    run_native(tmp_path, test)


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python_calamine.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def test(world: NativeWorld) -> None:
        reply = await upload(world, BOOK)
        assert reply.status_code == 400
        assert "pip install 'callwright[xlsx]'" in reply.json()["errors"][0]["detail"]
        csv = await upload(world, b"phone_number\n6175550100\n")
        assert csv.status_code == 201

    run_native(tmp_path, test)


def test_another_sheet_of_the_same_workbook_is_another_list(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        assert "X-Duplicate-Of" not in (await upload(world, BOOK)).headers
        assert "X-Duplicate-Of" not in (await upload(world, BOOK, sheet="Other")).headers
        assert (await upload(world, BOOK, sheet="Other")).headers["x-duplicate-of"] == "2"

    run_native(tmp_path, test)
