"""Exports over the native API."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from native_world import COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.domain.outcome import Outcome
from callwright.testing.scripted_line import Fate
from callwright.testing.world import running

EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "plain", 'quo"te, and\nline']


async def export(world: NativeWorld, query: str) -> list[dict[str, Any]]:
    """The rows of a CSV export."""
    reply = await world.ask("GET", f"/v1/exports/calls?{query}")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in reply.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(reply.content.decode(), newline=""), strict=True))


def test_an_export_reads_back_as_what_was_queued(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        contacts = [
            {"phone_number": f"617555{number:04}", "variables": {"text": text, "n": number}}
            for number, text in enumerate(EVIL)
        ]
        order = {"deployment_id": world.deployment, "contacts": contacts}
        batch = (await world.post("/v1/batches", order, status=201))["id"]
        rows = await export(world, f"batch_id={batch}")
        assert [row["phone_number"] for row in rows] == [c["phone_number"] for c in contacts]
        assert [json.loads(row["variables"]) for row in rows] == [c["variables"] for c in contacts]
        assert [row["number"] for row in rows] == [
            f"'+1617555{number:04}" for number in range(len(EVIL))
        ]
        lines = await world.ask("GET", f"/v1/exports/calls?format=jsonl&batch_id={batch}")
        assert lines.headers["content-type"] == "application/jsonl"
        told = [json.loads(line) for line in lines.text.splitlines()]
        assert [line["variables"] for line in told] == [c["variables"] for c in contacts]
        assert told[0]["number"] == "+16175550000"
        assert [line["call_id"] for line in told] == [int(row["call_id"]) for row in rows]

    run_native(tmp_path, test)


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue("+16175550100;ani=8005551234")
        keyed = Fate(outcome=Outcome.ANSWERED, keys=(("choice", "=cmd|x"),))
        async with running(world.loops, lambda order: keyed):
            await world.loops.pass_time(30)
        reply = await world.ask("GET", "/v1/exports/calls")
        for row in csv.reader(io.StringIO(reply.text)):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        (row,) = await export(world, "")
        assert row["phone_number"] == "'+16175550100;ani=8005551234"
        assert (row["call_id"], row["state"], row["last_outcome"]) == (
            str(call),
            "completed",
            "answered",
        )
        assert json.loads(row["answers"]) == {"choice": "=cmd|x"}

    run_native(tmp_path, test)


def test_an_export_goes_through_as_many_pieces_as_it_takes(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        first = await world.queue_list(1200)
        await world.queue_list(700)
        assert len(await export(world, "")) == 1900
        assert len(await export(world, f"batch_id={first}")) == 1200
        ids = [int(row["call_id"]) for row in await export(world, "state=queued")]
        assert ids == sorted(set(ids))
        assert await export(world, "state=completed") == []
        assert await export(world, "queued_before=2030-01-01T12:00:00Z") == []
        assert len(await export(world, f"deployment_id={world.deployment}")) == 1900
        assert await export(world, f"deployment_id={world.instance}") == []

    run_native(tmp_path, test)


def test_exports_hold_only_what_the_asker_may_see(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch = await world.queue_list(2)
        for by in (COLLEAGUE, STRANGER):
            reply = await world.ask("GET", "/v1/exports/calls?format=jsonl", by=by)
            assert (reply.status_code, reply.content) == (200, b"")
        where = f"/v1/exports/calls?batch_id={batch}"
        assert (await world.ask("GET", where, by=COLLEAGUE)).status_code == 403
        assert (await world.ask("GET", where, by=STRANGER)).status_code == 404
        assert (await world.ask("GET", "/v1/exports/calls?format=xlsx")).status_code == 400

    run_native(tmp_path, test)
