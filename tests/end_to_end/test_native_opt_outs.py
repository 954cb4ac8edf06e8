"""The opt-out list: by key, over the native API, and at the moment of dialling."""

from pathlib import Path

import pytest
from log_lines import logged_from_now
from native_world import ADMIN, COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.domain.phone import PhoneNumber
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.scripted_line import BUSY, Fate
from callwright.testing.world import running

ANA, BEN = "6175550100", "6175550101"
SAYS_NO_MORE = Fate(outcome=Outcome.ANSWERED, sip_code=200, keys=(("Opt_Out", " Yes"),))
REASON = "the number is on the opt-out list"


def dialled(world: NativeWorld) -> list[str]:
    return [order.number.removeprefix("+1") for _, order in world.loops.orders]


def test_who_keys_the_opt_out_is_not_called_again_by_any_program(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        first = await world.queue(ANA)
        async with running(world.loops, lambda order: SAYS_NO_MORE):
            await world.loops.pass_time(30)
            second = await world.queue(ANA)
            other = await world.queue(ANA, deployment_id=world.instance, by=ADMIN)
            await world.loops.pass_time(30)
        assert dialled(world) == [ANA]
        assert (await world.get(f"/v1/calls/{first}"))["state"] == "completed"
        for call in (second, other):
            shown = await world.get(f"/v1/calls/{call}", by=ADMIN)
            assert (shown["state"], shown["rejected_because"]) == ("rejected", REASON)
            assert shown["attempt_log"] == []
        [entry] = (await world.get("/v1/optouts"))["items"]
        assert (entry["number"], entry["call_id"]) == (f"+1{ANA}", first)
        dialect = await world.get(f"/api/outbound/{second}")
        assert dialect["call_details"]["status"] == "rejected"

    run_native(tmp_path, test)


def test_the_wish_is_on_disk_while_the_callee_still_talks(tmp_path: Path) -> None:
    long = Fate(outcome=Outcome.ANSWERED, sip_code=200, keys=SAYS_NO_MORE.keys, talks_s=600)

    async def test(world: NativeWorld) -> None:
        call = await world.queue(ANA)
        async with running(world.loops, lambda order: long):
            await world.loops.pass_time(30)
            assert (await world.get(f"/v1/calls/{call}"))["state"] == "connected"
            # what a server would find that was started after a kill now
            left = open_sqlite_store(tmp_path / "native.db", server=False)
            account = world.loops.user.account_id
            number = PhoneNumber(f"+1{ANA}")
            assert await left.read(lambda tx: tx.is_suppressed(account, number))
            await left.close()

    run_native(tmp_path, test)


def test_a_number_opted_out_in_the_middle_of_a_campaign_is_not_dialled(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        contacts = [{"phone_number": number} for number in (ANA, BEN)]
        order = {"deployment_id": world.deployment, "contacts": contacts}
        batch = await world.post("/v1/batches", order, status=201)
        retried = await world.queue("6175550102", max_attempts=3, retry_wait_s=60)
        async with running(world.loops, lambda order: BUSY, calls_per_second=0.1, max_calls=1):
            await world.loops.pass_time(1)
            [first] = dialled(world)
            assert first == "6175550102"  # single calls come first
            await world.post("/v1/optouts", {"numbers": [BEN, first]}, by=COLLEAGUE)
            await world.loops.pass_time(300)
        assert dialled(world) == [first, ANA]
        counts = (await world.get(f"/v1/batches/{batch['id']}"))["counts"]
        assert counts == {"exhausted": 1, "rejected": 1}
        shown = await world.get(f"/v1/calls/{retried}")
        assert (shown["state"], shown["attempts"]) == ("rejected", 1)
        assert shown["rejected_because"] == REASON

    run_native(tmp_path, test)


def test_the_list_is_another_accounts_business(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.post("/v1/optouts", {"numbers": [ANA]}, by=STRANGER)
        assert (await world.get("/v1/optouts"))["items"] == []
        await world.queue(ANA)
        async with running(world.loops):
            await world.loops.pass_time(30)
        assert dialled(world) == [ANA]

    run_native(tmp_path, test)


def test_a_list_is_kept_over_the_native_api(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        numbers = [f"617555{n:04}" for n in range(5)]
        added = await world.post("/v1/optouts", {"numbers": [*numbers, "+1 617-555-0004"]})
        assert added == {"added": 5, "numbers": 6}
        assert (await world.post("/v1/optouts", {"numbers": numbers}))["added"] == 0
        first = await world.get("/v1/optouts?limit=3")
        assert [item["number"][-1] for item in first["items"]] == ["4", "3", "2"]
        assert first["items"][0]["call_id"] is None
        assert "617555" not in first["next"]
        rest = await world.get(f"/v1/optouts?limit=3&cursor={first['next']}")
        assert [item["number"][-1] for item in rest["items"]] == ["1", "0"]
        assert rest["next"] is None
        reply = await world.ask("GET", "/v1/optouts")
        known = {"If-None-Match": reply.headers["etag"]}
        assert (await world.ask("GET", "/v1/optouts", headers=known)).status_code == 304
        # anybody adds, an admin removes
        await world.post("/v1/optouts/remove", {"numbers": numbers}, status=403)
        removed = await world.post("/v1/optouts/remove", {"numbers": [ANA, *numbers]}, by=ADMIN)
        assert removed == {"removed": 5, "numbers": 6}
        assert (await world.get("/v1/optouts"))["items"] == []

    run_native(tmp_path, test)


def test_a_number_taken_off_the_list_is_called_again(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.post("/v1/optouts", {"numbers": [ANA]})
        rejected = await world.queue(ANA)
        async with running(world.loops):
            await world.loops.pass_time(10)
            await world.post("/v1/optouts/remove", {"numbers": [ANA]}, by=ADMIN)
            again = await world.post(f"/v1/calls/{rejected}/retry", status=201)
            await world.loops.pass_time(30)
        assert dialled(world) == [ANA]
        assert (await world.get(f"/v1/calls/{again['id']}"))["state"] == CallState.COMPLETED
        assert (await world.get(f"/v1/calls/{rejected}"))["state"] == CallState.REJECTED

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"numbers": [ANA, "61755", BEN, "911"]}, ["/numbers/1", "/numbers/3"]),
        ({"numbers": [f"{ANA};ani=6175550199"]}, ["/numbers/0"]),
        ({"numbers": []}, ["/numbers"]),
        ({"numbers": [6175550100]}, ["/numbers/0"]),
        ({"numbers": [ANA] * 1001}, ["/numbers"]),
        ({"numbers": [ANA], "x": 1}, ["/x"]),
        ({}, ["/numbers"]),
        ([ANA], [""]),
    ],
)
def test_what_is_wrong_with_numbers_is_told_by_its_place(
    body: object, pointers: list[str], tmp_path: Path
) -> None:
    async def test(world: NativeWorld) -> None:
        for path in ("/v1/optouts", "/v1/optouts/remove"):
            problem = await world.post(path, body, status=400, by=ADMIN)
            assert [error["pointer"] for error in problem["errors"]] == pointers
        assert (await world.get("/v1/optouts"))["items"] == []

    run_native(tmp_path, test)


def test_a_dry_run_only_checks(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        headers = {"X-Dry-Run": "true"}
        tried = await world.post("/v1/optouts", {"numbers": [ANA]}, headers=headers)
        assert tried == {"added": 0, "numbers": 1}
        assert (await world.get("/v1/optouts"))["items"] == []

    run_native(tmp_path, test)


def test_numbers_are_starred_out_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = logged_from_now(monkeypatch)

    async def test(world: NativeWorld) -> None:
        await world.queue(BEN)
        await world.post("/v1/optouts", {"numbers": [ANA]})
        await world.post("/v1/optouts/remove", {"numbers": [ANA]}, by=ADMIN)
        async with running(world.loops, lambda order: SAYS_NO_MORE):
            await world.loops.pass_time(30)

    run_native(tmp_path, test)
    logged = lines.getvalue()
    assert "opt-out list" in logged
    assert "number opted out" in logged
    assert ANA not in logged
    assert BEN not in logged
