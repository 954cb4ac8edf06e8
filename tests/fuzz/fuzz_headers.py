"""What is fuzzed of what came later: headers, limits, names, lists of numbers, workbooks."""

import csv
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path

import pydantic
from fuzz_targets import Target, lenient_text_of, promise, refusal_text
from starlette.requests import Request

from callwright.cli.number_file import read_numbers
from callwright.dialects.workbook import csv_lines
from callwright.domain.limits import LEAST_PER_SECOND, MOST_CALLS, MOST_PER_SECOND, UNLIMITED
from callwright.errors import ConfigInvalid, RequestRefused
from callwright.service.metadatabases import MAX_NAME_LENGTH, check_columns, check_name
from callwright.testing.workbooks import workbook
from callwright.web.native.models.limits import LimitsChange
from callwright.web.native.preferences import is_dry_run, read_preferences
from callwright.web.repeats import key_of


def _request(**headers: bytes) -> Request:
    named = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return Request({"type": "http", "path": "/v1/calls", "headers": named})


def run_key(data: bytes) -> str:
    try:
        key = key_of(_request(idempotency_key=data))
    except RequestRefused as refusal:
        return refusal_text(refusal)
    promise(key is not None and 1 <= len(key) <= 255, "1 to 255 characters")
    promise(key == data.decode("latin-1") and key.isascii() and key.isprintable(), "as it came")
    return f"{len(key)} {key.isalnum()}"


def run_prefer(data: bytes) -> str:
    request = _request(prefer=data, x_dry_run=data)
    wish = read_preferences(request)
    said = f"{wish.lenient} {wish.respond_async} {wish.minimal} {wish.overflow}"
    known = data.decode("latin-1").lower()
    promise(not wish.lenient or "lenient" in known, "nothing that nobody asked for")
    promise(wish.overflow == "take" or wish.overflow in known, "nothing that nobody asked for")
    try:
        return f"{said} {is_dry_run(request)}"
    except RequestRefused as refusal:
        return said + refusal_text(refusal)


def run_limits(data: bytes) -> str:
    try:
        change = LimitsChange.model_validate_json(data)
    except pydantic.ValidationError as exc:
        return " ".join(sorted({error["type"] for error in exc.errors(include_input=False)}))
    held = change.of(UNLIMITED)
    rate, most = held.calls_per_second, held.max_calls
    promise(rate is None or LEAST_PER_SECOND <= rate <= MOST_PER_SECOND, "a rate that is one")
    promise(most is None or 1 <= most <= MOST_CALLS, "a number of calls")
    json.dumps([rate, most], allow_nan=False)
    return f"{rate is None} {most is None} {sorted(change.model_fields_set)}"


def run_metadatabase(data: bytes) -> str:
    """The first line is the name, the others are columns."""
    name, *columns = lenient_text_of(data).split("\n")
    try:
        name = check_name(name)
        check_columns(columns)
    except RequestRefused as refusal:
        return refusal_text(refusal)
    promise(1 <= len(name) <= MAX_NAME_LENGTH and name == name.strip(), "a name")
    promise(name.isprintable(), "one line that shows")
    name.encode()
    promise(all(column.isascii() and column.isidentifier() for column in columns), "variables")
    return f"{name.isascii()} {len(columns)}"


def run_numbers(data: bytes) -> str:
    _NUMBERS.write_bytes(data)
    try:
        found = read_numbers(_NUMBERS)
    except RequestRefused as refusal:
        return str(refusal).replace(str(_NUMBERS), "")
    lines = [line for line, _ in found]
    promise(
        lines == sorted(lines) and len(lines) <= data.count(b"\n") + data.count(b"\r") + 1,
        "each line of the file once, in order",
    )
    return f"{len(found)} {len({number for _, number in found})}"


