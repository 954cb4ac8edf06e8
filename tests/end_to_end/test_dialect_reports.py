"""Insight's responses, reports and pushed records, as its clients read them."""

import csv
import io
from pathlib import Path

import httpx2
import pytest
from lookup_world import TALKS_S, ask, converse, log_of
from native_world import ADMIN, COLLEAGUE, OWNER, STRANGER, NativeWorld, run_native

from callwright.domain.account import Product
from callwright.domain.ids import ProgramId
from callwright.ports.store import WriteTx
from callwright.service import administer


def test_i5_counts_the_responses_of_an_instance(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path = f"/api/surveys/{world.survey}/{world.instance}/responses"
        assert await log_of(world, path) == {"success": True, "responses": 0}
        await world.queue(deployment_id=world.instance)
        await converse(world)
        assert await log_of(world, path) == {"success": True, "responses": 1}
        xml = await ask(world, path, headers={"Accept": "text/xml"})
        assert xml.text == "<result><success>true</success><responses>1</responses></result>"
        later = await world.post(f"/v1/surveys/{world.survey}/deployments", {}, status=201)
        # An instance that is not the current one any more has its responses still.
        assert await log_of(world, path) == {"success": True, "responses": 1}
        path = f"/api/surveys/{world.survey}/{later['id']}/responses"
        assert await log_of(world, path) == {"success": True, "responses": 0}

    run_native(tmp_path, test)


COLUMNS = [
    *("Survey ID", "Survey Name", "Visit Type", "Caller ID/IP Address", "Phone Number"),
    *("Start", "End", "Completed"),
    "How satisfied were you, from 1, not at all, to 5, very?",
    "Was it the waiting, press 1, the staff, press 2, or something else, press 3?",
    "Would you come again? Press 1 for yes, 2 for no.",
]


def test_i7_has_a_row_for_each_visit_and_a_column_for_each_question(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path = f"/api/report/{world.survey}"
        empty = await ask(world, path)
        assert empty.status_code == 200
        assert list(csv.reader(io.StringIO(empty.text))) == [COLUMNS]
        await world.queue("6175550100;ani=8005551234", deployment_id=world.instance)
        await converse(world, ("satisfaction", "2"), ("reason", "1"), ("again", "2"))
        await world.queue("6175550101", deployment_id=world.instance)
        await converse(world, ("satisfaction", "5"))
        reply = await ask(world, path)
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        assert reply.headers["content-disposition"] == "attachment; filename=report.csv"
        assert parts_of(reply) == (2, 2, 0, 500)
        header, latest, earlier = csv.reader(io.StringIO(reply.text))
        assert header == COLUMNS
        # as the vendor's: quoted where there is a space
        assert reply.text.startswith('"Survey ID","Survey Name","Visit Type",')
        assert ',"Phone Number",Start,End,Completed,"How ' in reply.text
        start = int(earlier[5])
        assert earlier == [
            *(str(world.survey), "insight program", "phone", "18005551234", "16175550100"),
            *(str(start), str(start + TALKS_S), "yes", "2", "Waiting", "No"),
        ]
        assert latest[4] == "16175550101"
        assert latest[8:] == ["5", "", ""]
        assert int(latest[5]) > start
        page = await ask(world, f"{path}?limit=1&offset=1")
        assert parts_of(page) == (2, 1, 1, 1)
        assert list(csv.reader(io.StringIO(page.text)))[1:] == [earlier]
        span = f"start_timestamp={start}&end_timestamp={start}"
        found = await ask(world, f"{path}?{span}")
        assert parts_of(found) == (1, 1, 0, 500)
        assert list(csv.reader(io.StringIO(found.text)))[1:] == [earlier]

    run_native(tmp_path, test)


def parts_of(reply: httpx2.Response) -> tuple[int, ...]:
    names = ("Total-Rows", "Returned-Rows", "Row-Offset", "Row-Limit")
    return tuple(int(reply.headers[f"X-Plum-{name}"]) for name in names)


FORMULAS = """
callwright: 1
survey: "=1+1"
questions:
  - id: satisfaction
    ask: "@SUM(A1)"
    digits: 1-9
    until: "#"
"""


def test_i7_keeps_columns_of_earlier_instances_and_guards_what_looks_like_a_formula(
    tmp_path: Path,
) -> None:
    async def test(world: NativeWorld) -> None:
        await world.queue(deployment_id=world.instance)
        await converse(world, ("again", "1"))
        await world.ask("PUT", f"/v1/surveys/{world.survey}/script", json={"script": FORMULAS})
        later = await world.post(f"/v1/surveys/{world.survey}/deployments", {}, status=201)
        await world.queue(deployment_id=later["id"])
        await converse(world, ("satisfaction", "-2"))
        rows = list(csv.reader(io.StringIO((await ask(world, f"/api/report/{world.survey}")).text)))
        assert rows[0][8:] == ["'@SUM(A1)", COLUMNS[9], COLUMNS[10]]
        assert [row[8:] for row in rows[1:]] == [["'-2", "", ""], ["", "", "Yes"]]

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("start_timestamp=1", "end_timestamp"),
        ("end_timestamp=1", "start_timestamp"),
        ("start_timestamp=2&end_timestamp=1", "end_timestamp"),
        ("limit=10001", "limit"),
        ("offset=x", "offset"),
    ],
)
def test_400_names_the_parameter_of_a_report_that_is_wrong(
    query: str, named: str, tmp_path: Path
) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await ask(world, f"/api/report/{world.survey}?{query}")
        assert reply.status_code == 400
        assert reply.json()["success"] is False
        assert reply.json()["error"].startswith(f"{named}: ")

    run_native(tmp_path, test)


