"""A call that kills the server: set aside after three deaths, seen and decided on by a person."""

import asyncio
from datetime import datetime
from pathlib import Path

from cli_world import ANSWERS, dialling_server, shell_for
from native_world import COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.domain.ids import CallId
from callwright.domain.outcome import Outcome
from callwright.ports.store import Store
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import Campaign, Submission, number
from callwright.simulation.faults import FaultPlan
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World
from callwright.store.sqlite import open_sqlite_store


def quarantine(store: Store, call: int, now: datetime) -> "asyncio.Future[bool]":
    return store.write(lambda tx: tx.quarantine(CallId(call), now))  # type: ignore[return-value]


def test_a_call_that_kills_the_server_kills_it_three_times_and_is_never_dialled_again() -> None:
    deadly, other = number(0), number(1)
    setting = Setting(
        campaign=Campaign(
            submissions=[
                Submission(at_s=0.0, numbers=(deadly,), max_attempts=10, wait_s=1.0),
                Submission(at_s=60.0, numbers=(other,)),
            ]
        ),
        faults=FaultPlan(deadly=frozenset({f"+1{deadly}"})),
        manners=Manners(answers=1.0),
    )
    world = World(setting)
    world.run()
    try:
        assert judge(world) == []
        assert [life.why for life in world.lives] == ["a call that kills"] * 3 + [""]
        assert [leg.number for leg in world.carrier.legs] == [f"+1{deadly}"] * 3 + [f"+1{other}"]
        assert world.carrier.legs[-1].fate.outcome is Outcome.ANSWERED
    finally:
        world.close()


def test_a_quarantined_call_is_shown_and_released_over_the_native_api(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call, other = await world.queue(), await world.queue("6175550101")
        await quarantine(world.store, call, world.clock.now())
        shown = await world.get(f"/v1/calls/{call}")
        assert (shown["state"], shown["is_quarantined"]) == ("queued", True)
        assert shown["quarantined_at"] == "2030-01-01T12:00:00Z"
        assert shown["next_attempt_at"] is None
        for wanted, ids in (("true", [call]), ("false", [other])):
            page = await world.get(f"/v1/calls?quarantined={wanted}")
            assert [item["id"] for item in page["items"]] == ids
            assert [item["is_quarantined"] for item in page["items"]] == [wanted == "true"]
        dialect = await world.get(f"/api/outbound/{call}")
        assert dialect["call_details"]["status"] == "queued"
        path = f"/v1/calls/{call}/release"
        await world.post(path, status=403, by=COLLEAGUE)
        await world.post(path, status=404, by=STRANGER)
        released = await world.post(path)
        assert (released["is_quarantined"], released["deaths"]) == (False, 0)
        assert released["next_attempt_at"] == "2030-01-01T12:00:00Z"
        await world.post(path, status=409)

    run_native(tmp_path, test)


def test_a_quarantined_call_can_be_cancelled_like_any_that_waits(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue()
        await quarantine(world.store, call, world.clock.now())
        canceled = await world.post(f"/v1/calls/{call}/cancel")
        assert (canceled["state"], canceled["is_quarantined"]) == ("canceled", False)
        await world.post(f"/v1/calls/{call}/release", status=409)

    run_native(tmp_path, test)


def test_the_command_line_shows_and_releases_what_is_quarantined(tmp_path, monkeypatch, capsys):
    with dialling_server(tmp_path / "server") as server:
        shell = shell_for(server, tmp_path, monkeypatch, capsys)
        shell.run("pause", "deployment", "3")
        call = shell.ask("call", ANSWERS, "--app", "3")["call_id"]

        async def set_aside() -> None:
            store = open_sqlite_store(server.folder / "callwright.db", server=False)
            await quarantine(store, call, datetime.fromisoformat("2030-01-01T00:00:00Z"))
            await store.close()

        asyncio.run(set_aside())
        shell.run("resume", "deployment", "3")
        assert "queued, quarantined" in shell.run("ls", "calls", "--quarantined")
        assert f"`callwright release {call}`" in shell.run("trace", str(call))
        doctor = [*("doctor", "--config", str(server.folder / "callwright.toml"))]
        assert "1 are quarantined" in shell.run(*doctor)
        assert shell.run("release", str(call)) == f"call {call} is released\n"
        assert str(call) not in shell.run("ls", "calls", "--quarantined")
        shell.call_in(call, "completed")
