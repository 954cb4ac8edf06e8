"""`/why` over the native API: for whom, and in which words."""

from pathlib import Path
from typing import Any

from native_world import ADMIN, COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.domain.situation import Rule
from callwright.testing.world import running

NOON = "2030-01-01T12:00:00Z"


def test_a_call_a_batch_and_a_deployment_tell_what_holds_them(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        async with running(world.loops):
            call = await world.queue(
                opens_at="2030-01-01T13:00:00Z", closes_at="2030-01-01T14:00:00Z"
            )
            listed = await world.queue_list(2, opens_at="2030-01-01T13:30:00Z")
            found = await world.get(f"/v1/calls/{call}/why")
            reasons: list[dict[str, Any]] = found.pop("reasons")
            told = {name: found[name] for name in ("rule", "text", "when", "next_at")}
            assert told == reasons[0]
            assert found == {
                "at": NOON,
                "call_id": call,
                "state": "queued",
                "rule": "window_not_open",
                "text": "Its window opens at 2030-01-01 13:00:00Z.",
                "when": "exact",
                "next_at": "2030-01-01T13:00:00Z",
                "closes_at": "2030-01-01T14:00:00Z",
                "comes_too_late": False,
            }
            batch = await world.get(f"/v1/batches/{listed}/why")
            assert (batch["call_id"], batch["next_at"]) == (call + 1, "2030-01-01T13:30:00Z")
            aim = f"/v1/deployments/{world.deployment}"
            assert (await world.get(f"{aim}/why"))["call_id"] == call
            await world.post(f"{aim}/pause")
            paused = await world.get(f"{aim}/why")
            assert (paused["rule"], paused["when"]) == ("deployment_paused", "person")
            assert [reason["rule"] for reason in paused["reasons"]] == [
                "deployment_paused",
                "window_not_open",
            ]
            await world.post(f"/v1/batches/{listed}/cancel")
            over = await world.get(f"/v1/batches/{listed}/why")
            assert (over["rule"], over["when"], over["next_at"]) == ("over", "never", None)

    run_native(tmp_path, test)


def test_a_server_that_does_not_dial_says_so(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        found = await world.get(f"/v1/calls/{await world.queue()}/why")
        assert (found["rule"], found["when"]) == ("server_not_dialling", "person")

    run_native(tmp_path, test)


def test_what_holds_a_call_is_for_those_who_may_see_it(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call, listed = await world.queue(), await world.queue_list(2)
        for path in (
            f"/v1/calls/{call}/why",
            f"/v1/batches/{listed}/why",
            f"/v1/deployments/{world.deployment}/why",
        ):
            assert (await world.ask("GET", path, by=ADMIN)).status_code == 200
            assert (await world.ask("GET", path, by=COLLEAGUE)).status_code == 403
            assert (await world.ask("GET", path, by=STRANGER)).status_code == 404
        for path in ("/v1/calls/999/why", "/v1/batches/999/why", "/v1/deployments/999/why"):
            assert (await world.ask("GET", path)).status_code == 404

    run_native(tmp_path, test)


def test_the_manual_knows_every_rule() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "native-api.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in manual.splitlines() if line.startswith("| `")]
    told = {word for row in rows for word in row.replace("`", "").replace(",", " ").split()}
    assert set(Rule) <= told


def test_a_dry_run_and_a_batch_tell_when_it_will_be_over(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        async with running(world.loops, calls_per_second=1):
            contacts = [{"phone_number": f"617555{number:04}"} for number in range(100)]
            order = {
                "deployment_id": world.deployment,
                "contacts": contacts,
                "opens_at": "2030-01-01T13:00:00Z",
                "closes_at": "2030-01-01T13:01:00Z",
            }
            headers = {"X-Dry-Run": "true"}
            tried = await world.post("/v1/batches", order, headers=headers)
            listed = await world.post("/v1/batches", order, status=201)
            forecast = await world.get(f"/v1/batches/{listed['id']}/forecast")
            assert tried["forecast"] == forecast
            assert forecast == {
                "at": NOON,
                "starts_at": "2030-01-01T13:00:00Z",
                "ends_at": "2030-01-01T13:01:30Z",
                "closes_at": "2030-01-01T13:01:00Z",
                "attempts": 60,
                "will_not_fit": 40,
                "cut_short": 0,
                "before": 0,
                "mean_attempt_s": 30.0,
                "done_share": 0.5,
                "based_on": "assumed",
                "assumes": [],
            }
            one = {"deployment_id": world.deployment, "phone_number": "6175550100"}
            single = await world.post("/v1/calls", one, headers=headers)
            assert (single["forecast"]["starts_at"], single["forecast"]["attempts"]) == (NOON, 1)
        silent = await world.post("/v1/calls", one, headers=headers)
        assert silent["forecast"] is None
        assert (await world.ask("GET", f"/v1/batches/{listed['id']}/forecast")).status_code == 409

    run_native(tmp_path, test)
