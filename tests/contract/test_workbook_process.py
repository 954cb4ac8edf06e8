"""Workbooks of strangers, opened in a process of its own."""

import asyncio
import io
import zipfile
from pathlib import Path

import pytest

from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, open_list
from callwright.domain.call import Contact
from callwright.errors import FieldInvalid, TooLarge, Unavailable
from callwright.service import workbook as module
from callwright.service.workbook import list_of_workbook
from callwright.testing.workbooks import PLAIN, workbook

BOOK = workbook({"Calls": [["phone_number", "name"], [(6175551234, PLAIN), "Łódź"]]})


def convert(folder: Path, data: bytes, sheet: str = "", max_bytes: int = 10**6) -> bytes:
    async def run() -> bytes:
        file = await list_of_workbook(data, folder, sheet=sheet, max_bytes=max_bytes)
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


def test_an_archive_that_unfolds_to_too_much_ends_at_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(BOOK)) as source,
        zipfile.ZipFile(folded, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            text = source.read(name)
            if name.endswith("sheet1.xml"):
                row = b'<row><c t="inlineStr"><is><t>' + b"x" * 1000 + b"</t></is></c></row>"
                text = text.replace(b"</sheetData>", row * 12_000 + b"</sheetData>")
            target.writestr(name, text)
    assert len(folded.getvalue()) < 200_000
    with pytest.raises(FieldInvalid, match="larger than 1000000 bytes"):
        convert(tmp_path, folded.getvalue())


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
