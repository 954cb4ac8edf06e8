"""Reply values to bytes: compact JSON, and the XML both products write.

Values are dicts with our own names as keys, lists, strings, integers, booleans and None.
"""

import json
import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

import msgspec

_encode = msgspec.json.Encoder().encode

JSON_CONTENT_TYPE = "application/json"
XML_CONTENT_TYPE = "application/xml; charset=utf-8"

# What XML 1.0 cannot hold even when escaped (its section 2.2).
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A bare carriage return would be read back as a line feed.
_ENTITIES = {"\r": "&#13;", '"': "&quot;"}


def render_json(value: object) -> bytes:
    """`value` as JSON in UTF-8 without spaces."""
    try:
        return _encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair: shown as "?"
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8", "replace")


def render_xml(value: Mapping[str, object], *, declaration: bool) -> bytes:
    """`value` as the content of `<result>`; list elements are `<item>`."""
    start = '<?xml version="1.0"?>\n' if declaration else ""
    return (start + _element("result", value)).encode()


def _element(name: str, value: object) -> str:
    content = _content(value)
    return f"<{name}>{content}</{name}>" if content else f"<{name}/>"


def _content(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "".join(_element(name, item) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return "".join(_element("item", item) for item in value)
    return escape(_NOT_XML.sub("", str(value)), _ENTITIES)
