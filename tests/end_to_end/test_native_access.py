"""Who gets in, with which key, for what; and how the native API says no."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from native_world import ADMIN, COLLEAGUE, OWNER, STRANGER, NativeWorld, run_native

ROUTES = [
    ("GET", "/v1/me", None),
    ("GET", "/v1/calls", "read"),
    ("GET", "/v1/calls/1", "read"),
    ("GET", "/v1/calls/1/why", "read"),
    ("GET", "/v1/calls/1/sip", "read"),
    ("GET", "/v1/calls/1/sip.pcap", "read"),
    ("GET", "/v1/calls/1/recordings", "read"),
    ("GET", "/v1/calls/1/recording", "read"),
    ("GET", "/v1/batches/1/why", "read"),
    ("GET", "/v1/batches/1/forecast", "read"),
    ("GET", "/v1/deployments/1/why", "read"),
    ("POST", "/v1/calls", "queue"),
    ("POST", "/v1/calls/1/cancel", "control"),
    ("GET", "/v1/server", "read"),
    ("POST", "/v1/server/resume", "control"),
    ("POST", "/v1/calls/1/release", "control"),
    ("POST", "/v1/calls/1/hang-up", "control"),
    ("POST", "/v1/calls/1/retry", "queue"),
    ("GET", "/v1/batches", "read"),
    ("GET", "/v1/batches/1", "read"),
    ("GET", "/v1/batches/1/calls", "read"),
    ("GET", "/v1/batches/1/rejected", "read"),
    ("POST", "/v1/batches", "queue"),
    ("POST", "/v1/batches/1/cancel", "control"),
    ("POST", "/v1/batches/1/pause", "control"),
    ("POST", "/v1/batches/1/resume", "control"),
    ("POST", "/v1/batches/1/retry", "queue"),
    ("GET", "/v1/callbacks", "read"),
    ("GET", "/v1/callbacks/1", "read"),
    ("POST", "/v1/callbacks/1/replay", "control"),
    ("POST", "/v1/callbacks/dead/replay", "control"),
    ("GET", "/v1/deployments", "read"),
    ("GET", "/v1/deployments/1", "read"),
    ("DELETE", "/v1/deployments/1", "setup"),
    ("POST", "/v1/deployments/1/cancel", "control"),
    ("POST", "/v1/deployments/1/pause", "control"),
    ("POST", "/v1/deployments/1/resume", "control"),
    ("GET", "/v1/limits", "read"),
    ("PATCH", "/v1/limits", "control"),
    ("GET", "/v1/deployments/1/limits", "read"),
    ("PATCH", "/v1/deployments/1/limits", "control"),
    ("GET", "/v1/batches/1/limits", "read"),
    ("PATCH", "/v1/batches/1/limits", "control"),
    ("GET", "/v1/trunks", "read"),
    ("GET", "/v1/trunks/phones/limits", "read"),
    ("PATCH", "/v1/trunks/phones/limits", "control"),
    ("GET", "/v1/apps", "read"),
    ("POST", "/v1/apps", "setup"),
    ("GET", "/v1/apps/1", "read"),
    ("PUT", "/v1/apps/1/script", "setup"),
    ("DELETE", "/v1/apps/1", "setup"),
    ("POST", "/v1/apps/1/deployments", "setup"),
    ("GET", "/v1/surveys", "read"),
    ("POST", "/v1/surveys", "setup"),
    ("GET", "/v1/surveys/2", "read"),
    ("PUT", "/v1/surveys/2/script", "setup"),
    ("DELETE", "/v1/surveys/2", "setup"),
    ("POST", "/v1/surveys/2/deployments", "setup"),
    ("GET", "/v1/users", "users"),
    ("POST", "/v1/users", "users"),
    ("GET", "/v1/users/1", "users"),
    ("PATCH", "/v1/users/1", "users"),
    ("DELETE", "/v1/users/1", "users"),
    ("POST", "/v1/users/1/rotate-key", "users"),
    ("GET", "/v1/keys", "users"),
    ("POST", "/v1/keys", "users"),
    ("GET", "/v1/keys/1", "users"),
    ("DELETE", "/v1/keys/1", "users"),
    ("GET", "/v1/optouts", "read"),
    ("POST", "/v1/optouts", "control"),
    ("POST", "/v1/optouts/remove", "control"),
    ("GET", "/v1/exports/calls", "read"),
    ("GET", "/v1/metadatabases", "read"),
    ("POST", "/v1/metadatabases", "setup"),
    ("GET", "/v1/metadatabases/1", "read"),
    ("GET", "/v1/metadatabases/1/records", "read"),
    ("POST", "/v1/metadatabases/1/records", "queue"),
]


def check_problem(reply: httpx2.Response, status: int) -> dict[str, Any]:
    """The problem that a reply tells; its form is that of RFC 9457."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["type"].startswith("urn:callwright:problem:")
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == f"urn:callwright:request:{reply.headers['x-request-id']}"
    assert isinstance(problem["errors"], list)
    return dict(problem)