async def push(world: NativeWorld, *, by: tuple[str, str] = OWNER, **form: str) -> httpx2.Response:
    return await world.ask("POST", "/api/metadatabase_push", by=by, data=form)


async def records(world: NativeWorld) -> list[dict]:
    def look(tx: WriteTx) -> list[dict]:
        (metadatabase,) = tx.metadatabases(administer.find_user(tx, OWNER[0]).account_id)
        found = tx.metadatabase_records(metadatabase.id, after=0, limit=100)
        return [dict(record.values) for record in found]

    return await world.store.read(look)  # type: ignore[arg-type]


def test_i6_adds_a_record_by_the_metadatabases_name_in_any_case(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await push(world, metadatabase="Insight PROGRAM", record='{"CITY": "Boston"}')
        assert (reply.status_code, reply.text) == (200, '{"success":true}')
        more = '{"first_name": "Ana", "city": null}'
        assert (await push(world, by=COLLEAGUE, metadatabase="insight program", record=more)).text
        assert await records(world) == [{"city": "Boston"}, {"first_name": "Ana", "city": None}]

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"record": '{"city": "x"}'}, 400, "metadatabase: is required"),
        ({"metadatabase": "nothing", "record": "{"}, 404, "No metadatabase was found."),
        ({"metadatabase": "insight program"}, 400, "record: is required"),
        ({"metadatabase": "insight program", "record": "{"}, 400, "record: is not valid JSON"),
        ({"metadatabase": "insight program", "record": '["x"]'}, 400, "record: must be a JSON"),
        ({"metadatabase": "insight program", "record": "{}"}, 400, "record: has no values"),
        ({"metadatabase": "insight program", "record": '{"a": 1}'}, 400, "record: 'a' is no"),
        ({"metadatabase": "insight program", "record": '{"city": [1]}'}, 400, "single value"),
        (
            {"metadatabase": "insight program", "record": '{"city": 1, "City": 2}'},
            400,
            "given twice",
        ),
    ],
)
def test_i6_says_what_is_wrong_with_a_push(
    form: dict[str, str], status: int, said: str, tmp_path: Path
) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await push(world, **form)
        assert reply.status_code == status, reply.text
        assert reply.json()["success"] is False
        assert said in reply.json()["error"]
        assert await records(world) == []

    run_native(tmp_path, test)


def test_a_metadatabase_of_another_account_is_not_there(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        form = {"metadatabase": "insight program", "record": '{"city": "x"}'}
        assert (await push(world, by=STRANGER, **form)).status_code == 404
        assert await records(world) == []

    run_native(tmp_path, test)


def test_reports_and_responses_are_the_owners_and_those_with_the_right(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        paths = (
            f"/api/report/{world.survey}",
            f"/api/surveys/{world.survey}/{world.instance}/responses",
        )

        async def statuses(by: tuple[str, str]) -> set[int]:
            return {(await ask(world, path, by=by)).status_code for path in paths}

        assert await statuses(OWNER) == await statuses(ADMIN) == {200}
        assert await statuses(COLLEAGUE) == await statuses(STRANGER) == {403}
        await world.ask("PATCH", "/v1/users/2", by=ADMIN, json={"grant": "deploy survey"})
        assert await statuses(COLLEAGUE) == {200}
        assert (await ask(world, "/api/report/99")).status_code == 404
        assert (await ask(world, f"/api/report/{world.app}")).status_code == 404

        def delete(tx: WriteTx) -> None:
            survey = administer.find_program(tx, Product.INSIGHT, ProgramId(world.survey))
            administer.delete_program(tx, survey, world.clock.now())

        await world.store.write(delete)
        assert await statuses(OWNER) == {409}
        assert await statuses(STRANGER) == {403}

    run_native(tmp_path, test)
