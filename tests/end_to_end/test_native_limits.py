"""Limits over the native API: who may set them, what they say, and that they hold."""

from pathlib import Path
from typing import Any

import pytest
from native_world import ADMIN, COLLEAGUE, OWNER, STRANGER, NativeWorld, run_native

from callwright.domain.limits import Limited, LimitKind, Limits

NONE = {"calls_per_second": None, "max_calls": None}
UNHEARD = {"state": "unknown", "servers": [], "registration": None, "lookup": None}


async def patch(world: NativeWorld, path: str, body: Any, status: int = 200, **by: Any) -> Any:
    reply = await world.ask("PATCH", path, json=body, **by)
    assert reply.status_code == status, reply.text
    return reply.json()


def test_limits_are_set_shown_changed_one_by_one_and_taken_away(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        listed = await world.queue_list(3)
        for path in (f"/v1/deployments/{world.deployment}/limits", f"/v1/batches/{listed}/limits"):
            assert await world.get(path) == NONE
            both = {"calls_per_second": 2.5, "max_calls": 7}
            assert await patch(world, path, both) == both
            assert await world.get(path) == both
            changed = {"calls_per_second": 2.5, "max_calls": 1}
            assert await patch(world, path, {"max_calls": 1}) == changed
            assert await patch(world, path, {}) == changed
            assert await patch(world, path, {"max_calls": None, "calls_per_second": None}) == NONE
            assert await world.get(path) == NONE
        assert world.changes

    run_native(tmp_path, test)


def test_an_account_is_limited_by_its_admins(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        assert await world.get("/v1/limits") == NONE
        await patch(world, "/v1/limits", {"max_calls": 3}, 403)
        limits = await patch(world, "/v1/limits", {"max_calls": 3}, by=ADMIN)
        assert limits == {"calls_per_second": None, "max_calls": 3}
        assert await world.get("/v1/limits", by=OWNER) == limits
        assert await world.get("/v1/limits", by=STRANGER) == NONE
        held = await world.store.read(lambda tx: tx.all_limits())
        account = world.loops.user.account_id
        assert held == {Limited(LimitKind.ACCOUNT, account): Limits(max_calls=3)}

    run_native(tmp_path, test)


def test_nobody_limits_what_is_not_theirs(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        listed = await world.queue_list(3)
        single = (await world.get(f"/v1/calls/{await world.queue()}"))["batch_id"]
        for path in (f"/v1/deployments/{world.deployment}/limits", f"/v1/batches/{listed}/limits"):
            for by, status in ((COLLEAGUE, 403), (STRANGER, 404)):
                await patch(world, path, {"max_calls": 1}, status, by=by)
                assert (await world.ask("GET", path, by=by)).status_code == status
        await patch(world, "/v1/deployments/999/limits", {"max_calls": 1}, 404)
        await patch(world, "/v1/batches/999/limits", {"max_calls": 1}, 404)
        problem = await patch(world, f"/v1/batches/{single}/limits", {"max_calls": 1}, 409)
        assert "limit its deployment" in problem["detail"]

    run_native(tmp_path, test)


def test_a_trunk_is_limited_by_admins_of_the_servers_own_account(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path, settings = "/v1/trunks/phones/limits", {"calls_per_second": 10.0, "max_calls": 100}
        shown = {"trunk": "phones", **settings, "in_flight": 0, "settings": settings}
        assert await world.get(path) == shown
        for by in (OWNER, STRANGER):
            await patch(world, path, {"max_calls": 3}, 403, by=by)
        assert await patch(world, path, {"max_calls": 3}, by=ADMIN) == {**shown, "max_calls": 3}
        assert await world.get("/v1/trunks") == {"items": [{**shown, "max_calls": 3, **UNHEARD}]}
        assert await world.store.read(lambda tx: tx.trunk_limits()) == {
            "phones": Limits(max_calls=3)
        }
        assert await patch(world, path, {"max_calls": None}, by=ADMIN) == shown
        assert await world.store.read(lambda tx: tx.trunk_limits()) == {}
        await patch(world, path, {"max_calls": 0}, 400, by=ADMIN)
        await patch(world, "/v1/trunks/none/limits", {"max_calls": 1}, 404, by=ADMIN)

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    "body",
    [
        {"max_calls": 0},
        {"max_calls": -1},
        {"max_calls": 1.5},
        {"max_calls": "3"},
        {"max_calls": True},
        {"max_calls": 10**9},
        {"calls_per_second": 0},
        {"calls_per_second": 0.0001},
        {"calls_per_second": 10_001},
        {"calls_per_second": "1"},
        {"max_call": 1},
        [],
    ],
)
def test_limits_that_make_no_sense_are_refused(tmp_path: Path, body: Any) -> None:
    async def test(world: NativeWorld) -> None:
        path = f"/v1/deployments/{world.deployment}/limits"
        await patch(world, path, body, 400)
        assert await world.get(path) == NONE

    run_native(tmp_path, test)
