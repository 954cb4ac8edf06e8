"""Every request in tests/captures is read as its manifest says.

The captures are what real clients send, byte for byte. The HTTP around each body is cut
off here, so that the readers are tested without a server.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dialects_samples import decode_list, deployment_of

from callwright.dialects import by_product
from callwright.dialects.bodies import BodyKind, Form, Upload, read_body
from callwright.domain.account import Product
from callwright.errors import BodyMalformed, FieldInvalid

CAPTURES = Path(__file__).parent.parent / "captures"
MANIFEST: list[dict[str, Any]] = json.loads((CAPTURES / "manifest.json").read_text("utf-8"))
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def _by_want(*wants: str) -> list[dict[str, Any]]:
    return [e for e in MANIFEST if e["want"].startswith(wants)]


def _whole(entries: list[dict[str, Any]]) -> list[Any]:
    return _named(e for e in entries if e["complete"])


def _posted(entries: list[dict[str, Any]]) -> list[Any]:
    return _named(e for e in entries if e["method"] == "POST")


def _named(entries: Iterable[dict[str, Any]]) -> list[Any]:
    return [pytest.param(entry, id=entry["file"]) for entry in entries]


def _split(entry: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    head, _, body = (CAPTURES / entry["file"]).read_bytes().partition(b"\r\n\r\n")
    headers: dict[str, str] = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if entry["framing"] == "chunked":
        body = _join_chunks(body)
    return headers, body


def _join_chunks(raw: bytes) -> bytes:
    joined = b""
    while raw:
        size, _, rest = raw.partition(b"\r\n")
        length = int(size, 16)
        joined += rest[:length]
        raw = rest[length + 2 :]
        if length == 0:
            break
    return joined


def _read(entry: dict[str, Any]) -> Form:
    headers, body = _split(entry)
    return read_body(headers.get("content-type"), body)


def _product(entry: dict[str, Any]) -> Product:
    return Product.FUSE if entry["target"].startswith("/api/apps/") else Product.INSIGHT


def _decode(entry: dict[str, Any]) -> Any:
    product = _product(entry)
    dialect = by_product[product]
    common: dict[str, Any] = {
        "now": NOW,
        "default_country": "US",
        "deployment": deployment_of(product, metadatabase=("first_name", "last_name")),
        "pci_granted": True,
    }
    if entry["target"].endswith("bulk_queue"):
        return decode_list(dialect, _read(entry), **common)
    return dialect.decode_call(_read(entry), **common)


def test_the_folder_and_the_manifest_name_the_same_requests() -> None:
    assert {e["file"] for e in MANIFEST} == {p.name for p in CAPTURES.glob("*.http")}


@pytest.mark.parametrize("entry", _whole(_by_want("accept", "401", "reject")))
def test_a_request_has_the_fields_of_the_manifest(entry: dict[str, Any]) -> None:
    form = _read(entry)
    expected_kind = {"raw": BodyKind.CSV}.get(entry["body_is"]) or BodyKind(entry["body_is"])
    assert form.kind is expected_kind
    if form.kind is BodyKind.JSON:
        assert {f.name: f.value for f in form.fields} == entry["fields"][0][1]
        return
    names = [name if name != "(body)" else "csv" for name, _ in entry["fields"]]
    assert [field.name for field in form.fields] == names
    for field, (_, expected) in zip(form.fields, entry["fields"], strict=True):
        if isinstance(expected, str):
            value = field.value
            if isinstance(value, Upload):
                assert value.filename is None
                value = bytes(value.data).decode()
            assert value == expected
        else:
            assert isinstance(field.value, Upload)
            assert len(field.value.data) == expected["bytes"]
            assert hashlib.sha256(field.value.data).hexdigest() == expected["sha256"]
            if "filename" in expected:
                assert field.value.filename == expected["filename"]
                assert field.value.content_type == expected["type"]


@pytest.mark.parametrize("entry", _posted(_by_want("accept")))
def test_a_request_that_must_be_accepted_decodes(entry: dict[str, Any]) -> None:
    _, contacts = _decode(entry)
    first = contacts[0] if isinstance(contacts, list) else contacts
    assert first.dial.number.e164 == "+16175551234"


@pytest.mark.parametrize("entry", _named(_by_want("reject 400")))
def test_a_request_that_must_be_refused_is_a_400(entry: dict[str, Any]) -> None:
    product = _product(entry)
    with pytest.raises((FieldInvalid, BodyMalformed)) as refused:
        _decode(entry)
    status, _ = by_product[product].encode_error(refused.value)
    assert status == 400


def test_a_client_that_died_during_its_upload_queues_nothing() -> None:
    entry = next(e for e in MANIFEST if e["want"] == "abort")
    with pytest.raises(BodyMalformed):
        _read(entry)


@pytest.mark.parametrize("entry", _named(MANIFEST))
def test_the_media_type_of_a_capture_is_taken_or_not_as_the_manifest_says(
    entry: dict[str, Any],
) -> None:
    insight = by_product[Product.INSIGHT]
    fuse = by_product[Product.FUSE]
    bulk = entry["target"].endswith("bulk_queue")
    content_type = entry["content_type"]
    assert fuse.accepts_media_type(content_type, bulk=bulk)
    stock = content_type is None or "form" in content_type
    assert insight.accepts_media_type(content_type, bulk=bulk) is stock


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("php-insight-bulk-at-string.http", ["curl_file_create", "CURLFile"]),
        ("php-insight-single-metadata-array-multipart.http", ["JSON", "metadata[key]"]),
        ("requests-single-data-metadata-dict.http", ["JSON", "metadata[key]"]),
        ("handmade-truncated-no-closing-boundary.http", ["closing boundary"]),
    ],
)
def test_a_refusal_says_what_to_do(file: str, words: list[str]) -> None:
    with pytest.raises((FieldInvalid, BodyMalformed)) as refused:
        _decode(next(e for e in MANIFEST if e["file"] == file))
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize(
    "file", ["curl-single-data.http", "php-fuse-single-raw-string-plus-unescaped.http"]
)
def test_an_unescaped_plus_is_put_back_and_shown_in_phone_number(file: str) -> None:
    _, contact = _decode(next(e for e in MANIFEST if e["file"] == file))
    assert contact.dial.sent.startswith("tel:+16175551234")


def test_the_contacts_of_a_captured_list_keep_number_ani_and_variables() -> None:
    entry = next(e for e in MANIFEST if e["file"] == "php-fuse-bulk-curlfile.http")
    schedule, (steve, ana) = _decode(entry)
    assert steve.variables == {"first_name": "Steve", "last_name": "Smith"}
    assert ana.dial.sent == "tel:+16175555678;ani=8009957586"
    assert ana.dial.ani == "+18009957586"
    assert ana.variables["last_name"] == "Nuñez"
    assert schedule.window.opens_at == datetime.fromtimestamp(1795221095, UTC)
    assert schedule.window.closes_at == datetime.fromtimestamp(1795224635, UTC)
