"""The form-body reader: any body a known client sends, to a `Form`.

Clients set the wrong Content-Type more often than they write a wrong body, so the body
decides: it is multipart if it is cut by the header's boundary or starts with a boundary of
its own, and urlencoded otherwise. Only `application/json` and `text/csv` are believed.
Whether a route takes a media type at all is each dialect's `accepts_media_type`.

tests/captures holds what real clients send, byte for byte, and how each must be read.
"""

from callwright.dialects.content import Content, part_of, starts_with
from callwright.dialects.form import (
    LIST_FIELD,
    MAX_FIELD_BYTES,
    MAX_FIELDS,
    BodyKind,
    Field,
    FieldValue,
    Form,
    Upload,
)
from callwright.dialects.json_text import JsonRefused, parse_json
from callwright.dialects.media_type import CSV_TYPE, JSON_TYPE, essence, parameters
from callwright.dialects.multipart import find_framing, read_multipart
from callwright.dialects.urlencoded import read_urlencoded
from callwright.errors import BodyMalformed

__all__ = ["BodyKind", "Field", "Form", "Upload", "read_body"]

MAX_JSON_BYTES = 4 * MAX_FIELD_BYTES


def read_body(content_type: str | None, body: Content) -> Form:
    """What `body` says; `content_type` is the request's header, if it had one.

    The form looks into `body` and keeps it alive; files in it are not copied.

    Raises:
        BodyMalformed: the body is cut off, over a limit, or not what it appears to be.
        TooLarge: an urlencoded form of several megabytes.
    """
    media_type = essence(content_type)
    if not body:
        return Form(kind=BodyKind.EMPTY, fields=[])
    if media_type == CSV_TYPE:
        upload = Upload(data=part_of(body, 0, len(body)), content_type=content_type)
        return Form(kind=BodyKind.CSV, fields=[Field(name=LIST_FIELD, value=upload)])
    if media_type == JSON_TYPE:
        return Form(kind=BodyKind.JSON, fields=_read_json(body))
    framing = find_framing(body, parameters(content_type or "").get("boundary"))
    if framing is not None:
        return Form(kind=BodyKind.MULTIPART, fields=read_multipart(body, framing))
    if media_type.startswith("multipart/") and starts_with(body, b"--"):
        raise BodyMalformed("The multipart body does not start with a whole boundary line.")
    return Form(kind=BodyKind.URLENCODED, fields=read_urlencoded(body))


def _read_json(body: Content) -> list[Field]:
    if len(body) > MAX_JSON_BYTES:
        raise BodyMalformed(f"The JSON body is longer than {MAX_JSON_BYTES >> 10} KiB.")
    try:
        # RFC 8259 forbids a byte order mark and lets a reader ignore it.
        document = parse_json(bytes(body[:]).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BodyMalformed("The JSON body is not UTF-8.") from None
    except JsonRefused as exc:
        raise BodyMalformed(f"The JSON body {exc}.") from None
    if not isinstance(document, dict):
        raise BodyMalformed("The JSON body must be an object.")
    if len(document) > MAX_FIELDS:
        raise BodyMalformed(f"The JSON body has more than {MAX_FIELDS} fields.")
    return [Field(name=name, value=_as_form_value(value)) for name, value in document.items()]


def _as_form_value(value: object) -> FieldValue:
    """A JSON value as a form would carry it: null is empty, true is 1, numbers are digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (dict, list, str)):
        return value
    return str(value)
