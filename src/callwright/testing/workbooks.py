"""Small workbooks, written by hand as Office Open XML (ECMA-376)."""

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

TEXT, PLAIN, DATE, DATE_TIME, SPAN = "text", "plain", "date", "date and time", "span"
SKIP = "no cell at all"
_STYLES = {PLAIN: 0, DATE: 1, DATE_TIME: 2, SPAN: 3}

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook(
    sheets: Mapping[str, Iterable[Sequence[object]]], *, hidden: Sequence[str] = ()
) -> bytes:
    """A workbook; a cell is a text, or a value with how it is formatted."""
    names = list(sheets)
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"'
        + (' state="hidden"/>' if name in hidden else "/>")
        for n, name in enumerate(names, 1)
    )
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(names) + 1)
    )
    formats = "".join(f'<xf numFmtId="{code}"/>' for code in (0, 14, 22, 46))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'{relations}<Relationship Id="rIdS" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        "</Relationships>",
        "xl/styles.xml": f"<styleSheet {_MAIN}><cellXfs>{formats}</cellXfs></styleSheet>",
    }
    for n, rows in enumerate(sheets.values(), 1):
        body = "".join(_row(number, cells) for number, cells in enumerate(rows, 1))
        parts[f"xl/worksheets/sheet{n}.xml"] = (
            f"<worksheet {_MAIN}><sheetData>{body}</sheetData></worksheet>"
        )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return out.getvalue()


def edited_workbook(data: bytes, part: str, edit: Callable[[bytes], Iterable[bytes]]) -> bytes:
    """A workbook in which the part of that name is what `edit` makes of it, piece by piece."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        # The part that is edited comes last.
        for name in sorted(source.namelist(), key=lambda name: name.endswith(part)):
            text = source.read(name)
            with target.open(name, "w") as file:
                for piece in edit(text) if name.endswith(part) else (text,):
                    file.write(piece)
    return out.getvalue()


def _row(number: int, cells: Sequence[object]) -> str:
    written = "".join(_cell(f"{chr(65 + n)}{number}", cell) for n, cell in enumerate(cells))
    return f'<row r="{number}">{written}</row>' if cells else ""


def _cell(place: str, cell: object) -> str:
    value, kind = cell if isinstance(cell, tuple) else (cell, TEXT)
    if kind == SKIP:
        return ""
    if kind == TEXT:
        text = escape(str(value)).replace("\r", "&#13;")
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    return f'<c r="{place}" s="{_STYLES[kind]}"><v>{value!r}</v></c>'
