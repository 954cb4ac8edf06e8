"""Call logs, responses, reports and pushed records, as the dialects' clients read them."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import httpx2
import pytest
from native_world import ADMIN, COLLEAGUE, OWNER, STRANGER, NativeWorld, run_native

from callwright.domain.account import Product
from callwright.domain.ids import ProgramId
from callwright.domain.outcome import Outcome
from callwright.ports.line import LegOrder
from callwright.ports.store import WriteTx
from callwright.service import administer
from callwright.testing.scripted_line import Fate
from callwright.testing.world import running

TALKS_S = 4


def unix(at: datetime) -> int:
    return int(at.timestamp())


async def converse(world: NativeWorld, *keys: tuple[str, str], step_s: float = 0.25) -> None:
    """Let whatever waits be dialled, ring for a second, and be answered and keyed in."""

    def fate(order: LegOrder) -> Fate:
        return Fate(outcome=Outcome.ANSWERED, rings_s=1, talks_s=TALKS_S, keys=keys, sip_code=200)

    async with running(world.loops, fate):
        await world.loops.pass_time(TALKS_S + 3, step_s=step_s)


async def ask(world: NativeWorld, path: str, **more: object) -> httpx2.Response:
    return await world.ask("GET", path, **more)  # type: ignore[arg-type]


async def log_of(world: NativeWorld, path: str, **more: object) -> dict:
    reply = await ask(world, path, **more)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def all_time(world: NativeWorld) -> str:
    now = unix(world.clock.now())
    return f"{now - 10_000}/{now + 10_000}"


def test_f5_tells_of_conversations_and_f6_of_what_happened_in_them(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        queued = unix(world.clock.now())
        await world.queue("6175550100")
        await converse(world, ("answer", "1"), ("opt_out", "yes"))
        span = all_time(world)
        log = await log_of(world, f"/api/calls/{span}")
        (entry,) = log["calls"]
        start = entry["start"]
        assert queued < start < queued + 3
        assert log == {
            "calls": [
                {
                    "dest": "6175550100",
                    "src": "Outbound",
                    "start": start,
                    "end": start + TALKS_S,
                    "session_id": f"1;001;{start - 1}",
                    "type": "outbound",
                    "log": True,
                }
            ],
            "total_calls": 1,
        }
        ((detailed,),) = (await log_of(world, f"/api/all_logs/{span}")).values()
        details = detailed.pop("detail")
        assert detailed == {
            "dest": "6175550100",
            "src": "Outbound",
            "start": str(start),
            "end": str(start + TALKS_S),
            "session_id": entry["session_id"],
        }
        assert [set(detail) for detail in details] == [{"event", "class", "timestamp"}] * 8
        assert [
            (detail["event"]["line"], detail["class"], detail["timestamp"]) for detail in details
        ] == [
            ("Queued", "info", queued),
            ("Dialing 6175550100", "info", start - 1),
            ("Ringing", "info", start - 1),
            ("Connected", "info", start),
            ('Executing application "fuse program"', "info", start),
            ("User input: 1 (dtmf)", "event", start),
            ("Set opt_out: yes", "info", start),
            ("Disconnected", "info", start + TALKS_S),
        ]
        assert details[5]["event"]["data"] == {"result_variable": "answer", "value": "1"}
        xml = await ask(world, f"/api/all_logs/{span}", headers={"Accept": "application/xml"})
        root = ElementTree.fromstring(xml.text)
        assert root.findtext("calls/item/detail/item/event/line") == "Queued"
        xml = await ask(world, f"/api/calls/{span}", headers={"Accept": "application/xml"})
        root = ElementTree.fromstring(xml.text)
        assert root.findtext("calls/item/log") == "true"
        assert root.findtext("total_calls") == "1"

    run_native(tmp_path, test)


def test_f5_and_f6_page_and_filter(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for number in ("6175550100", "+442079460000", "6175550101"):
            await world.queue(number)
            await converse(world)
        span = all_time(world)
        for path in ("calls", "all_logs"):
            whole = (await log_of(world, f"/api/{path}/{span}"))["calls"]
            assert [entry["dest"] for entry in whole] == [
                "6175550101",
                "+442079460000",
                "6175550100",
            ]
            page = await log_of(world, f"/api/{path}/{span}?limit=1&offset=1")
            assert page["calls"] == [whole[1]]
            assert page.get("total_calls", 3) == 3
            for number in ("6175550100", "+16175550100", "%2b16175550100", "16175550100"):
                found = await log_of(world, f"/api/{path}/{span}?number={number}")
                assert found["calls"] == [whole[2]], number
                assert found.get("total_calls", 1) == 1
            first = int(whole[2]["start"])
            for start, end, count in (
                (first, first, 1),
                (first + 1, first + 2, 0),
                (first - 2, first - 1, 0),
                (first, 253402300799, 3),
            ):
                found = await log_of(world, f"/api/{path}/{start}/{end}")
                assert len(found["calls"]) == count, (path, start - first)

    run_native(tmp_path, test)


def test_f6_goes_back_five_days(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.queue()
        await converse(world)
        span = f"0/{unix(world.clock.now())}"
        world.clock.advance(timedelta(days=5).total_seconds() - 60)
        assert len((await log_of(world, f"/api/all_logs/{span}"))["calls"]) == 1
        assert (await log_of(world, f"/api/calls/{span}"))["calls"][0]["log"] is True
        world.clock.advance(120)
        assert await log_of(world, f"/api/all_logs/{span}") == {"calls": []}
        log = await log_of(world, f"/api/calls/{span}")
        assert log["total_calls"] == 1
        assert log["calls"][0]["log"] is False

    run_native(tmp_path, test)


def test_a_log_holds_ones_own_fuse_calls_and_an_admins_those_of_the_account(
    tmp_path: Path,
) -> None:
    async def test(world: NativeWorld) -> None:
        await world.queue("6175550100")
        await world.queue("6175550101", by=ADMIN)
        await world.queue("6175550102", deployment_id=world.instance)
        await converse(world)
        span = all_time(world)
        seen = {}
        for by in (OWNER, ADMIN, COLLEAGUE, STRANGER):
            for path in ("calls", "all_logs"):
                log = await log_of(world, f"/api/{path}/{span}", by=by)
                seen[by, path] = sorted(entry["dest"] for entry in log["calls"])
                assert log.get("total_calls", len(log["calls"])) == len(log["calls"])
            assert seen[by, "calls"] == seen[by, "all_logs"]
        assert seen[OWNER, "calls"] == ["6175550100"]
        assert seen[ADMIN, "calls"] == ["6175550100", "6175550101"]
        assert seen[COLLEAGUE, "calls"] == seen[STRANGER, "calls"] == []

    run_native(tmp_path, test)


@pytest.mark.parametrize("path", ["calls", "all_logs"])
@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ("yesterday/1900000000", "start"),
        ("1900000000/1900000000000", "end"),
        ("1900000000/1899999999", "end"),
        ("1/2?limit=0", "limit"),
        ("1/2?limit=10001", "limit"),
        ("1/2?limit=1e3", "limit"),
        ("1/2?offset=-1", "offset"),
        ("1/2?offset=99999999999999999999", "offset"),
        ("1/2?number=call-me", "number"),
        ("1/2?number=911", "number"),
    ],
)
def test_400_names_the_part_of_a_log_request_that_is_wrong(
    path: str, rest: str, named: str, tmp_path: Path
) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await ask(world, f"/api/{path}/{rest}")
        assert reply.status_code == 400
        assert set(reply.json()) == {"error"}
        assert reply.json()["error"].startswith(f"{named}: ")

    run_native(tmp_path, test)


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
