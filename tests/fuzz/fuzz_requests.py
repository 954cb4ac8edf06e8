"""What is fuzzed of a request's body: numbers, lists, fields, metadata."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from fuzz_targets import Target, lenient_text_of, promise, refusal_text

from callwright.dialects import by_product
from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ContactList, ListLimits, RowProblem, open_list
from callwright.dialects.csv_reader import Block
from callwright.dialects.fields import integer_of, read_timestamp
from callwright.dialects.form import BodyKind, Field, Form
from callwright.dialects.metadata import MAX_KEYS, read_metadata
from callwright.dialects.schedule import read_schedule
from callwright.domain.account import Deployment, Product, Program
from callwright.domain.call import Contact
from callwright.domain.ids import AccountId, DeploymentId, ProgramId, UserId
from callwright.domain.phone import parse_dial_string
from callwright.errors import RequestRefused
from callwright.ports.store import VALUES_A_CALL

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIMITS = ListLimits(rows=1000, bytes=1 << 20, columns=20)
COUNTRIES = ("US", "GB", "DE", "IT", "RU")

_E164 = re.compile(r"\+[1-9][0-9]{7,14}\Z", re.ASCII)
_ANI = re.compile(r"(?:\+?[0-9]{3,15})?\Z", re.ASCII)
_POSTD = re.compile(r"[0-9A-D*#,p]{0,32}\Z", re.ASCII)


def run_phone(data: bytes) -> str:
    country = COUNTRIES[data[0] % len(COUNTRIES)] if data else "US"
    try:
        dial = parse_dial_string(lenient_text_of(data[1:]), default_country=country)
    except RequestRefused as refusal:
        promise(str(refusal).isprintable(), "a refusal that is one line")
        return str(refusal)
    number = dial.number.e164
    promise(bool(_E164.match(number)), f"E.164, not {number!r}")
    promise(bool(_ANI.match(dial.ani)), f"a caller id, not {dial.ani!r}")
    promise(bool(_POSTD.match(dial.postd)), f"post-dial digits, not {dial.postd!r}")
    again = parse_dial_string(number, default_country=country)
    promise(again.number.e164 == number, f"{number} spells itself")
    return f"{number[:4]} {bool(dial.ani)} {bool(dial.postd)}"


def run_csv(data: bytes) -> str:
    form = read_body("text/csv", data)
    rows, blocks = _rows(form), _blocks(form)
    promise(rows == blocks, f"both ways of reading agree: {rows!r} and {blocks!r}")
    return " ".join(str(row[1]) if isinstance(row, tuple) else "problem" for row in rows[-3:])


def _rows(form: Form) -> list[object]:
    """What a list says, read row by row."""

    def read(contacts: ContactList) -> Iterable[object]:
        for row in contacts.contacts(default_country="US"):
            if isinstance(row, Contact):
                dial = row.dial
                variables = msgspec.json.encode(row.variables).decode()
                yield (dial.sent, dial.number.e164, dial.ani, dial.postd, variables)
            else:
                yield row

    return _to_the_end(form, read)


def _blocks(form: Form) -> list[object]:
    """The same by blocks."""

    def read(contacts: ContactList) -> Iterable[object]:
        for row in contacts.blocks(default_country="US"):
            if isinstance(row, Block):
                values = iter(row.values)
                yield from zip(*[values] * VALUES_A_CALL, strict=True)
            else:
                yield row

    return _to_the_end(form, read)


def _to_the_end(form: Form, read: Callable[[ContactList], Iterable[object]]) -> list[object]:
    found: list[object] = []
    try:
        for row in read(open_list(form, LIMITS)):
            if isinstance(row, RowProblem):
                promise(row.line >= 1 and bool(row.problem), "a problem names its line")
            found.append(row)
    except RequestRefused as refusal:
        found.append((type(refusal), str(refusal)))
    return found


def run_integer(data: bytes) -> str:
    pieces = [lenient_text_of(piece) for piece in data.split(b"|")]
    number = integer_of(pieces[0])
    promise(number is None or 0 <= number < 10**20, "digits or nothing")
    names = ("start_timestamp", "end_timestamp", "max_attempts", "reattempt_wait", "attempts")
    fields = [Field(name=n, value=p) for n, p in zip(names, pieces, strict=False)]
    form = Form(kind=BodyKind.URLENCODED, fields=fields)
    try:
        moment = read_timestamp(form, "start_timestamp")
        promise(moment is None or 1970 <= moment.year <= 9999, "a moment that a datetime holds")
        schedule = read_schedule(form, now=NOW, attempts_text="no", is_pci=False)
    except RequestRefused as refusal:
        return str(refusal)
    promise(schedule.window.opens_at >= NOW, "never in the past")
    promise(1 <= schedule.retry.max_attempts <= 10, "1 to 10 attempts")
    return f"read {moment is None} {schedule.window.closes_at is None} {schedule.wait_given}"


def run_metadata(data: bytes) -> str:
    """The first line names the field, the rest is its value."""
    # Half surrogate pairs end at the readers of bodies, before anybody looks for metadata.
    name, _, value = data.decode("utf-8", "replace").partition("\n")
    fields = [Field(name="metadata", value=value), Field(name=f"metadata[{name}]", value=value)]
    said = ""
    for chosen in (fields[:1], fields[1:], fields):
        try:
            found = read_metadata(Form(kind=BodyKind.URLENCODED, fields=chosen))
        except RequestRefused as refusal:
            said += refusal_text(refusal)
            continue
        promise(len(found) <= MAX_KEYS, "not too many")
        for scalar in found.values():
            promise(scalar is None or isinstance(scalar, (str, int, float, bool)), "scalars")
        json.dumps(found, allow_nan=False).encode()
        said += " ".join(sorted({type(scalar).__name__ for scalar in found.values()}))
    return said


def run_body(data: bytes) -> str:
    """The first line is the Content-Type, the rest the body."""
    content_type, _, body = data.partition(b"\n")
    try:
        form = read_body(content_type.decode("latin-1") or None, body)
    except RequestRefused as refusal:
        return refusal_text(refusal)
    said = form.kind.value
    for product, dialect in by_product.items():
        common: dict[str, Any] = {
            "now": NOW,
            "default_country": "US",
            "deployment": _DEPLOYMENTS[product],
            "pci_granted": product is Product.FUSE,
        }
        try:
            schedule, contact = dialect.decode_call(form, **common)
        except RequestRefused as refusal:
            status, value = dialect.encode_error(refusal)
            promise(400 <= status < 500, "a status of the client's")
            for xml in (False, True):
                dialect.render(value, xml=xml)
            said += str(refusal)
        else:
            promise(schedule.window.opens_at >= NOW, "never in the past")
            promise(bool(_E164.match(contact.dial.number.e164)), "a number to dial")
    return said


def _deployment(product: Product) -> Deployment:
    program = Program(
        id=ProgramId(1),
        product=product,
        account_id=AccountId(1),
        owner_id=UserId(1),
        name="fuzzed",
        created_at=NOW,
        metadatabase=("a", "name") if product is Product.INSIGHT else None,
    )
    return Deployment(id=DeploymentId(2), program=program, label="", script="{}", created_at=NOW)


_DEPLOYMENTS = {product: _deployment(product) for product in Product}
_CALL = b"phone_number=6175551234&max_attempts=2&reattempt_wait=60"
_PART = b'--X\r\nContent-Disposition: form-data; name="phone_number"\r\n\r\n6175551234\r\n--X--\r\n'
_JSON = b'application/json\n{"phone_number":"6175551234","metadata":{"a":"b","c":1.5,"d":null}}'

REQUESTS: dict[str, Target] = {
    "phone": Target(
        run_phone,
        [
            b"06175551234", b"0tel:+16175551234;ani=8009957586;postd=1p2", b"1+442071838750",
            b"2 030 1234567", b"3 06 12345678", b"4 8 495 123-45-67", b"0(617) 555-1234",
            b"0+33153000000", b"0911", b"06.17555E+09", "0６１７５５５１２３４".encode(),
        ],
        [
            b"tel:", b"+", b";ani=", b";postd=", b"911", b"112", b"999", b"116000", b"00", b"011",
            b"1", b"617", b"5551234", b"(", b")", b"-", b".", b" ", b"p", b",", b"#", b"*", b"D",
            "１".encode(), "٣".encode(), b"\xed\xa0\x80", b"\x00", b"\n", b"+1", b"+44", b"+7",
        ],
    ),
    "csv": Target(
        run_csv,
        [
            b"destination,name\n6175551234,Steve\n6175555678,Ana\n",
            b"destination;name\r\n6175551234;ani=8009957586;Steve\r\n",
            b'\xef\xbb\xbf"destination"\t"a"\r"6175551234"\t"x ""y"" z"\r',
            "destination,größe\n+442071838750,äöü\n".encode("windows-1252"),
            "destination,a\n6175551234,ñ\n".encode("utf-16"),
            b"sep=;\ndestination;a\n6175551234;1\n", b"destination\n" + b"6175551234\n" * 20,
            b"destination,line,problem\n6175551234,2,x\n",
        ],
        [
            b"destination", b"phone_number", b"name", b",", b";", b"\t", b"\n", b"\r\n", b"\r",
            b'"',
            b'""', b"6175551234", b";ani=8009957586", b"sep=;\n", b"\xef\xbb\xbf", b"\xff\xfe",
            b"\xfe\xff", b"\x00", b"\x81", "ñ".encode(), b"6.1E+09", b"6175551234.0", b"'", b"=1+1",
            b"+16175551234", b"\xe2\x80\xa8", b"\\", b"\x0b", b"\x1c", b"\x85", b"line", b"problem",
        ],
    ),
    "integer": Target(
        run_integer,
        [b"1795221100|1795224700|3|60", b"0|9999999999999||", b"|||", b"253402300799|1|10|86400"],
        [
            b"|", b"0", b"1", b"9", b"99999999999999999999", b"-", b"+", b"_", b" ", b".", b"e9",
            b"1_0", "１".encode(), "٣".encode(), "²".encode(), b"inf", b"nan", b"0x1f", b"\n",
            b"1795221100", b"1795221100000", b"253402300800", b"10", b"11", b"60", b"59", b"86401",
        ],
    ),
    "metadata": Target(
        run_metadata,
        [
            b'a\n{"first_name":"Ana","n":1,"x":1.5,"y":null,"z":true}', b"name\nvalue", b"a\n[]",
            b'a\n{"a":{"b":[1,2]}}', b'a\n{"\\ud83d\\ude00":"\\ud800"}', b"a\nArray",
        ],
        [
            b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\\u", b"\\ud800", b"\\udc00",
            b"null",
            b"true", b"NaN", b"Infinity", b"-", b"1e999", b"9" * 30, b"0.1", b'"a"', b'"a":1,',
            b"\n",
            b"\x00", b"\\u0000", b"\xed\xa0\x80", b"Array", b"[object Object]", b"__proto__", b" ",
        ],
    ),
    "body": Target(
        run_body,
        [
            b"application/x-www-form-urlencoded\n" + _CALL,
            b"multipart/form-data; boundary=X\n" + _PART,
            b"multipart/form-data\n" + _PART.replace(b"\r\n", b"\n"),
            _JSON,
            b"\n" + _CALL + b"&metadata%5Ba%5D=b&result_url=http%3A%2F%2Fexample.com%2F",
            b"text/csv\ndestination\n6175551234\n",
        ],
        [
            b"--X", b"--X\r\n", b"--X--", b"--", b"\r\n", b"\n", b"\r\n\r\n", b"application/json\n",
            b"Content-Disposition: form-data; ", b'name="phone_number"', b'name="csv"',
            b"multipart/",
            b'; filename="a.csv"', b"; filename*=utf-8''%ff", b"Content-Type: text/plain",
            b"; boundary=",
            b"phone_number=", b"6175551234", b"tel:+", b"%2B", b"%", b"&", b"=", b"+", b";",
            b"is_pci=1",
            b"metadata[", b"a]", b"metadata=", b'{"a":', b"}", b"[", b'"', b"\\ud800", b"NaN",
            b"@/x",
            b"start_timestamp=", b"9999999999999", b"max_attempts=2", b"reattempt_wait=60", b"%00",
            b"result_url=http://", b"[::1]", b"https://u:p@h/", b"%ed%a0%80", b"\x00", b"%C3%A9",
            b"\xe9",
        ],
    ),
}  # fmt: skip
