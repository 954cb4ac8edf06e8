"""Rows of a CSV file with the line each starts on: RFC 4180 as spreadsheets write it.

Finds the delimiter by the header row, which names the number column. A semicolon that
starts `;ani=` or `;postd=` never separates: it belongs to the number before it. What a
cell means is left to `contacts`.

Python's csv module does the cutting; the traps it leaves open are closed here: an unclosed
quote that swallows the file, text after a closing quote, NUL, a byte order mark in the
first name, repeated names. Its own limit of 131,072 characters a cell is never reached,
because `CsvLines` cuts a row off before.

`read` can be given somebody who takes many rows at a time where nothing is out of the
ordinary (`csv_blocks`); what that one leaves is read here row by row, and so are all lines
that a message names.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callwright.dialects.charset import quote_for_people
from callwright.dialects.content import Content
from callwright.dialects.csv_text import CsvLines, Encoding
from callwright.errors import FieldInvalid, ListInvalid, TooLarge

NUMBER_COLUMNS = frozenset({"destination", "phone_number"})
MAX_CELL_BYTES = 8 * 1024
MAX_NAME_CHARS = 128

_DELIMITERS = (",", "\t", ";")
_SEP_LINE = re.compile(r'"?sep=([,;\t|])"?[\r\n]*\Z', re.IGNORECASE)
DIAL_PARAMETER = re.compile(r"\s*(?:ani|postd)\s*=", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first row: what the columns are called and which holds the number."""

    line: int
    text: str
    """As it was sent, without its line end."""
    names: tuple[str, ...]
    """Trimmed, spelt as in the file; different from one another without case."""
    number_at: int
    delimiter: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row: as many cells as the header has names, unless `problem` says what is wrong."""

    line: int
    cells: list[str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Many rows at once, as the call that they make: `values` is as `add_rows` takes it."""

    rows: int
    values: list[str]


class CsvReader:
    """A CSV file: its header, read at once, and its rows, read as they are asked for.

    Blank rows are counted apart against `max_rows`: a double-spaced list is still read,
    and a file of nothing but line ends comes to an end.

    Raises:
        ListInvalid: the header is unusable; names the line. Iterating raises it where the
            file cannot be cut into rows any further.
        FieldInvalid: there is no header at all.
        TooLarge: while iterating, past `max_rows`.
    """

    def __init__(
        self, data: Content, encoding: Encoding, *, max_rows: int, max_columns: int
    ) -> None:
        self._lines = CsvLines(data, encoding)
        self._max_rows = max_rows
        self.header = _read_header(self._lines, max_columns)
        self._lines.take_back()

    @property
    def bytes_read(self) -> int:
        """How much of the file was looked at so far."""
        return self._lines.bytes_read

    @property
    def row_text(self) -> str:
        """The latest row as it was sent, without its line end."""
        return self._lines.row_text.rstrip("\r\n")

    def __iter__(self) -> Iterator[Row]:
        """The rows that are not blank, short ones filled up with empty cells."""
        for row in self.read(lambda text: None):
            assert isinstance(row, Row)
            yield row

    def read(self, take_block: Callable[[str], Block | None]) -> Iterator[Row | Block]:
        """The same rows in the same order; those that `take_block` takes as its blocks.

        `take_block` is given text that most likely consists of whole rows. It may only take
        what is as long as the header in every row and has no fault.
        """
        filled = blank = 0
        rows = self._cut()
        while True:
            if text := self._lines.block():
                block = take_block(text)
                if block is not None and filled + block.rows <= self._max_rows:
                    self._lines.skip(text)
                    filled += block.rows
                    yield block
                    continue
            try:
                row = next(rows)
            except StopIteration:
                return
            if row is None:
                blank += 1
            else:
                filled += 1
            if filled > self._max_rows or blank > self._max_rows:
                raise TooLarge(f"csv: has more than {self._max_rows} rows (limits.csv_rows).")
            if row is not None:
                yield row

    def _cut(self) -> Iterator[Row | None]:
        """Every row in order; None for a blank one."""
        lines = self._lines
        width = len(self.header.names)
        number_at = self.header.number_at
        rejoin = self.header.delimiter == ";"
        reader = csv.reader(lines, delimiter=self.header.delimiter, strict=True)
        while True:
            line = lines.start_row()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                if lines.is_over:
                    raise ListInvalid([(line, "a quote is opened and never closed")], 1) from None
                yield Row(line, [], "text follows a closing quote; a quote inside is written twice")
                continue
            if rejoin and len(cells) > 1:
                cells = _rejoin_parameters(cells, number_at)
            if len(cells) == width and cells[number_at].strip() and not lines.saw_nul:
                yield Row(line, cells, _oversize(cells))
            elif any(cell and not cell.isspace() for cell in cells):
                yield _unusual_row(line, cells, width, lines.saw_nul)
            else:
                yield None


