"""Workbooks of strangers, opened in a process of its own."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, open_list
from callwright.domain.call import Contact
from callwright.errors import FieldInvalid, TooLarge, Unavailable
from callwright.service import workbook as module
from callwright.service.workbook import Workbooks, require_bounded
from callwright.testing.workbooks import PLAIN, edited_workbook, workbook

MIB = 1 << 20
BOOK = workbook({"Calls": [["phone_number", "name"], [(6175551234, PLAIN), "Łódź"]]})


def convert(folder: Path, data: bytes, sheet: str = "", max_bytes: int = 10**6) -> bytes:
    async def run() -> bytes:
        file = await Workbooks().list_of(data, folder, sheet=sheet, max_bytes=max_bytes)
        try:
            return bytes(file.content[:])
        finally:
            file.close()

    return asyncio.run(run())


def test_a_workbook_becomes_a_list(tmp_path: Path) -> None:
    text = convert(tmp_path, BOOK)
    assert text == "phone_number,name\r\n6175551234,Łódź\r\n".encode()
    (contact,) = open_list(read_body("text/csv", text), ListLimits()).contacts(default_country="US")
    assert isinstance(contact, Contact)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + b"x" * 1000, BOOK[: len(BOOK) // 2]])
def test_what_is_no_workbook_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(FieldInvalid, match="the workbook cannot be read"):
        convert(tmp_path, data)


def test_a_sheet_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FieldInvalid, match="no sheet 'Nix'; it has: Calls"):
        convert(tmp_path, BOOK, sheet="Nix")


def in_rows(*pieces: bytes, times: int = 1) -> bytes:
    """The workbook with `pieces`, repeated, after its last row."""

    def edit(sheet: bytes) -> Iterator[bytes]:
        before, end, after = sheet.partition(b"</sheetData>")
        yield before
        for _ in range(times):
            yield from pieces
        yield end + after

    return edited_workbook(BOOK, "sheet1.xml", edit)


def test_a_list_that_is_too_large_ends_at_its_limit(tmp_path: Path) -> None:
    row = b'<row><c t="inlineStr"><is><t>' + b"x" * 1000 + b"</t></is></c></row>"
    data = in_rows(row, times=12_000)
    assert len(data) < 200_000
    with pytest.raises(FieldInvalid, match="larger than 1000000 bytes"):
        convert(tmp_path, data)


def far_cell(place: str) -> bytes:
    row = "".join(filter(str.isdigit, place))
    return f'<row r="{row}"><c r="{place}"><v>1</v></c></row>'.encode()


@pytest.mark.parametrize(
    "rows",
    [
        far_cell("XFD1048576"),
        far_cell("ZZZ60000"),
        b"<row>" * 1_000_000,
        b'<row r="99999999999999999999"/>',
        b'<row><c t="s"><v>4000000000</v></c></row>',
    ],
)
def test_a_small_sheet_that_claims_to_be_large_does_no_harm(rows: bytes, tmp_path: Path) -> None:
    told = b"phone_number,name\r\n6175551234,"
    with suppress(FieldInvalid):
        assert convert(tmp_path, in_rows(rows)).startswith(told)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_unfolds_to_too_much_is_not_unfolded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FieldInvalid, match="unfolds to more than 1024 MiB; send CSV"):
        convert(tmp_path, claiming(BOOK, 1 << 30))
    monkeypatch.setattr(module, "UNFOLDED_BYTES", 3000)
    with pytest.raises(FieldInvalid, match="unfolds to more"):
        require_bounded(in_rows(b" " * 3000))
    require_bounded(b"no archive at all")


def claiming(data: bytes, size: int) -> bytes:
    """The archive whose directory says that its last part is of `size` bytes."""
    at = data.rindex(b"PK\x01\x02") + 24
    return data[:at] + size.to_bytes(4, "little") + data[at + 4 :]


def test_an_archive_that_lies_of_its_size_ends_with_the_memory_of_its_process(
    tmp_path: Path,
) -> None:
    data = claiming(in_rows(b"<row><c><v>1</v></c></row>" * 40_000, times=500), 1000)
    require_bounded(data)
    assert len(data) < 4 * MIB
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(FieldInvalid, match="cannot be read"):
        convert(tmp_path, data)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < module.CPU_S + 5
    assert list(tmp_path.iterdir()) == []


def test_nothing_outside_a_workbook_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("6175559999")
    entity = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file://{secret}">]><worksheet'.encode()

    def edit(sheet: bytes) -> Iterator[bytes]:
        yield sheet.replace(b"<worksheet", entity, 1).replace("Łódź".encode(), b"&x;")

    with pytest.raises(FieldInvalid, match="unrecognized entity"):
        convert(tmp_path, edited_workbook(BOOK, "sheet1.xml", edit))


def test_workbooks_are_converted_one_after_the_other(tmp_path: Path) -> None:
    async def run() -> list[int]:
        books = Workbooks()
        files = await asyncio.gather(
            *(books.list_of(BOOK, tmp_path, max_bytes=10**6) for _ in range(3))
        )
        sizes = [len(file.content) for file in files]
        for file in files:
            file.close()
        return sizes

    assert len(set(asyncio.run(run()))) == 1


def test_a_conversion_that_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    long = in_rows(b" " * MIB, times=800)

    async def run() -> None:
        books = Workbooks()
        converting = asyncio.create_task(books.list_of(long, tmp_path, max_bytes=10**6))
        await asyncio.sleep(0.5)
        converting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await converting
        (await books.list_of(BOOK, tmp_path, max_bytes=10**6)).close()

    asyncio.run(run())


def test_a_workbook_that_is_too_large_packed_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", len(BOOK) - 1)
    with pytest.raises(TooLarge, match="workbook is larger"):
        convert(tmp_path, BOOK)


def test_a_process_that_says_nothing_is_a_workbook_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    with pytest.raises(FieldInvalid, match="cannot be read: it is damaged"):
        convert(tmp_path, BOOK)


def test_a_process_that_cannot_start_is_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(Unavailable, match="cannot start"):
        convert(tmp_path, BOOK)
