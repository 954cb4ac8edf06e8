"""A workbook (XLSX, XLS, ODS) as the CSV that a server takes.

Needs the package python-calamine, which is not installed with the rest. The first sheet
counts. A row of it becomes a line of the same number, so that what a server says of a line
is true of the row; line ends within a cell become spaces for that.
"""

import csv
import datetime as dt
import io
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from callwright.errors import FieldInvalid

_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How the files of such programs start, whatever they are called."""


def is_workbook(file: Path, source: IO[bytes]) -> bool:
    """Whether a file, open as `source`, is no text but a workbook, or means to be one."""
    start = source.read(4)
    source.seek(0)
    return start in (_ZIP, _OLE) or file.suffix.lower() in _SUFFIXES


def write_csv(file: Path, source: IO[bytes], out: IO[bytes]) -> None:
    """Write the first sheet of the workbook `file`, open as `source`, as CSV in UTF-8.

    Raises:
        FieldInvalid: it cannot be read, or what reads workbooks is not installed.
    """
    try:
        calamine: Any = import_module("python_calamine")
    except ModuleNotFoundError:
        raise FieldInvalid(
            "FILE",
            f"{file} is a workbook, which takes `pip install python-calamine` to read; "
            "or save it as CSV",
        ) from None
    try:
        book = calamine.CalamineWorkbook.from_filelike(source)
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except calamine.CalamineError as exc:
        raise FieldInvalid("FILE", f"{file} is no workbook that can be read: {exc}") from None
    text = io.TextIOWrapper(out, encoding="utf-8", errors="replace", newline="")
    writer = csv.writer(text)
    writer.writerows([_text(cell) for cell in row] for row in rows)
    text.flush()
    text.detach()


def _text(cell: object) -> str:
    """A cell as a person sees it: whole numbers without a point, moments in ISO 8601."""
    match cell:
        case bool():
            return str(cell).lower()
        case float() if cell.is_integer():
            return str(int(cell))
        case dt.datetime() | dt.date() | dt.time():
            return cell.isoformat()
    return " ".join(str(cell).splitlines())
