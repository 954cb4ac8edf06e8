"""Workbooks as CSV, where the package that reads them is there; else a word of advice."""

import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from callwright.cli.spreadsheet import is_workbook, write_csv
from callwright.errors import FieldInvalid

NAME = Path("calls.xlsx")
IS_THERE = find_spec("python_calamine") is not None

_PARTS = {
    "[Content_Types].xml": """\
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels"
 ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>
</Types>""",
    "_rels/.rels": """\
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="xl/workbook.xml"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/>
</Relationships>""",
    "xl/workbook.xml": """\
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<sheets><sheet name="Calls" sheetId="1" r:id="r1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": """\
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Target="worksheets/sheet1.xml"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/>
</Relationships>""",
}
_SHEET = """\
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>phone_number</t></is></c>
<c r="B1" t="inlineStr"><is><t>note</t></is></c></row>
<row r="2"><c r="A2"><v>6175550150</v></c>
<c r="B2" t="inlineStr"><is><t>two&#10;lines, "quoted"</t></is></c></row>
<row r="4"><c r="A4" t="inlineStr"><is><t>+16175550153</t></is></c><c r="B4"><v>1.5</v></c></row>
<row r="5"><c r="A5"><v>6175550100</v></c><c r="B5" t="b"><v>1</v></c></row>
</sheetData></worksheet>"""


def workbook() -> io.BytesIO:
    """A sheet with numbers, texts, a truth value, and nothing in its third row."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for name, text in {**_PARTS, "xl/worksheets/sheet1.xml": _SHEET}.items():
            parts.writestr(name, text)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    ("name", "start", "expected"),
    [
        ("calls.csv", b"phone_number\n", False),
        ("calls.csv", b"PK\x03\x04", True),
        ("calls.txt", b"\xd0\xcf\x11\xe0", True),
        ("calls.xlsx", b"", True),
        ("calls.ODS", b"nonsense", True),
        ("calls.csv", b"", False),
    ],
)
def test_a_workbook_is_known_by_its_start_or_its_name(name, start, expected):
    source = io.BytesIO(start)
    assert is_workbook(Path(name), source) is expected
    assert source.tell() == 0


def test_rows_become_lines_of_the_same_number():
    out = io.BytesIO()
    if not IS_THERE:
        with pytest.raises(FieldInvalid, match="pip install python-calamine"):
            write_csv(NAME, workbook(), out)
        return
    write_csv(NAME, workbook(), out)
    assert out.getvalue().decode().splitlines() == [
        "phone_number,note",
        '6175550150,"two lines, ""quoted"""',
        ",",
        "+16175550153,1.5",
        "6175550100,true",
    ]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04nonsense", b"phone_number\n6175550100\n"])
def test_what_is_no_workbook_is_refused(data):
    with pytest.raises(FieldInvalid, match=r"calls\.xlsx"):
        write_csv(NAME, io.BytesIO(data), io.BytesIO())
