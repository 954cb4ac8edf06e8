"""What a request body says, once read: named values in the order they came.

Three readers make a `Form` (multipart, urlencoded, JSON), one more wraps a raw CSV body.
Which of them runs is decided in `bodies`; what the values mean is decided in `fields`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from callwright.dialects.content import Content

LIST_FIELD = "csv"
"""The one field that may be as large as a list of contacts; it is never decoded here."""

MAX_FIELDS = 50
MAX_FIELD_BYTES = 64 * 1024


class BodyKind(StrEnum):
    """How the body was written, whatever its header said."""

    EMPTY = "empty"
    MULTIPART = "multipart"
    URLENCODED = "urlencoded"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Bytes that are kept as they came: a file part, or whatever came as `csv`."""

    data: Content
    filename: str | None = None
    """What the client called the file, for people to read; never a path to open.
    None = sent as a plain value."""
    content_type: str | None = None


FieldValue = str | Upload | Mapping[str, object] | Sequence[object]
"""Text, bytes, or (only in a JSON body) an object or array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One name and one value."""

    name: str
    value: FieldValue
    unescaped_plus: bool = False
    """The value is a number whose leading + was sent bare and so arrived as a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A whole body. Names may repeat; nothing was dropped."""

    kind: BodyKind
    fields: list[Field]

    def every(self, name: str) -> list[Field]:
        """The fields of that name, in the order they came."""
        return [field for field in self.fields if field.name == name]

    def last(self, name: str) -> Field | None:
        """The field of that name that wins, or None."""
        return next((field for field in reversed(self.fields) if field.name == name), None)
