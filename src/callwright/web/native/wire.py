"""How single values are written in requests: moments, ids, counts, cursors.

Stricter than pydantic by itself, which takes `1_000`, ` 1`, `true` for numbers and numbers
for moments.
"""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

from callwright.errors import FieldInvalid

PREFIX = "/v1"
"""Where the native API is served."""

MAX_ID = 2**63 - 1
MAX_PAGE = 500

_DIGITS = re.compile(r"[0-9]{1,19}\Z", re.ASCII)
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})\Z",
    re.ASCII,
)


def read_moment(value: object) -> datetime:
    """The moment that an RFC 3339 text names, in UTC.

    Raises:
        ValueError: it is none, or lies outside the years that can be told.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise ValueError("must be a moment with its zone, such as 2030-12-31T18:00:00Z")
    # datetime keeps microseconds; what is finer is cut off
    text = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value.upper())
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no moment that exists") from None


def _digits(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.match(value):
        raise ValueError("must be a whole number in digits")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(read_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment that a request names."""


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a character, which is no Unicode text") from None
    return text


Text = Annotated[str, Strict(), AfterValidator(_unicode)]
_Whole = BeforeValidator(_digits)
_Id = Annotated[int, Field(ge=1, le=MAX_ID), _Whole]
PathId = Annotated[_Id, Path()]
QueryId = Annotated[_Id | None, Query()]
Limit = Annotated[
    int, Field(ge=1, le=MAX_PAGE), _Whole, Query(description="Most items of the page")
]
Cursor = Annotated[
    str | None,
    Query(max_length=200, description="`next` of the page before; opaque"),
]
NumberEnd = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,6}$")]
"""The last digits of a phone number; whole numbers never stand in URLs."""


def _to_seconds(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


Told = Annotated[
    datetime,
    PlainSerializer(_to_seconds, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment that a reply tells, to the microsecond if that is known."""


def write_cursor(kind: str, number: int) -> str:
    """Where a list of `kind` goes on: after `number`."""
    return base64.urlsafe_b64encode(f"{kind}:{number}".encode("ascii")).decode().rstrip("=")


def read_cursor(kind: str, text: str | None) -> int | None:
    """The number in a cursor of `kind`; None = from the start.

    Raises:
        FieldInvalid: it is no cursor, or another list's.
    """
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        plain = base64.urlsafe_b64decode(padded).decode("ascii")
    except (binascii.Error, ValueError):
        plain = ""
    given, _, number = plain.partition(":")
    if given != kind or not _DIGITS.match(number) or not 0 <= int(number) <= MAX_ID:
        raise FieldInvalid("cursor", "is none that this list gave")
    return int(number)