def _unusual_row(line: int, cells: list[str], width: int, saw_nul: bool) -> Row:
    if saw_nul:
        return Row(line, [], "holds a NUL character")
    if len(cells) > width:
        return Row(line, [], f"has {len(cells)} cells, but the header names {width} columns")
    return Row(line, cells + [""] * (width - len(cells)), _oversize(cells))


def _oversize(cells: list[str]) -> str:
    # Four bytes is the most a character takes, so most rows need no encoding.
    for cell in cells:
        if len(cell) * 4 > MAX_CELL_BYTES and len(cell.encode()) > MAX_CELL_BYTES:
            return f"has a cell over {MAX_CELL_BYTES >> 10} KiB"
    return ""


def _rejoin_parameters(cells: list[str], number_at: int) -> list[str]:
    """`cells` with what a semicolon cut off the number put back."""
    end = number_at + 1
    while end < len(cells) and DIAL_PARAMETER.match(cells[end]):
        end += 1
    if end <= number_at + 1:
        return cells
    return [*cells[:number_at], ";".join(cells[number_at:end]), *cells[end:]]


def _read_header(lines: CsvLines, max_columns: int) -> Header:
    delimiter = ""
    while True:
        line = lines.start_row()
        text = _read_whole_row(lines)
        if text is None:
            raise FieldInvalid("csv", "is empty: a header row and at least one contact are needed")
        separator = _SEP_LINE.match(text) if line == 1 else None
        if separator is not None:
            delimiter = separator[1]
        elif text.strip():
            break
    if lines.saw_nul:
        raise ListInvalid([(line, "holds a NUL character; save the list as UTF-8")], 1)
    names, delimiter = cut_header(text, line, delimiter)
    problem = _what_is_wrong(names, max_columns)
    if problem:
        raise ListInvalid([(line, problem)], 1)
    number_at = next(i for i, name in enumerate(names) if name.lower() in NUMBER_COLUMNS)
    return Header(
        line=line,
        text=text.rstrip("\r\n"),
        names=names,
        number_at=number_at,
        delimiter=delimiter,
    )


def _read_whole_row(lines: CsvLines) -> str | None:
    """The text up to the first line end outside quotes, or None at the end of the file."""
    text = next(lines, None)
    if text is None:
        return None
    quotes = text.count('"')
    while quotes % 2:
        more = next(lines, None)
        if more is None:
            problem = "a quote is opened and never closed"
            raise ListInvalid([(lines.row_line, problem)], 1)
        quotes += more.count('"')
        text += more
    return text


def cut_header(text: str, line: int, delimiter: str = "") -> tuple[tuple[str, ...], str]:
    """The names and the delimiter: of those that leave a number column whole, the one that
    makes most columns.

    Raises:
        ListInvalid: none does.
    """
    best: tuple[str, ...] = ()
    chosen = ""
    for candidate in (delimiter,) if delimiter else _DELIMITERS:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=candidate, strict=True))
        except csv.Error:
            continue
        names = tuple(name.strip() for name in rows[0])
        if any(name.lower() in NUMBER_COLUMNS for name in names) and len(names) > len(best):
            best, chosen = names, candidate
    if not chosen:
        problem = "the header row names no destination or phone_number column"
        raise ListInvalid([(line, problem)], 1)
    return best, chosen


def _what_is_wrong(names: tuple[str, ...], max_columns: int) -> str:
    if len(names) > max_columns:
        return f"has {len(names)} columns; at most {max_columns} are allowed"
    seen: set[str] = set()
    for position, name in enumerate(names, 1):
        folded = name.casefold()
        if not name:
            return f"column {position} has no name"
        if len(name) > MAX_NAME_CHARS or _CONTROL.search(name):
            return f"the name of column {position} is too long or holds control characters"
        if folded in seen:
            return f"two columns are named {quote_for_people(name)}"
        seen.add(folded)
    if len(seen & NUMBER_COLUMNS) > 1:
        return "has both a destination and a phone_number column; only one can hold the number"
    return ""