async def make_key(world: NativeWorld, *scopes: str, by: Any = OWNER, **more: Any) -> str:
    made = await world.post(
        "/v1/keys", {"name": "test", "scopes": list(scopes), **more}, status=201, by=by
    )
    return str(made["key"])


def test_the_table_names_every_route(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        document = await world.get("/openapi.json", by=None)
        served = {
            (method.upper(), path.partition("{")[0])
            for path, methods in document["paths"].items()
            if path.startswith("/v1/")
            for method in methods
        }
        for method, start in served:
            assert any(m == method and p.startswith(start) for m, p, _ in ROUTES), (method, start)
        count = sum(len(m) for p, m in document["paths"].items() if p.startswith("/v1/"))
        assert count == len(ROUTES)

    run_native(tmp_path, test)


def test_nobody_gets_in_without_credentials_that_are_right(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        revoked = await make_key(world, "read")
        await world.ask("DELETE", "/v1/keys/1")
        over = await make_key(world, "read", expires_at="2030-01-01T12:00:01Z")
        gone = await make_key(world, "read", by=COLLEAGUE)
        await world.ask("PATCH", "/v1/users/2", by=ADMIN, json={"is_active": False})
        world.clock.advance(1)
        for by in (
            None,
            (OWNER[0], "wrong key"),
            ("nobody@example.org", OWNER[1]),
            COLLEAGUE,
            revoked,
            over,
            gone,
            "cwk_unknown",
            OWNER[1],
        ):
            world.clock.advance(3600)  # else the guesses are slowed down
            for method, path, _ in ROUTES[:: 1 if by is None else 11]:
                reply = await world.ask(method, path, by=by, content=b"{")
                check_problem(reply, 401)
                challenges = reply.headers.get_list("www-authenticate")
                assert [challenge.split()[0] for challenge in challenges] == ["Basic", "Bearer"]
        two = httpx2.Headers([("Authorization", "Basic eDp5"), ("Authorization", "Basic eDp5")])
        async with httpx2.AsyncClient(base_url=world.url) as client:
            check_problem(await client.get("/v1/me", headers=two), 401)

    run_native(tmp_path, test)


@pytest.mark.parametrize("scope", ["read", "queue", "control", "setup", "users"])
def test_a_key_opens_what_its_scopes_name_and_nothing_else(tmp_path: Path, scope: str) -> None:
    async def test(world: NativeWorld) -> None:
        await make_key(world, "read")  # number 1, which is revoked on the way
        key = await make_key(world, scope)
        for method, path, wanted in ROUTES:
            reply = await world.ask(method, path, by=key)
            if wanted is None or wanted == scope:
                assert reply.status_code != 401
                assert scope not in reply.text or reply.status_code != 403
            else:
                assert wanted in check_problem(reply, 403)["detail"]
        assert (await world.get("/v1/me", by=key))["scopes"] == [scope]

    run_native(tmp_path, test)


def test_a_key_never_makes_a_stronger_one(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        key = await make_key(world, "users", "read")
        order = {"name": "stronger", "scopes": ["read", "queue"]}
        reply = await world.ask("POST", "/v1/keys", by=key, json=order)
        assert "queue" in check_problem(reply, 403)["detail"]
        await world.post("/v1/keys", {"name": "as strong", "scopes": ["read"]}, status=201, by=key)

    run_native(tmp_path, test)


def test_keys_are_shown_once_and_to_their_user(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        order = {"name": "cron", "scopes": ["queue", "read"], "expires_at": "2031-01-01T00:00:00Z"}
        reply = await world.ask("POST", "/v1/keys", json=order)
        made = reply.json()
        assert reply.headers["location"] == f"/v1/keys/{made['id']}"
        assert reply.headers["cache-control"] == "no-store"
        shown = await world.get(f"/v1/keys/{made['id']}")
        assert shown == {name: value for name, value in made.items() if name != "key"}
        assert (await world.get("/v1/keys"))["items"] == [shown]
        assert (await world.get("/v1/keys", by=COLLEAGUE))["items"] == []
        for method in ("GET", "DELETE"):
            where = f"/v1/keys/{made['id']}"
            check_problem(await world.ask(method, where, by=STRANGER), 404)
            check_problem(await world.ask(method, where, by=COLLEAGUE), 403)
        assert (await world.ask("DELETE", f"/v1/keys/{made['id']}", by=ADMIN)).status_code == 204
        assert (await world.get(f"/v1/keys/{made['id']}"))["revoked_at"] is not None

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    "order",
    [
        {"name": "", "scopes": ["read"]},
        {"name": " ", "scopes": ["read"]},
        {"name": "a\nb", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": ["read"], "expires_at": "2030-01-01T12:00:00Z"},
    ],
)
def test_a_key_needs_a_name_a_scope_and_a_future(tmp_path: Path, order: dict[str, Any]) -> None:
    async def test(world: NativeWorld) -> None:
        check_problem(await world.ask("POST", "/v1/keys", json=order), 400)

    run_native(tmp_path, test)


def test_admins_look_after_the_users_of_their_account(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        check_problem(await world.ask("POST", "/v1/users", json={"email": "new@example.org"}), 403)
        made = await world.post("/v1/users", {"email": "new@example.org"}, status=201, by=ADMIN)
        new = (made["email"], made["developer_key"])
        assert (await world.get("/v1/me", by=new))["is_admin"] is False
        emails = [user["email"] for user in (await world.get("/v1/users", by=ADMIN))["items"]]
        assert emails == [new[0], ADMIN[0], COLLEAGUE[0], OWNER[0]]
        assert [u["email"] for u in (await world.get("/v1/users"))["items"]] == [OWNER[0]]
        check_problem(
            await world.ask("POST", "/v1/users", json={"email": "NEW@example.org"}, by=ADMIN), 409
        )
        check_problem(await world.ask("POST", "/v1/users", json={"email": "x y"}, by=ADMIN), 400)

        where = f"/v1/users/{made['id']}"
        check_problem(await world.ask("GET", where), 403)
        check_problem(await world.ask("GET", where, by=STRANGER), 404)
        check_problem(await world.ask("PATCH", where, json={"is_active": False}), 403)
        granted = await world.ask("PATCH", where, by=ADMIN, json={"grant": "deploy survey"})
        assert granted.json()["rights"] == ["deploy survey"]
        rotated = await world.post(f"{where}/rotate-key", by=ADMIN)
        check_problem(await world.ask("GET", "/v1/me", by=new), 401)
        new = (new[0], rotated["developer_key"])
        own = await world.post(f"{where}/rotate-key", by=new)
        new = (new[0], own["developer_key"])
        await world.ask("PATCH", where, by=ADMIN, json={"is_active": False})
        check_problem(await world.ask("GET", "/v1/me", by=new), 401)
        await world.ask("PATCH", where, by=ADMIN, json={"is_active": True})
        check_problem(await world.ask("DELETE", where, by=COLLEAGUE), 403)
        check_problem(await world.ask("DELETE", where, by=new), 403)
        for _ in range(2):
            gone = await world.ask("DELETE", where, by=ADMIN)
            assert gone.json()["deleted_at"] == "2030-01-01T12:00:00Z"
        check_problem(await world.ask("GET", "/v1/me", by=new), 401)
        check_problem(await world.ask("PATCH", where, by=ADMIN, json={"is_active": True}), 409)
        me = await world.get("/v1/me", by=ADMIN)
        check_problem(await world.ask("DELETE", f"/v1/users/{me['id']}", by=ADMIN), 409)
        check_problem(
            await world.ask("PATCH", f"/v1/users/{me['id']}", by=ADMIN, json={"is_active": False}),
            409,
        )

    run_native(tmp_path, test)


def test_problems_have_one_form_whatever_is_wrong(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        json_type = {"Content-Type": "application/json"}
        check_problem(await world.ask("GET", "/v1/calls/1"), 404)
        check_problem(await world.ask("GET", "/v1/nothing"), 404)
        check_problem(await world.ask("GET", "/v1"), 404)
        check_problem(await world.ask("GET", "/docs/nothing"), 404)
        wrong = await world.ask("DELETE", "/v1/calls")
        assert wrong.headers["allow"] == "GET, POST"
        check_problem(wrong, 405)
        check_problem(await world.ask("POST", "/docs"), 405)
        for path in ("/v1/calls/one", "/v1/calls/0", "/v1/calls/9223372036854775808"):
            problem = check_problem(await world.ask("GET", path), 400)
            assert problem["errors"][0]["parameter"] == "call_id"
        for body in (b"{", b"[]", b"", b"\xff", b'"x"', b"[" * 100_000, b'{"a":NaN}'):
            reply = await world.ask("POST", "/v1/calls", content=body[:60_000], headers=json_type)
            check_problem(reply, 400)
        large = json.dumps({"phone_number": "6" * 70_000})
        check_problem(await world.ask("POST", "/v1/calls", content=large, headers=json_type), 413)
        for query in ("limit=0", "limit=501", "limit=1_0", "state=over", "number_ends=6175550100"):
            check_problem(await world.ask("GET", f"/v1/calls?{query}"), 400)
        surrogate = '{"deployment_id":1,"phone_number":"6175550100","variables":{"a":"\\ud800"}}'
        check_problem(
            await world.ask("POST", "/v1/calls", content=surrogate, headers=json_type), 400
        )

    run_native(tmp_path, test)


def test_a_request_keeps_the_id_it_came_with(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        mine = await world.ask("GET", "/v1/calls/1", headers={"X-Request-Id": "mine-1"})
        assert mine.headers["x-request-id"] == "mine-1"
        check_problem(mine, 404)
        minted = await world.ask("GET", "/v1/me")
        assert len(minted.headers["x-request-id"]) >= 16

    run_native(tmp_path, test)


def test_the_dialects_keep_their_own_form(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for path in ("/api/outbound/1", "/api/nothing", "/nothing"):
            reply = await world.ask("GET", path)
            assert reply.status_code == 404
            assert reply.headers["content-type"] == "application/json"
            assert set(reply.json()) == {"error"}
        both = await world.ask("GET", f"/api/outbound/{await world.queue()}")
        assert both.json()["call_details"]["status"] == "queued"

    run_native(tmp_path, test)
