"""Single values of a request: text to numbers, times and flags.

Unix seconds become aware datetimes here and nowhere deeper. An empty value is an absent
one: PHP sends null, false and '' alike as nothing. Of a repeated field the last one counts,
except `phone_number`, where guessing would ring the wrong person.

Source: wire contract, section 3.
"""

import re
from datetime import UTC, datetime

from callwright.dialects.form import Form
from callwright.domain.phone import DialString, parse_dial_string
from callwright.errors import FieldInvalid, NotPermitted

MAX_UNIX_SECONDS = 253_402_300_799
"""The last second of the year 9999, where datetime ends."""

_DIGITS = re.compile(r"[0-9]{1,20}\Z")
_SPREADSHEET_INTEGER = re.compile(r"([0-9]+)\.0\Z")


def text_of(form: Form, name: str) -> str:
    """The field's text; "" = absent or empty.

    Raises:
        FieldInvalid: it is a file, or an object or array of a JSON body.
    """
    field = form.last(name)
    if field is None:
        return ""
    if not isinstance(field.value, str):
        raise FieldInvalid(name, "must be a single text value")
    return field.value


def integer_of(text: str) -> int | None:
    """The number that ASCII digits spell, or None: no sign, space, point or exponent."""
    return int(text) if _DIGITS.match(text) else None


def read_timestamp(form: Form, name: str) -> datetime | None:
    """The moment a field gives in Unix seconds, or None if absent.

    Raises:
        FieldInvalid: no digits, milliseconds, or after the year 9999.
    """
    text = text_of(form, name)
    if not text:
        return None
    seconds = integer_of(text)
    if seconds is None:
        raise FieldInvalid(name, "must be a Unix timestamp in whole seconds")
    if len(str(seconds)) == 13:
        raise FieldInvalid(name, "looks like milliseconds; send a Unix timestamp in seconds")
    if seconds > MAX_UNIX_SECONDS:
        raise FieldInvalid(name, "is after the year 9999; send a Unix timestamp in seconds")
    return datetime.fromtimestamp(seconds, UTC)


def read_dial_string(form: Form, *, default_country: str) -> DialString:
    """Whom the request asks to dial.

    Raises:
        FieldInvalid: absent, given more than once, or nothing that can be dialled.
    """
    name = "phone_number"
    sent = form.every(name)
    if len(sent) > 1:
        raise FieldInvalid(name, "was sent more than once")
    text = text_of(form, name)
    if not text:
        raise FieldInvalid(name, "is required")
    if sent[0].unescaped_plus:
        text = text.replace(" ", "+", 1)
    return dial_string_of(text, default_country=default_country, field=name)


def dial_string_of(text: str, *, default_country: str, field: str) -> DialString:
    """What `text` dials; the `.0` that a spreadsheet or a float adds is taken off.

    The dot would otherwise count as a separator, and `1617555123.0` as eleven digits.

    Raises:
        FieldInvalid: see `parse_dial_string`.
    """
    repaired = _SPREADSHEET_INTEGER.match(text.strip(" "))
    return parse_dial_string(
        repaired[1] if repaired else text, default_country=default_country, field=field
    )


def read_is_pci(form: Form, *, granted: bool) -> bool:
    """Whether the call must run in the secure environment.

    Raises:
        NotPermitted: asked for without the account's grant.
        FieldInvalid: neither 0 nor 1.
    """
    text = text_of(form, "is_pci")
    if text in ("", "0"):
        return False
    if text != "1":
        raise FieldInvalid("is_pci", "must be 0 or 1")
    if not granted:
        raise NotPermitted("is_pci: the account has no access to the secure environment.")
    return True
