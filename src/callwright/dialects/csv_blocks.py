"""Many rows of a list at once, where nothing about them is out of the ordinary.

The fast lane beside `contacts`: it takes a block of text only if the row-by-row reader
would take every row in it, and then gives just what that one would give. Everything else it
leaves: one doubt, and the whole block is read row by row. A test holds the two against each
other on whatever Hypothesis thinks of.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import chain

import msgspec

from callwright.dialects.csv_reader import DIAL_PARAMETER, MAX_CELL_BYTES, Block, Header
from callwright.dialects.fields import dial_string_of
from callwright.domain.phone import DialString, parse_plain_numbers
from callwright.errors import FieldInvalid

_FIELDS = 5
"""Texts a call: number as sent, in E.164, ani, postd, variables."""

_MAX_CHARS = MAX_CELL_BYTES // 4
"""Nothing shorter is over the limit, whatever its characters are."""

_encode = msgspec.json.Encoder().encode


def one_row(dial: DialString, names: Sequence[str], cells: Sequence[str]) -> Block:
    """A block of one call."""
    return Block(
        1, [dial.sent, dial.number.e164, dial.ani, dial.postd, _variables_text(names, cells)]
    )


def _variables_text(names: Sequence[str], cells: Sequence[str]) -> str:
    """The variables of a call as a JSON object."""
    return _encode(dict(zip(names, cells, strict=True))).decode()


class BlockReader:
    """Reads blocks of one list."""

    def __init__(self, header: Header, names: Mapping[int, str], *, default_country: str) -> None:
        """`names` are those of the variables by the position of their column, in order."""
        self._delimiter = header.delimiter
        self._width = len(header.names)
        self._number_at = header.number_at
        self._number_name = header.names[header.number_at]
        self._default_country = default_country
        self._kept = tuple(names)
        self._names = tuple(names.values())
        self._template = _json_template(self._names)

    def read(self, text: str) -> Block | None:
        """The calls that `text` makes, or None for text that must be read row by row."""
        rows = self._cut(text)
        if rows is None:
            return None
        try:
            columns = list(zip(*rows, strict=True))
        except ValueError:
            return None
        if len(columns) != self._width:
            return None
        dials = self._dial(columns[self._number_at])
        variables = self._variables([columns[at] for at in self._kept], len(rows))
        if dials is None or variables is None:
            return None
        values = [""] * (_FIELDS * len(rows))
        for at, column in enumerate((*dials, variables)):
            if column is not None:
                values[at::_FIELDS] = column
        return Block(len(rows), values)

    def _cut(self, text: str) -> Sequence[Sequence[str]] | None:
        """The rows of `text`, as csv.reader cuts them."""
        if "\0" in text or text.count("\r") != text.count("\r\n"):
            return None
        if self._delimiter == ";" and DIAL_PARAMETER.search(text):
            return None  # a semicolon that separates nothing
        if '"' in text:
            lines = io.StringIO(text, newline="\n")
            try:
                return list(csv.reader(lines, delimiter=self._delimiter, strict=True))
            except csv.Error:
                return None
        lines_ = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
        return [line.split(self._delimiter) for line in lines_]

    def _dial(
        self, texts: Sequence[str]
    ) -> tuple[Sequence[str], Sequence[str], Sequence[str] | None, Sequence[str] | None] | None:
        """Number as sent, in E.164, ani and postd of each (None: nobody has any)."""
        numbers = parse_plain_numbers(texts, default_country=self._default_country)
        if numbers is not None:
            return texts, numbers, None, None
        try:
            dials = [
                dial_string_of(text, default_country=self._default_country, field=self._number_name)
                for text in texts
            ]
        except FieldInvalid:
            return None
        return (
            [dial.sent for dial in dials],
            [dial.number.e164 for dial in dials],
            [dial.ani for dial in dials],
            [dial.postd for dial in dials],
        )

    def _variables(self, columns: Sequence[Sequence[str]], rows: int) -> Sequence[str] | None:
        """The variables of each row as a JSON object; None if some cell may be too long."""
        if not columns:
            return ["{}"] * rows
        if _needs_no_escape("".join(chain.from_iterable(columns))):
            template = self._template
            variables = [template % cells for cells in zip(*columns, strict=True)]
        else:
            names = self._names
            variables = [_variables_text(names, cells) for cells in zip(*columns, strict=True)]
        # No cell is longer than the object that it stands in.
        if max(map(len, variables)) > _MAX_CHARS and any(
            max(map(len, column)) > _MAX_CHARS for column in columns
        ):
            return None
        return variables


def _needs_no_escape(text: str) -> bool:
    """Whether JSON can hold `text` as it is. False now and then where it could."""
    return '"' not in text and "\\" not in text and text.isprintable()


def _json_template(names: Sequence[str]) -> str:
    """A %-template that makes the JSON object of cells in which nothing must be escaped."""
    keys = (_encode(name).decode().replace("%", "%%") for name in names)
    return "{" + ",".join(f'{key}:"%s"' for key in keys) + "}"
