"""JSON from strangers: what Python's reader lets through and a dialler must not.

Refused: NaN and infinities, repeated keys, deep nesting, numbers no database keeps, and
strings with NUL or half a surrogate pair.
"""

import json
import math
import re
from typing import NoReturn

from callwright.dialects.charset import is_storable, quote_for_people

MAX_DEPTH = 5
_MAX_INTEGER = 2**63 - 1

# A string that never ends is matched to the end of the text: a failing match would be
# tried again from every quote inside it.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


class JsonRefused(Exception):
    """The text is no JSON we take; `str()` completes a sentence that starts with its name."""


def parse_json(text: str) -> object:
    """The value that `text` spells.

    Raises:
        JsonRefused: with the reason.
    """
    _check_depth(text)
    try:
        return _check(
            json.loads(
                text,
                object_pairs_hook=_without_repeats,
                parse_constant=_refuse_constant,
                parse_int=_read_integer,
                parse_float=_read_float,
            )
        )
    except (ValueError, RecursionError):
        raise JsonRefused("is not valid JSON") from None


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise JsonRefused(f"is nested deeper than {MAX_DEPTH} levels")
        elif first in "]}":
            depth -= 1


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise JsonRefused(f"has the key {quote_for_people(key)} twice")
        result[key] = value
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise JsonRefused(f"holds {name}, which is no JSON number")


def _read_integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > _MAX_INTEGER:
        raise JsonRefused("holds a number too large to keep; send it as text")
    return int(digits)


def _read_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonRefused("holds a number too large to keep; send it as text")
    return value


def _check(value: object) -> object:
    if isinstance(value, str):
        if not is_storable(value):
            raise JsonRefused("holds a NUL character or half a surrogate pair")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key)
            _check(item)
    elif isinstance(value, list):
        for item in value:
            _check(item)
    return value
