"""The API document, the page that shows it, and a fuzzer that believes what it says."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_fuzzer import PARTS, fuzz
from native_world import NativeWorld, run_native

from callwright.testing.programs import require
from callwright.web.dialect_routes import ROUTES


def test_the_document_tells_of_both_apis(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        document = await world.get("/openapi.json", by=None)
        assert document["openapi"].startswith("3.1.")
        assert set(document["components"]["securitySchemes"]) == {"basic", "bearer"}
        paths = document["paths"]
        assert "/v1/batches" in paths
        documented = {
            (method.upper(), re.sub(r"{\w+}", "{}", path))
            for path, methods in paths.items()
            for method in methods
            if path.startswith("/api/")
        }
        assert documented == {
            (route.method, re.sub(r"{\w+}", "{}", route.path)) for route in ROUTES
        }
        for path in ("/v1/batches", "/api/apps/{application_id}/{deployment_id}/bulk_queue"):
            form = paths[path]["post"]["requestBody"]["content"]["multipart/form-data"]
            assert form["schema"]["properties"]["csv"]["format"] == "binary"
        names = [op["operationId"] for methods in paths.values() for op in methods.values()]
        assert len(names) == len(set(names))
        assert (
            {
                path
                for path, methods in paths.items()
                for operation in methods.values()
                if "422" in operation["responses"]
            }
            == {
                path
                for path, methods in paths.items()
                for operation in methods.values()
                if "Idempotency-Key" in str(operation.get("parameters"))
            }
            == {
                "/v1/calls",
                "/v1/batches",
                "/v1/calls/{call_id}/retry",
                "/v1/batches/{batch_id}/retry",
                *(path for path in paths if path.endswith("queue")),
            }
        )
        for reference in _references(document):
            node: Any = document
            for step in reference.removeprefix("#/").split("/"):
                node = node[step]

    run_native(tmp_path, test)


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        page = await world.ask("GET", "/docs", by=None)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "://" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "http" not in policy
        for script in ("/docs/scalar.js", "/docs/start.js"):
            assert f'src="{script}"' in page.text
            reply = await world.ask("GET", script, by=None)
            assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
            tag = {"If-None-Match": reply.headers["etag"]}
            assert (await world.ask("GET", script, by=None, headers=tag)).status_code == 304
        assert "createApiReference" in (await world.ask("GET", "/docs/scalar.js", by=None)).text
        plain = await world.ask(
            "GET", "/docs/scalar.js", by=None, headers={"Accept-Encoding": "identity"}
        )
        assert "content-encoding" not in plain.headers
        assert "createApiReference" in plain.text
        head = await world.ask("HEAD", "/docs", by=None)
        assert (head.status_code, head.content) == (200, b"")

    run_native(tmp_path, test)


def test_a_browser_that_reaches_nothing_else_shows_both_apis(tmp_path: Path) -> None:
    chromium = require("chromium")

    async def test(world: NativeWorld) -> None:
        process = await asyncio.create_subprocess_exec(
            chromium,
            *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"),
            # every other name is unknown, every other address unreachable
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            *("--virtual-time-budget=20000", "--dump-dom", f"{world.url}/docs"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        shown = (await process.communicate())[0].decode()
        for text in ("Queue a call", "Batches", "Fuse", "Insight", "E-mail and developer key"):
            assert text in shown

    run_native(tmp_path, test)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_fuzzer_finds_no_fault_and_nothing_that_is_not_documented(
    tmp_path: Path, part: str
) -> None:
    async def test(world: NativeWorld) -> None:
        same = ("--phases", "examples,coverage", "--generation-deterministic")
        code, told = await fuzz(world, tmp_path, part, *same)
        assert code == 0, told[-6000:]

    run_native(tmp_path, test)


def _references(node: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
