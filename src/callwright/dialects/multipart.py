"""Bodies of multipart/form-data, as real clients write them.

The boundary may come from the header or from the body's first line; parts may say
`attachment` instead of `form-data`; line ends are CRLF, or LF throughout. What is never
guessed is the end: a body without its closing boundary was cut off and is refused, since
its last field may be half a field. Files are not copied: an `Upload` looks into the body.

Source: RFC 7578, RFC 2046 section 5.1.
"""

import re
from dataclasses import dataclass

from callwright.dialects.charset import decode_text, quote_for_people
from callwright.dialects.content import Content, find, part_of, starts_with
from callwright.dialects.form import LIST_FIELD, MAX_FIELD_BYTES, Field, Upload
from callwright.dialects.media_type import parameters
from callwright.errors import BodyMalformed

MAX_PARTS = 20
MAX_PART_HEADER_BYTES = 8 * 1024
MAX_AROUND_BYTES = 1024
"""Longest text before the first boundary or after the last."""

MAX_BOUNDARY_BYTES = 200
MAX_PADDING_BYTES = 100
MAX_NEAR_BOUNDARIES = 1000

_START_BYTES = 4096
"""Far more than a first line with the longest boundary."""

# RFC 2046 allows 70 characters of a small set; what has been seen is any printable ASCII.
_FIRST_LINE = re.compile(
    rb"(?:\r?\n)?--([\x21-\x7e]{1,200}?)(?:[ \t]*\r?\nContent-|--[ \t]*(?:\r?\n)?\Z)",
    re.IGNORECASE,
)
_IDENTITY_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Framing:
    """Where the first part starts and what separates the parts from there on."""

    delimiter: bytes
    newline: bytes
    first_part: int | None
    """None: the first boundary is the closing one, and there are no parts."""


def find_framing(body: Content, named: str | None) -> Framing | None:
    """How `body` is really cut, or None if it is not multipart.

    `named` is the boundary that the header gives; it counts only if the body uses it.

    Raises:
        BodyMalformed: it uses it, but only after more text than may stand before.
    """
    if named and len(named) <= MAX_BOUNDARY_BYTES and named.isascii():
        boundary = named.encode("ascii")
        framing = _framing_at_start(body, boundary)
        if framing is not None:
            return framing
    first_line = _FIRST_LINE.match(body[:_START_BYTES])
    if first_line is not None:
        return _framing_at_start(body, first_line[1])
    if named and find(body, f"\n--{named}\r\n".encode()) >= 0:
        raise BodyMalformed("There is too much text before the multipart body's first boundary.")
    return None


def _framing_at_start(body: Content, boundary: bytes) -> Framing | None:
    delimiter = b"--" + boundary
    at = 0
    if not starts_with(body, delimiter):
        at = find(body, b"\n" + delimiter, 0, MAX_AROUND_BYTES + len(delimiter)) + 1
        if at == 0:
            return None
    closing, position = _after_delimiter(body, at + len(delimiter))
    for newline in (b"\r\n", b"\n"):
        if starts_with(body, newline, position):
            first_part = None if closing else position + len(newline)
            return Framing(delimiter, newline, first_part)
    return Framing(delimiter, b"\r\n", None) if closing and position == len(body) else None


def _after_delimiter(body: Content, position: int) -> tuple[bool, int]:
    """Whether the delimiter that ends at `position` closes the body, and where its line ends."""
    closing = starts_with(body, b"--", position)
    position += 2 * closing
    padding = bytes(body[position : position + MAX_PADDING_BYTES])
    return closing, position + len(padding) - len(padding.lstrip(b" \t"))


def read_multipart(body: Content, framing: Framing) -> list[Field]:
    """The parts in order.

    Raises:
        BodyMalformed: no closing boundary, a part without a name, or over a limit.
    """
    separator = framing.newline + framing.delimiter
    fields: list[Field] = []
    files = 0
    start = framing.first_part
    while start is not None:
        if len(fields) == MAX_PARTS:
            raise BodyMalformed(
                f"The multipart body has more than {MAX_PARTS} parts; "
                "send metadata as one JSON text."
            )
        headers, content = _read_part_headers(body, start, framing.newline)
        end, start = _find_part_end(body, content, separator, framing.newline)
        # An empty part may lend its blank line to the delimiter.
        field = _make_field(headers, body, content, max(content, end))
        files += isinstance(field.value, Upload) and field.value.filename is not None
        if files > 1:
            raise BodyMalformed("The multipart body holds more than one file.")
        fields.append(field)
    return fields


def _read_part_headers(body: Content, start: int, newline: bytes) -> tuple[dict[str, str], int]:
    """The part's headers by lower-case name, and where its content starts."""
    if starts_with(body, newline, start):
        return {}, start + len(newline)
    blank_line = newline * 2
    end = find(body, blank_line, start, start + MAX_PART_HEADER_BYTES)
    if end < 0:
        raise BodyMalformed("A part of the multipart body has no end to its headers.")
    text = decode_text(bytes(body[start:end]), "A part's header")
    headers: dict[str, str] = {}
    last = ""
    for line in text.split(newline.decode()):
        if line[:1] in (" ", "\t") and last:
            headers[last] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise BodyMalformed("A part of the multipart body has a line that is no header.")
        last = name.strip().lower()
        headers[last] = value.strip()
    return headers, end + len(blank_line)


def _find_part_end(
    body: Content, content: int, separator: bytes, newline: bytes
) -> tuple[int, int | None]:
    """Where the content ends and where the next part starts (None: that was the last)."""
    search_from = content - len(newline)
    for _ in range(MAX_NEAR_BOUNDARIES):
        end = find(body, separator, search_from)
        if end < 0:
            raise BodyMalformed(
                "The multipart body ends without its closing boundary: it was cut off."
            )
        after = end + len(separator)
        closing, position = _after_delimiter(body, after)
        if closing and (position == len(body) or starts_with(body, newline, position)):
            if len(body) - position > MAX_AROUND_BYTES:
                raise BodyMalformed("There is too much text after the closing boundary.")
            return end, None
        if not closing and starts_with(body, newline, position):
            return end, position + len(newline)
        # A line of the content that only starts like the boundary.
        search_from = after
    raise BodyMalformed("Too many lines of the multipart body almost are its boundary.")


def _make_field(headers: dict[str, str], body: Content, start: int, end: int) -> Field:
    disposition = parameters(headers.get("content-disposition", ""))
    name = disposition.get("name", "")
    if not name:
        raise BodyMalformed("A part of the multipart body has no name.")
    if headers.get("content-transfer-encoding", "").lower() not in _IDENTITY_ENCODINGS:
        raise BodyMalformed(f"The part {quote_for_people(name)} has a transfer encoding.")
    filename = disposition.get("filename")
    if filename is not None or name == LIST_FIELD:
        return Field(
            name=name,
            value=Upload(
                data=part_of(body, start, end),
                filename=filename,
                content_type=headers.get("content-type"),
            ),
        )
    if end - start > MAX_FIELD_BYTES:
        raise BodyMalformed(
            f"The part {quote_for_people(name)} is longer than {MAX_FIELD_BYTES >> 10} KiB."
        )
    return Field(
        name=name, value=decode_text(bytes(body[start:end]), f"The part {quote_for_people(name)}")
    )
