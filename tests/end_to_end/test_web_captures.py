"""Every captured request of a real client, sent again byte for byte, gets what it should."""

import json
import re
from pathlib import Path

import pytest
from web_world import WebWorld, run_world

from callwright.domain.account import Product

CAPTURES = Path(__file__).parents[1] / "captures"
MANIFEST = {entry["file"]: entry for entry in json.loads((CAPTURES / "manifest.json").read_text())}

# What the manifest leaves to a reader: a status request is not for a queue, and its path
# "is only an example".
OTHERWISE_TESTED = {"php-get-status.http"}


def queueing() -> list[str]:
    return sorted(set(MANIFEST) - OTHERWISE_TESTED)


def test_every_capture_is_in_the_manifest():
    assert {path.name for path in CAPTURES.glob("*.http")} == set(MANIFEST)


@pytest.mark.parametrize("name", queueing())
def test_capture(name: str, tmp_path: Path):
    entry = MANIFEST[name]
    product = Product.INSIGHT if "/surveys/" in entry["target"] else Product.FUSE
    request = (CAPTURES / name).read_bytes()
    bulk = entry["target"].endswith("bulk_queue")

    async def test(world: WebWorld) -> None:
        answer = await world.raw(request, close_after=not entry["complete"])
        if entry["want"].startswith("accept"):
            assert answer is not None
            assert answer.status == 200, answer.text
            said = json.loads(answer.body)
            assert "error" not in said
            if bulk:
                assert await world.waiting() == 2
            else:
                details = await world.details(said["call_id"])
                assert details.contact.dial.number.e164 == "+16175551234"
                assert answer.headers["link"].endswith(
                    f'/api/outbound/{said["call_id"]}>; rel="status"'
                )
                assert await world.waiting() == 1
            assert world.changes == 1
            return
        assert await world.waiting() == 0
        assert world.changes == 0
        if entry["want"] == "abort":
            assert answer is None
            return
        assert answer is not None
        status = int(entry["want"].removeprefix("reject "))
        assert answer.status == status, answer.text
        value = json.loads(answer.body)
        assert value["error"]
        if product is Product.INSIGHT:
            assert value["success"] is False
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Basic realm=")
        if status == 405:
            assert answer.headers["allow"] == "POST"
        if name == "php-insight-bulk-at-string.http":
            assert "curl_file_create" in value["error"]
        if "metadata" in name:
            assert "metadata[" in value["error"]

    run_world(tmp_path, test, product)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("curl-single-json.http", b"/api/surveys/1234/5678/queue"),
        ("requests-bulk-raw-csv-body.http", b"/api/surveys/1234/5678/bulk_queue"),
    ],
)
def test_what_fuse_takes_as_an_extension_is_415_on_insight(name, target, tmp_path):
    request = (CAPTURES / name).read_bytes()
    path = MANIFEST[name]["target"].encode()
    assert path in request

    async def test(world: WebWorld) -> None:
        answer = await world.raw(request.replace(path, target, 1))
        assert answer is not None
        assert answer.status == 415
        assert json.loads(answer.body)["success"] is False
        assert await world.waiting() == 0

    run_world(tmp_path, test, Product.INSIGHT)


def test_the_captured_status_request_reads_a_call(tmp_path):
    request = (CAPTURES / "php-get-status.http").read_bytes()

    async def test(world: WebWorld) -> None:
        queued = await world.ask("POST", "/api/apps/1234/5678/queue", "phone_number=6175551234")
        call_id = json.loads(queued.body)["call_id"]
        path = f"/api/outbound/{call_id}".encode()
        answer = await world.raw(request.replace(b"/api/outbound/calls/42", path))
        assert answer is not None
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/xml")
        assert answer.text.startswith('<?xml version="1.0"?>')
        assert "<status>queued</status>" in answer.text
        unknown = await world.raw(request)
        assert unknown is not None
        assert unknown.status == 404
        assert "<error>" in unknown.text

    run_world(tmp_path, test)


def _with_headers(request: bytes, headers: dict[str, str]) -> bytes:
    """The same request with more headers behind its first line."""
    line, rest = request.split(b"\r\n", 1)
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
    return line + b"\r\n" + more + rest


@pytest.mark.parametrize("product", list(Product))
def test_extensions_change_no_status_type_or_body_of_a_capture(product: Product, tmp_path: Path):
    """Each capture twice, in a world of its own for each set of extensions."""
    part = "/surveys/" if product is Product.INSIGHT else "/apps/"
    names = [name for name in queueing() if part in MANIFEST[name]["target"]]
    assert len(names) > 5

    async def replay(world: WebWorld, number: int, headers: dict[str, str]) -> list[object]:
        told: list[object] = []
        for name in names:
            key = {"Idempotency-Key": f'"{name}-{number}"'} if "Idempotency-Key" in headers else {}
            request = _with_headers((CAPTURES / name).read_bytes(), {**headers, **key})
            answer = await world.raw(request, close_after=not MANIFEST[name]["complete"])
            told.append(
                (name, answer and (answer.status, answer.headers["content-type"], answer.body))
            )
        return told

    heard: list[list[object]] = []
    extensions = [
        {},
        {"Prefer": "handling=lenient"},
        {"Idempotency-Key": ""},
        {"Prefer": "handling=lenient, respond-async", "Idempotency-Key": "", "X-Request-Id": "me"},
    ]
    for position, headers in enumerate(extensions):

        async def test(world: WebWorld, headers: dict[str, str] = headers) -> None:
            heard.append([await replay(world, number, headers) for number in (1, 2)])
            heard[-1].append(await world.waiting())

        folder = tmp_path / str(position)
        folder.mkdir()
        run_world(folder, test, product)
    without, *others = heard
    for headers, replies in zip(extensions[1:], others, strict=True):
        assert replies == without, headers
    # Apart from the ids of the calls, the second answer is the first.
    first, second = (_without_ids(replies) for replies in without[:2])
    assert first == second


def _without_ids(replies: object) -> object:
    return re.sub(r'"call_id":[0-9]+', '"call_id":N', repr(replies))
