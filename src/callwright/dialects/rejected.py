"""Refused rows of a list as a CSV that can be mended and sent again.

In front of the columns of the list stand the line and the problem of each row; a list that
has these columns is read without them (`contacts`). Cells that a spreadsheet would run as a
formula get an apostrophe in front, which is taken off again when the file comes back.
"""

import csv
import io
import re
from collections.abc import Iterator

from callwright.dialects.csv_reader import cut_header
from callwright.errors import ListInvalid

REPORT_COLUMNS = ("callwright_line", "callwright_problem")

BYTE_ORDER_MARK = "\ufeff"
"""Without it a spreadsheet takes UTF-8 for the local encoding."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def _guard(cell: str) -> str:
    """`cell` so that no spreadsheet runs it."""
    return "'" + cell if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """A cell of a report as it was sent."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell


class RejectedReport:
    """Writes the rows of one list."""

    def __init__(self, header: str, delimiter: str) -> None:
        """`header` is the list's own header row."""
        self._delimiter = delimiter
        cells = self._cut(header) or [header]
        # A report that was sent again and refused again has the columns already.
        self._left_out = [
            at for at, name in enumerate(cells) if name.strip().lower() in REPORT_COLUMNS
        ]
        self._names = [*REPORT_COLUMNS, *self._without(cells)]

    def head(self) -> str:
        """The beginning of the file, with its header row."""
        header = self._line(self._names)
        separator = f"sep={self._delimiter}\r\n" if not self._is_found_in(header) else ""
        return BYTE_ORDER_MARK + separator + header

    def row(self, line: int, problem: str, text: str) -> str:
        """A refused row; `text` is how it was sent."""
        cells = self._cut(text)
        # What cannot be cut is given back in one piece.
        sent = [text] if cells is None else self._without(cells)
        return self._line([str(line), problem, *map(_guard, sent)])

    def _cut(self, text: str) -> list[str] | None:
        try:
            rows: Iterator[list[str]] = csv.reader(
                io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True
            )
            (cells,) = rows
        except (csv.Error, ValueError):
            return None
        return cells

    def _without(self, cells: list[str]) -> list[str]:
        return [cell for at, cell in enumerate(cells) if at not in self._left_out]

    def _line(self, cells: list[str]) -> str:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self._delimiter, lineterminator="\r\n").writerow(cells)
        return out.getvalue()

    def _is_found_in(self, header: str) -> bool:
        """Whether a reader that is not told finds the same delimiter."""
        try:
            _, delimiter = cut_header(header, 1)
        except ListInvalid:
            return False
        return delimiter == self._delimiter
