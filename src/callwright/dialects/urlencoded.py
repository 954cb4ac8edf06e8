"""Bodies of the form `name=value&name=value`.

Only `&` separates. A percent sign that starts no escape stands for itself.

Source: WHATWG URL, "application/x-www-form-urlencoded parsing".
"""

import re

from callwright.dialects.charset import decode_text, quote_for_people
from callwright.dialects.content import Content
from callwright.dialects.form import LIST_FIELD, MAX_FIELD_BYTES, MAX_FIELDS, Field, Upload
from callwright.errors import BodyMalformed, TooLarge

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A list in an urlencoded body must be unescaped in memory; larger ones go as a file."""

# `phone_number=tel:+1617…` typed by hand: the + means a space in this encoding. A space
# that was escaped (%20) is a space somebody meant.
_BARE_PLUS = re.compile(rb"(?:tel(?::|%3a))?\+(?=[0-9])", re.IGNORECASE)


# A run of escapes at a time: a body of nothing else must not cost seconds.
_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


def read_urlencoded(body: Content) -> list[Field]:
    """The fields in order.

    Raises:
        BodyMalformed: too many fields, a field too long, or text of no known encoding.
        TooLarge: over `MAX_BODY_BYTES`.
    """
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(
            f"A form over {MAX_BODY_BYTES >> 20} MiB must be sent as multipart/form-data."
        )
    # Some clients end the body with a line break that belongs to no value.
    pieces = [piece for piece in bytes(body[:]).rstrip(b"\r\n").split(b"&") if piece]
    if len(pieces) > MAX_FIELDS:
        raise BodyMalformed(f"The form has more than {MAX_FIELDS} fields.")
    return [_read_field(piece) for piece in pieces]


def _read_field(piece: bytes) -> Field:
    raw_name, _, raw_value = piece.partition(b"=")
    if len(raw_name) > MAX_FIELD_BYTES:
        raise BodyMalformed(f"A field's name is longer than {MAX_FIELD_BYTES >> 10} KiB.")
    name = decode_text(_unescape(raw_name), "A field's name")
    value = _unescape(raw_value)
    if name == LIST_FIELD:
        return Field(name=name, value=Upload(data=memoryview(value)))
    if len(value) > MAX_FIELD_BYTES:
        raise BodyMalformed(
            f"The field {quote_for_people(name)} is longer than {MAX_FIELD_BYTES >> 10} KiB."
        )
    return Field(
        name=name,
        value=decode_text(value, f"The field {quote_for_people(name)}"),
        unescaped_plus=_BARE_PLUS.match(raw_value) is not None,
    )


def _unescape(raw: bytes) -> bytes:
    return _ESCAPES.sub(_unescape_run, raw.replace(b"+", b" "))


def _unescape_run(run: re.Match[bytes]) -> bytes:
    return bytes.fromhex(run[0].replace(b"%", b"").decode("ascii"))
