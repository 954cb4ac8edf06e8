"""Contacts of a JSON list that were left out can be fetched, mended and sent again."""

import csv
import io
from pathlib import Path
from typing import Any

from native_world import NativeWorld, run_native

LENIENT = {"Prefer": "handling=lenient"}


async def queue_leniently(world: NativeWorld, contacts: list[dict[str, Any]]) -> dict[str, Any]:
    order = {"deployment_id": world.deployment, "contacts": contacts}
    reply = await world.ask("POST", "/v1/batches", json=order, headers=LENIENT)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def fetch(world: NativeWorld, batch: int) -> str:
    reply = await world.ask("GET", f"/v1/batches/{batch}/rejected")
    assert reply.status_code == 200, reply.text
    return reply.text.removeprefix("\ufeff")


def test_they_are_rows_with_every_variable_that_any_of_them_brings(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        contacts = [
            {"phone_number": "6175550100", "variables": {"name": "Good"}},
            {"phone_number": "911", "variables": {"name": 'Ana "A", Ltd', "age": 41}},
            {"phone_number": "=1+1", "variables": {"AGE": None, "vip": True, "ratio": 0.5}},
            {"phone_number": "6175550103", "variables": {"a b": "x"}},
        ]
        made = await queue_leniently(world, contacts)
        assert (made["calls"], made["rejected"]) == (1, 3)
        assert [error["pointer"] for error in made["errors"]] == [
            "/contacts/1/phone_number",
            "/contacts/2/phone_number",
            "/contacts/3/variables",
        ]
        assert (await world.get(f"/v1/batches/{made['id']}"))["rejected"] == 3
        header, *rows = csv.reader(io.StringIO(await fetch(world, made["id"])))
        assert header[:3] == ["callwright_line", "callwright_problem", "phone_number"]
        assert header[3:] == ["name", "age", "vip", "ratio", "a b"]
        assert [row[0] for row in rows] == ["2", "3", "4"]
        assert all(row[1] for row in rows)
        assert [row[2:] for row in rows] == [
            ["911", 'Ana "A", Ltd', "41", "", "", ""],
            ["'=1+1", "", "", "true", "0.5", ""],
            ["6175550103", "", "", "", "", "x"],
        ]

    run_native(tmp_path, test)


def test_mended_they_can_be_sent(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        good = {"phone_number": "6175550100"}
        bad = [{"phone_number": "911", "variables": {"name": "Ana"}}, {"phone_number": "x"}]
        made = await queue_leniently(world, [*bad, good])
        mended = (await fetch(world, made["id"])).replace(",911,", ",6175550101,")
        again = await world.ask(
            "POST",
            "/v1/batches",
            data={"deployment_id": str(world.deployment)},
            files={"csv": ("mended.csv", mended.replace(",x,", ",6175550102,").encode())},
        )
        assert (again.status_code, again.json()["calls"]) == (201, 2)
        calls = (await world.get(f"/v1/batches/{again.json()['id']}/calls"))["items"]
        assert [call["phone_number"] for call in calls] == ["6175550102", "6175550101"]
        first = await world.get(f"/v1/calls/{calls[1]['id']}")
        assert first["variables"] == {"name": "Ana"}

    run_native(tmp_path, test)


def test_there_are_none_of_a_list_that_is_whole_or_refused(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        made = await queue_leniently(world, [{"phone_number": "6175550100"}])
        reply = await world.ask("GET", f"/v1/batches/{made['id']}/rejected")
        assert reply.status_code == 404
        order = {"deployment_id": world.deployment, "contacts": [{"phone_number": "911"}] * 3}
        refused = await world.ask("POST", "/v1/batches", json=order, headers=LENIENT)
        assert refused.status_code == 400
        assert len((await world.get("/v1/batches"))["items"]) == 1

    run_native(tmp_path, test)


def test_many_are_kept_too(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        contacts = [{"phone_number": "911"}] * 1201
        made = await queue_leniently(world, [*contacts, {"phone_number": "6175550100"}])
        assert (made["calls"], made["rejected"], len(made["errors"])) == (1, 1201, 100)
        rows = list(csv.reader(io.StringIO(await fetch(world, made["id"]))))[1:]
        assert [row[0] for row in rows] == [str(line) for line in range(1, 1202)]

    run_native(tmp_path, test)
