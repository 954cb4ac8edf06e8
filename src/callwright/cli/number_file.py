"""Phone numbers in a file, each with its line: one a line, or a column of a CSV."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from callwright.errors import FieldInvalid

COLUMNS = ("phone_number", "destination", "number")
"""Names of the column that holds the numbers, as lists of calls have them."""

_DELIMITERS = ",;\t"


def read_numbers(file: Path) -> list[tuple[int, str]]:
    """(line, number as written) of every line that has something; lines count from 1.

    A file whose first line names one of `COLUMNS` is a CSV with a header row; any other is a
    list with one number on each line. Lines that begin with `#` are skipped.

    Raises:
        FieldInvalid: it cannot be read, is no text, or holds several columns of which none
            is called like a number.
    """
    # Line ends as editors count them; `splitlines` knows eight more.
    lines = io.StringIO(_text(file), newline=None).read().split("\n")
    try:
        return _read(file, lines)
    except csv.Error as exc:
        raise FieldInvalid("FILE", f"{file}: cannot be read as CSV: {exc}") from None


def _read(file: Path, lines: list[str]) -> list[tuple[int, str]]:
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    header = [
        name.strip().casefold() for name in next(csv.reader([first], delimiter=delimiter), [])
    ]
    column = next((header.index(name) for name in COLUMNS if name in header), None)
    if column is not None:
        return list(_column(lines, delimiter, column))
    if len(header) > 1:
        raise FieldInvalid(
            "FILE", f"{file}: the first line must name a column {' or '.join(COLUMNS)}"
        )
    stripped = ((line, text.strip()) for line, text in enumerate(lines, 1))
    return [(line, text) for line, text in stripped if text and not text.startswith("#")]


def _column(lines: list[str], delimiter: str, column: int) -> Iterator[tuple[int, str]]:
    rows = csv.reader(lines, delimiter=delimiter)
    is_header = True
    for row in rows:
        if not any(cell.strip() for cell in row) or row[0].startswith("#"):
            continue
        if not is_header:
            yield rows.line_num, row[column].strip() if column < len(row) else ""
        is_header = False


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise FieldInvalid("FILE", f"{file}: {exc.strerror}") from None
    if b"\0" in data:
        raise FieldInvalid("FILE", f"{file} is no text; save the list as CSV")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what spreadsheets write; numbers are ASCII