def run_workbook(data: bytes) -> str:
    """The sheet of a workbook that is sound but for that."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, part in _PARTS.items():
            archive.writestr(name, data if name.endswith("sheet1.xml") else part)
    try:
        lines = list(csv_lines(out.getvalue()))
    except (RequestRefused, ConfigInvalid) as refusal:
        return str(refusal)
    rows = list(csv.reader(io.StringIO("".join(lines), newline="")))
    promise(len(rows) == len(lines), "one line for each row")
    return f"{len(rows)} {max(map(len, rows), default=0)}"


def _parts() -> dict[str, bytes]:
    book = workbook({"calls": [["phone_number", "name"], ["6175550100", "Ana"]]})
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


_PARTS = _parts()
_SHEET = _PARTS["xl/worksheets/sheet1.xml"]
_SHM = Path("/dev/shm")
_NUMBERS = (
    _SHM if _SHM.is_dir() else Path(tempfile.gettempdir())
) / f"callwright-fuzz-{os.getpid()}"

HEADERS: dict[str, Target] = {
    "key": Target(
        run_key,
        [b"1f0c6a52-4c39-4b56-9f4e-2b8a1c0c2f11", b"k", b"a b", b"x" * 255],
        [b" ", b"\t", b"\x00", b"\x7f", b"\xe9", b"~", b"!", b",", b'"', b"x" * 200, b"\n"],
    ),
    "prefer": Target(
        run_prefer,
        [b"return=minimal", b"handling=lenient, respond-async", b'overflow="warn";x=1', b"true"],
        [
            b"return", b"=", b"minimal", b"handling", b"lenient", b"respond-async", b"overflow",
            b"warn", b"refuse", b",", b";", b'"', b" ", b"true", b"false", b"\xe9", b"take",
        ],
    ),
    "limits": Target(
        run_limits,
        [b'{"calls_per_second":2.5,"max_calls":7}', b'{"max_calls":null}', b"{}", b"[]"],
        [
            b"{", b"}", b'"calls_per_second":', b'"max_calls":', b"null", b"1", b"0", b"-", b".",
            b"1e9", b"1e-9", b"NaN", b"Infinity", b"9" * 30, b"true", b'"1"', b",", b"[", b"]",
            b"10000", b"0.001", b"1000000", b"\x00", b"\xff",
        ],
    ),
    "metadatabase": Target(
        run_metadatabase,
        [b"Patients\ncity\nname", "größe\na".encode(), b" x \n", b"a\na b", b"n\nphone_number"],
        [
            b"\n", b" ", b"_", b"a", b"9", b"city", "ß".encode(), b"\xed\xa0\x80", b"\x00",
            "\u2028".encode(), b"\x7f", b"phone_number", b"destination", b"x" * 100, "１".encode(),
        ],
    ),
    "numbers": Target(
        run_numbers,
        [
            b"6175550100\n+442071838750\n", b"# comment\n6175550100\r\n", b"\xef\xbb\xbf617\n",
            b"phone_number;name\n6175550100;Ana\n", b'number,"a\nb"\n1,2\n',
        ],
        [
            b"\n", b"\r", b"\r\n", b",", b";", b"\t", b'"', b"#", b"phone_number", b"number",
            b"destination", b"6175550100", b"\x00", b"\xff", b"\x0b", "\u2028".encode(), b" ",
        ],
    ),
    "workbook": Target(
        run_workbook,
        [_SHEET, _SHEET.replace(b"<row", b'<row r="9"'), b"", b"<worksheet>"],
        [
            b"<row>", b"</row>", b"<c>", b"</c>", b'<c r="A1">', b'<c r="XFD1048576">',
            b't="inlineStr"', b't="s"', b't="b"', b't="e"', b't="d"', b"<v>", b"</v>", b"<is><t>",
            b"</t></is>", b"1e308", b"-1", b"44927.5", b"<sheetData>", b"</sheetData>",
            b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&#0;", b"<dimension ref='A1:ZZ99'/>",
        ],
    ),
}  # fmt: skip
