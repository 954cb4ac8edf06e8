"""The bytes of a CSV file as text, by lines or by many lines at a time, in constant memory.

UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252. The encoding
is settled, and every byte checked, before the first line is handed out, so that a list is
never half read when its encoding turns out to be wrong.
"""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from callwright.dialects.content import Content, pieces_of
from callwright.errors import ListInvalid

MAX_ROW_CHARS = 64 * 1024

BLOCK_BYTES = 48 * 1024
"""How much is read at a time; with the beginning of a line, less than `MAX_ROW_CHARS`."""

_UNDEFINED_IN_1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the text of a file is written, and where it starts: after a byte order mark."""

    name: str
    text_at: int


class CsvLines(Iterator[str]):
    """The physical lines with their line ends, and where in the file we are.

    The reader of rows calls `start_row` before each row; a row may not grow past
    `MAX_ROW_CHARS`, since a quote that is never closed would swallow the rest of the file.

    Between rows it may also take a `block` of lines at once, and `skip` it or not.
    """

    def __init__(self, data: Content, encoding: Encoding) -> None:
        self._data = data
        self._decoder = codecs.getincrementaldecoder(encoding.name)()
        self.bytes_read = encoding.text_at
        """How much of the file was looked at; the text ahead of the lines included."""
        self._text = ""  # whole lines, and at the end of the file what is left
        self._rest = ""  # the beginning of a line
        self._lines = io.StringIO()  # what is being handed out line by line
        self._chars_in_lines = 0
        self._row: list[str] = []
        self._row_chars = 0
        self.read = 0
        """Lines handed out so far, which is the number of the latest."""
        self.row_line = 1
        self.is_over = False
        self.saw_nul = False

    def start_row(self) -> int:
        """Say that the next line begins a row; its line number."""
        self._row_chars = 0
        self._row.clear()
        self.saw_nul = False
        self.row_line = self.read + 1
        return self.row_line

    @property
    def row_text(self) -> str:
        """What the row consists of so far."""
        return "".join(self._row)

    def __next__(self) -> str:
        if not self._chars_in_lines and not self._start_lines():
            self.is_over = True
            raise StopIteration
        line = self._lines.readline(MAX_ROW_CHARS + 1)
        self._chars_in_lines -= len(line)
        self._row_chars += len(line)
        if self._row_chars > MAX_ROW_CHARS:
            problem = (
                f"the row is longer than {MAX_ROW_CHARS >> 10} KiB; is there a quote left open?"
            )
            raise ListInvalid([(self.row_line, problem)], 1)
        self.read += 1
        self._row.append(line)
        if "\0" in line:
            self.saw_nul = True
        return line

    def block(self) -> str:
        """Text that the next line begins and that most likely ends with a row; "" = none.

        Never longer than a row may be. Ask only between rows, and then go on with `skip` or
        with the first of its lines.
        """
        if self._chars_in_lines:
            return ""
        while True:
            end = _end_of_rows(self._text)
            if end or len(self._text) > MAX_ROW_CHARS:
                return self._text[:end]
            known = len(self._text) + len(self._rest)
            self._text, self._rest = "", self._text + self._rest
            self._refill()
            if len(self._text) + len(self._rest) == known:
                return self._text[: _end_of_rows(self._text)]

    def take_back(self) -> None:
        """Take back the lines not yet handed out, so that a block can be made of them."""
        self._text = self._lines.read() + self._text
        self._chars_in_lines = 0

    def skip(self, block: str) -> None:
        """Go on behind `block`, just asked for."""
        self.read += block.count("\n") + (not block.endswith("\n"))
        self._text = self._text[len(block) :]

    def _start_lines(self) -> bool:
        """Hand the next text out by lines; False: there is none."""
        if not self._text:
            self._refill()
        self._lines = io.StringIO(self._text, newline="")
        self._chars_in_lines = len(self._text)
        self._text = ""
        return self._chars_in_lines > 0

    def _refill(self) -> None:
        """Take more text, up to the end of a line; or of the file, or longer than any row."""
        text = self._rest
        end = 0
        while not end:
            raw = self._data[self.bytes_read : self.bytes_read + BLOCK_BYTES]
            self.bytes_read += len(raw)
            more = self._decoder.decode(raw, not raw)
            text += more
            # A lone CR ends a line too, but only if no LF can follow it any more.
            end = text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1
            if not raw or (not end and len(text) > MAX_ROW_CHARS):
                end = len(text)
                break
        self._text, self._rest = text[:end], text[end:]


def _end_of_rows(text: str) -> int:
    """Where the last row of `text` ends that most likely ends in it; 0 = none does."""
    end = len(text)
    if end > MAX_ROW_CHARS:
        end = text.rfind("\n", 0, MAX_ROW_CHARS) + 1
    # Where quotes come in pairs, a line end outside them has an even number before it.
    quotes = text.count('"', 0, end)
    while quotes % 2:
        before = text.rfind("\n", 0, end - 1) + 1
        quotes -= text.count('"', before, end)
        end = before
    return end


def find_encoding(data: Content) -> Encoding:
    """How the text of a file is written.

    Raises:
        ListInvalid: not in any way we read; names the line.
    """
    start = bytes(data[:3])
    if start.startswith(codecs.BOM_UTF8):
        _require(data, 3, "utf-8", "UTF-8")
        return Encoding(name="utf-8", text_at=3)
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if start.startswith(mark):
            _require(data, 2, encoding, "UTF-16")
            return Encoding(name=encoding, text_at=2)
    if _first_undecodable(data, 0, "utf-8") is None:
        return Encoding(name="utf-8", text_at=0)
    for at, piece in pieces_of(data):
        if (undefined := _UNDEFINED_IN_1252.search(piece)) is not None:
            line = _line_at(data, 0, at + undefined.start(), "windows-1252")
            raise ListInvalid([(line, "is neither UTF-8 nor Windows-1252 text")], 1)
    return Encoding(name="windows-1252", text_at=0)


def _require(data: Content, text_at: int, encoding: str, shown: str) -> None:
    offset = _first_undecodable(data, text_at, encoding)
    if offset is not None:
        line = _line_at(data, text_at, offset, encoding)
        raise ListInvalid([(line, f"is not valid {shown}")], 1)


def _first_undecodable(data: Content, text_at: int, encoding: str) -> int | None:
    """Where the first byte stands that `encoding` does not explain, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    pending = 0
    done = text_at
    try:
        for _, piece in pieces_of(data, text_at):
            # Most lists are ASCII, which is seen ten times faster than it is decoded.
            if encoding != "utf-8" or pending or not bytes(piece).isascii():
                decoder.decode(piece)
                pending = len(decoder.getstate()[0])
            done += len(piece)
        decoder.decode(b"", True)
    except UnicodeDecodeError as exc:
        return done - pending + exc.start
    return None


def _line_at(data: Content, text_at: int, offset: int, encoding: str) -> int:
    """The number of the line that the byte at `offset` stands in."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    lines = 1
    ends_with_cr = False
    for at, piece in pieces_of(data, text_at):
        if at >= offset:
            break
        text = decoder.decode(piece[: offset - at])
        if text:
            lines += sum(1 for _ in _LINE_BREAK.finditer(text))
            lines -= ends_with_cr and text.startswith("\n")
            ends_with_cr = text.endswith("\r")
    return lines
