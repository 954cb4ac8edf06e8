"""The fast lane for lists gives what reading row by row gives, whatever the list holds."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callwright.dialects import csv_blocks, csv_text
from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import (
    ContactList,
    ListLimits,
    RowProblem,
    open_again,
    open_list,
    ready_list,
)
from callwright.dialects.content import StoredContent
from callwright.dialects.csv_reader import Block
from callwright.domain.call import Contact
from callwright.domain.phone import parse_dial_string, parse_plain_numbers
from callwright.errors import FieldInvalid, RequestRefused
from callwright.ports.store import VALUES_A_CALL

Read = list[tuple[str, ...] | RowProblem | tuple[type[Exception], str]]


def opened(data: bytes, limits: ListLimits | None = None) -> ContactList:
    return open_list(read_body("text/csv", data), limits or ListLimits(columns=20))


def one_by_one(contacts: ContactList, country: str = "US") -> Read:
    """What the list says, read row by row."""
    read: Read = []
    try:
        for row in contacts.contacts(default_country=country):
            if isinstance(row, Contact):
                dial = row.dial
                variables = msgspec.json.encode(row.variables).decode()
                read.append((dial.sent, dial.number.e164, dial.ani, dial.postd, variables))
            else:
                read.append(row)
    except RequestRefused as exc:
        read.append((type(exc), str(exc)))
    return read


def by_blocks(rows: Iterable[Block | RowProblem]) -> Read:
    """What the list says, read by blocks."""
    read: Read = []
    try:
        for row in rows:
            if isinstance(row, RowProblem):
                read.append(row)
                continue
            assert len(row.values) == row.rows * VALUES_A_CALL
            values = iter(row.values)
            read += zip(*[values] * VALUES_A_CALL, strict=True)
    except RequestRefused as exc:
        read.append((type(exc), str(exc)))
    return read


def compare(
    data: bytes,
    limits: ListLimits | None = None,
    country: str = "US",
    block_bytes: int = csv_text.BLOCK_BYTES,
) -> None:
    """Blocks of any size give what rows give that are read with much text at a time."""
    try:
        expected = one_by_one(opened(data, limits), country)
    except RequestRefused as exc:
        with (
            patch.object(csv_text, "BLOCK_BYTES", block_bytes),
            pytest.raises(type(exc), match=re.escape(str(exc)) + r"\Z"),
        ):
            opened(data, limits)
        return
    with patch.object(csv_text, "BLOCK_BYTES", block_bytes):
        contacts = opened(data, limits)
        assert by_blocks(contacts.blocks(default_country=country)) == expected
        assert one_by_one(opened(data, limits), country) == expected


# Rows as lists have them, most of them right: pure noise never reaches the fast lane.
NUMBERS = st.one_of(
    st.sampled_from(["6175551234", "16175551234", "+16175551234", "(617) 555-1234"] * 3),
    st.sampled_from(
        [
            "6175551234.0", "6.17555E+09", "911", "9115551234", "12", "", " ", "x",
            "tel:+16175551234", "6175551234;ani=8009957586", "6175551234;postd=1p2",
            "+442071838750", "+390612345678", "6175551234 ", "０175551234", "5551234",
        ]
    ),
)  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(
        ["", "Boston", "Núñez", "5€", "100%", "%s", "a b", " x ", "ani=1", "POSTD = 2"]
    ),
    st.sampled_from(["\\", "\x0b", "\x85", "\u2028", "\x7f", "\t", "'", "=1+1", "x" * 2100, "\0"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
HEADS = st.sampled_from(
    [
        ("destination",), ("phone_number", "name"), ("name", "destination", "city"),
        ("destination", 'say "hi"', "100%"), ("a", "callwright_line", "phone_number"),
    ]
)  # fmt: skip


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    names = list(draw(HEADS))
    number_at = next(i for i, name in enumerate(names) if name in ("destination", "phone_number"))
    delimiter = draw(st.sampled_from([",", ",", ";", "\t"]))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))
    quote = draw(st.sampled_from(["seldom", "all", "never"]))
    odd_ends = draw(st.sampled_from([[newline], [newline], [newline, "\n", "\r\n", "\r", "\n\n"]]))

    def cell(text: str) -> str:
        must = any(mark in text for mark in (delimiter, "\n", "\r", '"'))
        if quote == "all" or (quote == "seldom" and must):
            return '"' + text.replace('"', '""') + '"'
        return text

    lines = [delimiter.join(map(cell, names)) + newline]
    shorter = st.sampled_from([len(names)] * 9 + [1, len(names) + 1])
    for _ in range(draw(st.integers(0, 12))):
        cells = [draw(NUMBERS) if at == number_at else draw(CELLS) for at in range(len(names))]
        cells = [*cells, "extra"][: draw(shorter)]
        lines.append(delimiter.join(map(cell, cells)) + draw(st.sampled_from(odd_ends)))
    text = "".join(lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "windows-1252"]))
    return text.encode(encoding, "replace")


@settings(max_examples=400)
@given(lists(), st.sampled_from([1, 2, 7, 40, 200, csv_text.BLOCK_BYTES]), st.sampled_from([3, 99]))
@example(b"destination;a;b\n6175551234;ani=8009957586;x\n6175551234;1;2\n", 4096, 99)
@example(b'destination,a\n6175551234,"x\ny"\n6175551234,"x\r\ny"\n' * 1, 20, 99)
@example(b'destination,a\n6175551234,5" pipe\n6175551235,z\n', 4096, 99)
@example(b"destination,a\r6175551234,x\r6175551235,y\r", 4096, 99)
@example(b"destination,a\n6175551234,x\r\n6175551235,y\r", 4096, 99)
@example(b"destination\n\n6175551234\n\n\n6175551235\n", 7, 99)
@example(b"destination,a\r\nx,x\r\n\r\nx,x\r\n", 14, 99)
@example(b"destination,a\n6175551234," + b"x" * 8193 + b"\n", 4096, 99)
@example(b"destination,a\n6175551234," + "\u00f1".encode() * 4097 + b"\n", 65536, 99)
@example(b"destination,a\n6175551234,x\n6175551235,y\n6175551235,y\n6175551235,y\n", 4096, 3)
def test_blocks_say_what_rows_say(data: bytes, block_bytes: int, max_rows: int) -> None:
    compare(data, ListLimits(rows=max_rows, columns=20), block_bytes=block_bytes)


@settings(max_examples=100)
@given(lists(), st.sampled_from(["DE", "GB", "CA"]))
def test_blocks_say_what_rows_say_in_every_country(data: bytes, country: str) -> None:
    compare(data, country=country)


@pytest.mark.parametrize("size", [csv_text.MAX_ROW_CHARS + d for d in (-40, -20, -1, 0, 1, 200)])
@pytest.mark.parametrize("cell", ["x" * 2000, '"' + "y\n" * 1000 + '"'])
def test_rows_of_about_the_greatest_length(size: int, cell: str) -> None:
    """The row in the middle is `size` long."""
    names = ["destination", *(f"c{n}" for n in range(40))]
    cells = [cell] * 30
    row = ",".join(["6175551234", *cells])
    filler = "f" * 2000
    while len(row) + 1 + len(filler) < size:
        row += "," + filler
    row += "," + "g" * (size - len(row) - 1)
    assert len(row) == size
    short = "6175551234,a\n"
    full = "6175551234" + "," * (len(row.split(",")) - 1) + "\n"
    header = ",".join(names[: len(row.split(","))]) + "\n"
    for before in (1, 3000):
        compare((header + (full + short) * before + row + "\n" + full).encode(), ListLimits())


def test_a_plain_list_goes_through_the_fast_lane_as_a_whole() -> None:
    rows = "".join(f"{6170000000 + n},name {n}.50,{n},Łódź\n" for n in range(3000))
    for text in (
        "destination,name,balance,city\n" + rows,
        "destination,name,balance,city\r\n" + rows.replace("\n", "\r\n"),
        '"destination";"name";"balance";"city"\n'
        + "".join('"' + r.replace(",", '";"') + '"\n' for r in rows.splitlines()),
        "destination,name,balance,city\n"
        + rows.replace("name ", '"two\nlines ').replace(".50,", '",'),
    ):
        blocks = list(opened(text.encode()).blocks(default_country="US"))
        assert all(isinstance(block, Block) for block in blocks)
        assert len(blocks) < 12
        assert sum(block.rows for block in blocks) == 3000  # type: ignore[union-attr]


@pytest.mark.parametrize("block_bytes", [300, 333, 351])
def test_line_ends_in_quotes_do_not_leave_the_fast_lane(block_bytes: int) -> None:
    rows = "".join(f'6175551234,"two\nlines {n}"\n' for n in range(200))
    with patch.object(csv_text, "BLOCK_BYTES", block_bytes):
        blocks = list(opened(("destination,a\n" + rows).encode()).blocks(default_country="US"))
    assert all(isinstance(block, Block) and block.rows > 5 for block in blocks[:-1])


def test_a_row_that_is_wrong_keeps_only_its_own_block_off_the_fast_lane() -> None:
    rows = [f"{6170000000 + n},name {n}\n" for n in range(20_000)]
    rows[10_000] = "wrong,\n"
    blocks = list(
        opened(("destination,name\n" + "".join(rows)).encode()).blocks(default_country="US")
    )
    assert [b.line for b in blocks if isinstance(b, RowProblem)] == [10_002]
    assert sum(isinstance(b, Block) and b.rows == 1 for b in blocks) < 4000


def test_a_list_is_read_again_by_its_plan_from_wherever_it_is_kept() -> None:
    data = codecs_list("windows-1252")
    contacts = opened(data)
    ready = ready_list(contacts, default_country="CA", names=("first", "last"))
    plan = msgspec.convert(msgspec.to_builtins(ready.plan), type(ready.plan))

    def read(size: int, offset: int) -> bytes:
        return (b"before" + data + b"after")[offset : offset + min(size, 7)]

    again = open_again(StoredContent(read, 6, 6 + len(data)), plan)
    assert by_blocks(again.blocks()) == by_blocks(ready.blocks())
    assert again.list.bytes_read == len(data)


def codecs_list(encoding: str) -> bytes:
    return "Prénom,destination,Nom\nÉloïse,5145551234,Côté\n".encode(encoding)


def test_columns_of_a_report_of_refused_rows_are_no_variables() -> None:
    data = (
        b"callwright_line,CallWright_Problem,destination,a\n7,why,6175551234,x\n8,,6175551235,y\n"
    )
    contacts = opened(data)
    assert contacts.columns == ("a",)
    assert by_blocks(contacts.blocks(default_country="US")) == [
        ("6175551234", "+16175551234", "", "", '{"a":"x"}'),
        ("6175551235", "+16175551235", "", "", '{"a":"y"}'),
    ]
    compare(data)


@given(st.lists(NUMBERS, max_size=6), st.sampled_from(["US", "CA", "DE"]))
def test_plain_numbers_are_what_their_dial_strings_are(texts: list[str], country: str) -> None:
    numbers = parse_plain_numbers(texts, default_country=country)
    if numbers is not None:
        dials = [parse_dial_string(text, default_country=country) for text in texts]
        assert [dial.number.e164 for dial in dials] == list(numbers)
        assert [dial.sent for dial in dials] == texts
        assert {(dial.ani, dial.postd) for dial in dials} == {("", "")}


@pytest.mark.parametrize("form", ["{}", "1{}", "+1{}"])
def test_every_area_code_is_judged_alike(form: str) -> None:
    for area in range(1000):
        text = form.format(f"{area:03}5550100")
        plain = parse_plain_numbers([text])
        try:
            expected: Sequence[str] | None = [parse_dial_string(text).number.e164]
        except FieldInvalid:
            expected = None
        assert (plain and list(plain)) == expected, text


@pytest.mark.parametrize("texts", [["6175551234\n6175551234"], ["6175551234\n"], [], [""]])
def test_line_ends_make_no_plain_numbers(texts: list[str]) -> None:
    assert parse_plain_numbers(texts) is None


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=5))
def test_what_needs_no_escape_is_the_same_in_json(cell: str, name: str) -> None:
    value: dict[str, Any] = {"n%": cell}
    if csv_blocks._needs_no_escape(cell):
        assert csv_blocks._json_template(["n%"]) % cell == msgspec.json.encode(value).decode()
