"""The body of a result callback: the value of `call_details` in the call's own dialect.

Rendered once, when the call ends, so that every try sends the same bytes.

Source: wire contract, section 8.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from callwright.dialects.registry import by_product
from callwright.dialects.rendering import JSON_CONTENT_TYPE, render_json
from callwright.domain.call import CallDetails

FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"


def render_notice(details: CallDetails, form_encoded: bool) -> tuple[bytes, str]:
    """Body and Content-Type; `form_encoded` writes `events[0][event]=…` instead of JSON."""
    value = by_product[details.product].encode_details(details)
    if not form_encoded:
        return render_json(value), JSON_CONTENT_TYPE
    return urlencode(list(_flatten("", value))).encode("ascii"), FORM_CONTENT_TYPE


def _flatten(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Names as PHP reads them back into arrays."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(f"{name}[{key}]" if name else key, item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flatten(f"{name}[{index}]", item)
    else:
        yield name, str(value)
