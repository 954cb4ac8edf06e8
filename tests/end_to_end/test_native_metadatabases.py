"""Metadatabases and their records over the native API."""

from pathlib import Path

import pytest
from native_world import ADMIN, COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, sample_text

PATIENTS = {"name": "Patients", "columns": ["first_name", "city"]}


def test_a_metadatabase_is_added_and_a_survey_names_it(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await world.ask("POST", "/v1/metadatabases", json=PATIENTS)
        assert reply.status_code == 201
        made = reply.json()
        assert made == {"id": made["id"], **PATIENTS}
        assert await world.get(reply.headers["location"]) == made
        items = (await world.get("/v1/metadatabases", by=COLLEAGUE))["items"]
        assert [item["name"] for item in items] == ["Patients", "insight program"]
        order = {"script": sample_text(SAMPLE_SURVEY), "metadatabase": "PATIENTS"}
        survey = await world.post("/v1/surveys", order, status=201)
        assert survey["metadatabase"] == PATIENTS["columns"]
        instance = await world.post(f"/v1/surveys/{survey['id']}/deployments", {}, status=201)
        call = {"deployment_id": instance["id"], "phone_number": "6175550100"}
        await world.post("/v1/calls", {**call, "variables": {"CITY": "Boston"}}, status=201)
        await world.post("/v1/calls", {**call, "variables": {"street": "x"}}, status=400)
        await world.post("/v1/metadatabases", {**PATIENTS, "name": "patients"}, status=409)
        await world.post("/v1/surveys", {**order, "metadatabase": "nothing"}, status=404)
        flow = {"script": sample_text(SAMPLE_FLOW), "metadatabase": "Patients"}
        refused = await world.post("/v1/apps", flow, status=400)
        assert refused["errors"][0]["pointer"] == "/metadatabase"

    run_native(tmp_path, test)


def test_records_are_pushed_and_paged_in_their_order(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        made = await world.post("/v1/metadatabases", PATIENTS, status=201)
        where = f"/v1/metadatabases/{made['id']}/records"
        values = [{"city": "Boston"}, {"first_name": "Ana", "city": None}, {"city": 2.5}]
        for each in values:
            reply = await world.ask("POST", where, json={"values": each}, by=COLLEAGUE)
            assert (reply.status_code, reply.content) == (204, b"")
        spelt = await world.ask("POST", where, json={"values": {"FIRST_NAME": True}})
        assert spelt.status_code == 204
        found, path = [], f"{where}?limit=3"
        while path:
            page = await world.get(path)
            found += page["items"]
            path = f"{where}?limit=3&cursor={page['next']}" if page["next"] else ""
        assert [record["values"] for record in found] == [*values, {"first_name": True}]
        assert [record["user_id"] for record in found] == [2, 2, 2, 1]
        assert found[0]["added_at"].startswith("2030-01-01T12:00:00")
        # A cursor is for one metadatabase's records.
        cursor = (await world.get(f"{where}?limit=1"))["next"]
        other = await world.ask("GET", f"/v1/metadatabases/1/records?cursor={cursor}")
        assert other.status_code == 400

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    "values", [{}, {"street": "x"}, {"city": [1]}, {"city": {}}, {"city": 1, "CITY": 2}]
)
def test_a_record_that_does_not_fit_is_refused(values: dict, tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.post("/v1/metadatabases/1/records", {"values": values}, status=400)
        assert (await world.get("/v1/metadatabases/1/records"))["items"] == []

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    "order",
    [
        {"name": "", "columns": ["a"]},
        {"name": "x", "columns": []},
        {"name": "x", "columns": ["a b"]},
        {"name": "x", "columns": ["a", "A"]},
        {"name": "x", "columns": [f"c{number}" for number in range(201)]},
        {"name": "x" * 201, "columns": ["a"]},
    ],
)
def test_a_metadatabase_that_will_not_do_is_refused(order: dict, tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.post("/v1/metadatabases", order, status=400)
        assert len((await world.get("/v1/metadatabases"))["items"]) == 1

    run_native(tmp_path, test)


def test_another_account_sees_none_of_it(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        assert (await world.get("/v1/metadatabases", by=STRANGER))["items"] == []
        record = {"values": {"city": "x"}}
        for method, path, body in (
            ("GET", "/v1/metadatabases/1", None),
            ("GET", "/v1/metadatabases/1/records", None),
            ("POST", "/v1/metadatabases/1/records", record),
        ):
            reply = await world.ask(method, path, json=body, by=STRANGER)
            assert reply.status_code == 404
        assert (await world.get("/v1/metadatabases/1/records", by=ADMIN))["items"] == []

    run_native(tmp_path, test)
