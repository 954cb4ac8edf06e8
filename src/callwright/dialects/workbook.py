"""A sheet of a workbook (.xlsx, .xlsb, .xls, .ods) as the CSV text it would be saved as.

One line of text for each row of the sheet, from the first on, so that a message about line
7 means row 7; a line break inside a cell becomes a space. Cells are written as people see
them, as far as that is certain: whole numbers without a point (a phone number is kept as a
number more often than not), others with the 15 digits that a spreadsheet keeps, dates by
ISO 8601. A number of more than 15 digits has lost the others: it is written with its
exponent, which no reader of phone numbers takes.

Needs python-calamine (the extra `xlsx`). It reads the whole sheet into memory: whoever
opens workbooks of strangers does so in a process of its own (`service.workbook`).
"""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from callwright.dialects.content import Content, starts_with
from callwright.dialects.form import LIST_FIELD
from callwright.errors import ConfigInvalid, FieldInvalid

EXTRA_MISSING = (
    "reading workbooks needs the extra xlsx: pip install 'callwright[xlsx]' "
    "(or save the sheet as CSV)"
)

_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""A zip archive, and the older compound file."""

_BREAK = re.compile(r"\r\n|[\r\n]")
_EXACT = 10**15

Cell = str | bool | int | float | datetime | date | time | timedelta


def is_workbook(data: Content) -> bool:
    """Whether `data` begins like a workbook. No text file does."""
    return any(starts_with(data, magic) for magic in _MAGIC)


def csv_lines(data: bytes, sheet: str = "") -> Iterator[str]:
    """The lines of the sheet of that name, or of the first that is not hidden.

    Raises:
        ConfigInvalid: python-calamine is not installed.
        FieldInvalid: it is no workbook, or has no such sheet.
    """
    try:
        import python_calamine
    except ImportError:
        raise ConfigInvalid(EXTRA_MISSING) from None
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        visible = [
            about.name
            for about in book.sheets_metadata
            if about.visible == python_calamine.SheetVisibleEnum.Visible
            and about.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
        if sheet and sheet not in book.sheet_names:
            known = ", ".join(visible)
            raise FieldInvalid(LIST_FIELD, f"the workbook has no sheet {sheet!r}; it has: {known}")
        if not sheet and not visible:
            raise FieldInvalid(LIST_FIELD, "the workbook has no sheet to be seen")
        page = book.get_sheet_by_name(sheet or visible[0])
        rows = page.iter_rows()  # with empty rows above, without empty columns to the left
    except python_calamine.CalamineError as exc:
        raise FieldInvalid(LIST_FIELD, f"the workbook cannot be read: {exc}") from None
    for row in rows:
        yield _line([_text_of(cell) for cell in row])


def _line(cells: list[str]) -> str:
    while cells and not cells[-1]:
        cells.pop()
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _text_of(cell: Cell) -> str:
    match cell:
        case str():
            return _BREAK.sub(" ", cell)
        case bool():
            return "TRUE" if cell else "FALSE"
        case int() | float():
            return _number(cell)
        case datetime():
            return cell.isoformat(" ", "seconds")
        case date():
            return cell.isoformat()
        case time():
            return cell.isoformat("seconds")
        case timedelta():
            return _span(cell)


def _number(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if abs(value) >= _EXACT:
        return f"{value:.14E}"
    return str(int(value)) if value == int(value) else format(value, ".15g")


def _span(value: timedelta) -> str:
    """Hours, minutes and seconds, as a spreadsheet shows a length of time."""
    sign = "-" if value < timedelta(0) else ""
    minutes, seconds = divmod(round(abs(value).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{seconds:02}"
