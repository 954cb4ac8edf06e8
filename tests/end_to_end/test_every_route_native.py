"""Every path of the native API, asked by everybody in every wrong way.

A route that the application serves and no row names fails. Errors are problems (RFC 9457)
whatever the client accepts.
"""

from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any

import httpx2
import pytest
from dialect_rows import DELETED, INACTIVE, add_people
from native_rows import NATIVE_ROWS, NativeRow, furnish
from native_world import ADMIN, COLLEAGUE, OWNER, STRANGER, NativeWorld, run_native

from callwright.web.native.app import make_api
from callwright.web.native.openapi import document_of

PATHS = document_of(make_api())["paths"]
NATIVE = {path: methods for path, methods in PATHS.items() if path.startswith("/v1/")}


def test_every_route_has_one_row() -> None:
    served = sorted(f"{m.upper()} {path}" for path, methods in NATIVE.items() for m in methods)
    assert sorted(row.name.partition("?")[0] for row in NATIVE_ROWS) == served


async def ask(
    world: NativeWorld, row: NativeRow, by: tuple[str, str] | None, **changed: Any
) -> httpx2.Response:
    request: dict[str, Any] = {"json": row.body} if row.body is not None else {}
    request.update(changed)
    return await world.ask(request.pop("method", row.method), row.path, by=by, **request)


def assert_problem(reply: httpx2.Response, status: int, kind: str, row: NativeRow) -> None:
    assert reply.status_code == status, (row.name, reply.request.headers, reply.text)
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["type"] == f"urn:callwright:problem:{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].endswith(reply.headers["x-request-id"])


KINDS = {403: "not-permitted", 404: "not-found", 409: "conflict"}


def run(folder: Path, test: Callable[[NativeWorld], Awaitable[None]]) -> None:
    async def furnished(world: NativeWorld) -> None:
        await furnish(world)
        await world.store.write(lambda tx: add_people(tx, world.clock.now()))
        await test(world)

    run_native(folder, furnished)


def test_what_is_not_ones_own_is_403_and_in_another_account_404(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for row in NATIVE_ROWS:
            for by, status in (
                (COLLEAGUE, row.for_colleague),
                (STRANGER, row.for_stranger),
                (OWNER, row.status),
                (ADMIN, row.status),
            ):
                if status < 400 and row.method != "GET":
                    continue  # it would change what the next row meets
                for accept in ("application/json", "application/xml"):
                    reply = await ask(world, row, by, headers={"Accept": accept})
                    if status < 400:
                        assert reply.status_code == status, (row.name, by, reply.text)
                    else:
                        assert_problem(reply, status, KINDS[status], row)

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("row", "by"),
    [
        pytest.param(row, by, id=f"{row.name} by {by[0].partition('@')[0]}")
        for row in NATIVE_ROWS
        if row.method != "GET"
        for by in sorted({row.by, ADMIN})
    ],
)
def test_the_owner_and_an_admin_may_change_it(
    row: NativeRow, by: tuple[str, str], tmp_path: Path
) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await ask(world, row, by)
        assert reply.status_code == row.status, reply.text
        assert reply.headers["x-request-id"]

    run(tmp_path, test)


def test_401_and_nothing_of_the_request_is_looked_at(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        strangers = (None, (OWNER[0], "wrong key"), ("nobody@x.org", OWNER[1]), INACTIVE, DELETED)
        for row, by in product(NATIVE_ROWS, strangers):
            for changed in ({"json": None, "content": b"{"}, {"method": "TRACE"}):
                world.clock.advance(3600)  # or the guesses would be slowed down
                reply = await ask(world, row, by, headers={"Accept": "text/xml"}, **changed)
                assert_problem(reply, 401, "credentials-invalid", row)
                challenges = reply.headers.get_list("www-authenticate")
                schemes = [challenge.partition(" ")[0] for challenge in challenges]
                assert schemes == ["Basic", "Bearer"]

    run(tmp_path, test)


def test_405_names_what_the_path_takes(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for row in NATIVE_ROWS:
            taken = {method.upper() for method in NATIVE[row.route.partition("?")[0]]}
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - taken:
                reply = await ask(world, row, row.by, method=method)
                assert_problem(reply, 405, "method-not-allowed", row)
                assert reply.headers["allow"] == ", ".join(sorted(taken))

    run(tmp_path, test)


def test_a_body_of_another_kind_is_415_and_one_that_is_no_order_400(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for row in NATIVE_ROWS:
            if row.body is None:
                continue

            async def said(row: NativeRow, kind: str, content: bytes) -> httpx2.Response:
                headers = {"Content-Type": kind}
                return await ask(world, row, row.by, json=None, content=content, headers=headers)

            for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
                reply = await said(row, kind, b"x=1")
                assert_problem(reply, 415, "media-type-unsupported", row)
            packed = await ask(world, row, row.by, headers={"Content-Encoding": "gzip"})
            assert_problem(packed, 415, "media-type-unsupported", row)
            for content in (b"{", b"[]", b'"x"', b"{}x", b'{"unheard_of": 1}'):
                reply = await said(row, "application/json", content)
                assert_problem(reply, 400, "field-invalid", row)

    run(tmp_path, test)
