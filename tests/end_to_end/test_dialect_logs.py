"""Fuse's call logs, with and without details, as its clients read them."""

from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lookup_world import TALKS_S, all_time, ask, converse, log_of, unix
from native_world import ADMIN, COLLEAGUE, OWNER, STRANGER, NativeWorld, run_native


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
