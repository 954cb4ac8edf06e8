"""What a request to look something up asks for: moments, a number, a page.

Fuse has the moments in the path, Insight in the query; both read them as they read the
fields of a form.

Source: wire contract, section 1 (F5, F6, I7).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callwright.dialects.fields import (
    MAX_UNIX_SECONDS,
    dial_string_of,
    integer_of,
    read_timestamp,
    text_of,
)
from callwright.dialects.form import BodyKind, Field, Form
from callwright.dialects.urlencoded import read_urlencoded
from callwright.domain.phone import PhoneNumber
from callwright.errors import FieldInvalid

LOG_LIMIT = 1000
REPORT_LIMIT = 500
MAX_LIMIT = 10_000
MAX_OFFSET = 10**15
"""More than anybody has, and less than a database cannot count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Which conversations to tell of, the latest first."""

    since: datetime | None
    before: datetime | None
    """Not included."""
    number: PhoneNumber | None = None
    offset: int
    limit: int


def read_log_request(start: str, end: str, query: bytes, *, default_country: str) -> LookUp:
    """What `GET /api/calls/{start}/{end}?…` and `all_logs` ask for; both seconds included.

    Raises:
        FieldInvalid: the first part that is wrong.
        BodyMalformed: the query cannot be read.
    """
    form = Form(
        kind=BodyKind.URLENCODED,
        # The last of a name counts: what the path says, whatever the query does.
        fields=[
            *read_urlencoded(query),
            Field(name="start", value=start),
            Field(name="end", value=end),
        ],
    )
    since, before = _read_span(form, "start", "end")
    return LookUp(
        since=since,
        before=before,
        number=_read_number(form, default_country),
        offset=_read_offset(form),
        limit=_read_limit(form, LOG_LIMIT),
    )


def read_report_request(query: bytes) -> LookUp:
    """What `GET /api/report/{report_id}?…` asks for; both seconds included.

    Raises:
        FieldInvalid: the first parameter that is wrong, or one moment without the other.
        BodyMalformed: the query cannot be read.
    """
    form = Form(kind=BodyKind.URLENCODED, fields=read_urlencoded(query))
    names = ("start_timestamp", "end_timestamp")
    missing = [name for name in names if not text_of(form, name)]
    if len(missing) == 1:
        raise FieldInvalid(missing[0], "is required when the other timestamp is given")
    since, before = _read_span(form, *names)
    return LookUp(
        since=since,
        before=before,
        offset=_read_offset(form),
        limit=_read_limit(form, REPORT_LIMIT),
    )


def _read_span(form: Form, start: str, end: str) -> tuple[datetime | None, datetime | None]:
    since, until = read_timestamp(form, start), read_timestamp(form, end)
    if since is None or until is None:
        return None, None
    if until < since:
        raise FieldInvalid(end, f"must not be before {start}")
    if until.timestamp() >= MAX_UNIX_SECONDS:
        return since, None
    return since, until + timedelta(seconds=1)


def _read_number(form: Form, default_country: str) -> PhoneNumber | None:
    field, text = form.last("number"), text_of(form, "number")
    if field is None or not text:
        return None
    if field.unescaped_plus:
        text = text.replace(" ", "+", 1)
    return dial_string_of(text, default_country=default_country, field="number").number


def _read_limit(form: Form, default: int) -> int:
    text = text_of(form, "limit")
    limit = integer_of(text) if text else default
    if limit is None or not 1 <= limit <= MAX_LIMIT:
        raise FieldInvalid("limit", f"must be an integer between 1 and {MAX_LIMIT}")
    return limit


def _read_offset(form: Form) -> int:
    text = text_of(form, "offset")
    offset = integer_of(text) if text else 0
    if offset is None or offset > MAX_OFFSET:
        raise FieldInvalid("offset", f"must be an integer between 0 and {MAX_OFFSET}")
    return offset
