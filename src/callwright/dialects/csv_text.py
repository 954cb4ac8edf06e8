"""The bytes of a CSV file as lines of text, in constant memory.

UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252. The encoding
is settled, and every byte checked, before the first line is handed out, so that a list is
never half read when its encoding turns out to be wrong.
"""

import codecs
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from callwright.errors import ListInvalid

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_ROW_CHARS = 64 * 1024

_SLICE = 1 << 20
_UNDEFINED_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class CsvLines(Iterator[str]):
    """The physical lines with their line ends, and where in the file we are.

    The reader of rows calls `start_row` before each row; a row may not grow past
    `MAX_ROW_CHARS`, since a quote that is never closed would swallow the rest of the file.
    """

    def __init__(self, data: memoryview) -> None:
        encoding, skip = _find_encoding(data)
        raw = io.BufferedReader(_ViewReader(data[skip:]), 1 << 16)
        self._text = io.TextIOWrapper(raw, encoding=encoding, newline="")
        self._row_chars = 0
        self.read = 0
        """Lines handed out so far, which is the number of the latest."""
        self.row_line = 1
        self.is_over = False
        self.saw_nul = False

    def start_row(self) -> int:
        """Say that the next line begins a row; its line number."""
        self._row_chars = 0
        self.saw_nul = False
        self.row_line = self.read + 1
        return self.row_line

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_CHARS + 1)
        if not line:
            self.is_over = True
            raise StopIteration
        self._row_chars += len(line)
        if self._row_chars > MAX_ROW_CHARS:
            problem = (
                f"the row is longer than {MAX_ROW_CHARS >> 10} KiB; is there a quote left open?"
            )
            raise ListInvalid([(self.row_line, problem)], 1)
        self.read += 1
        if "\0" in line:
            self.saw_nul = True
        return line


class _ViewReader(io.RawIOBase):
    """A file over bytes that stay where they are."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer)
        size = min(len(target), len(self._data) - self._at)
        target[:size] = self._data[self._at : self._at + size]
        self._at += size
        return size


def _find_encoding(data: memoryview) -> tuple[str, int]:
    """The encoding and the length of the byte order mark before the text."""
    start = bytes(data[:3])
    if start.startswith(codecs.BOM_UTF8):
        _require(data[3:], "utf-8", "UTF-8")
        return "utf-8", 3
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if start.startswith(mark):
            _require(data[2:], encoding, "UTF-16")
            return encoding, 2
    if _first_undecodable(data, "utf-8") is None:
        return "utf-8", 0
    if (undefined := _UNDEFINED_IN_1252.search(data)) is not None:
        line = _line_at(data[: undefined.start()], "windows-1252")
        raise ListInvalid([(line, "is neither UTF-8 nor Windows-1252 text")], 1)
    return "windows-1252", 0


def _require(data: memoryview, encoding: str, shown: str) -> None:
    offset = _first_undecodable(data, encoding)
    if offset is not None:
        raise ListInvalid([(_line_at(data[:offset], encoding), f"is not valid {shown}")], 1)


def _first_undecodable(data: memoryview, encoding: str) -> int | None:
    """Where the first byte stands that `encoding` does not explain, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for start in range(0, len(data), _SLICE):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + _SLICE], start + _SLICE >= len(data))
        except UnicodeDecodeError as exc:
            return start - pending + exc.start
    return None


def _line_at(before: memoryview, encoding: str) -> int:
    """The number of the line that follows the text `before`."""
    text = codecs.decode(before, encoding, "replace")
    return 1 + sum(1 for _ in _LINE_BREAK.finditer(text))
