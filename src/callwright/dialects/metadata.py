"""The variables that come with a single call, in any of the three ways clients send them.

`metadata` as JSON text, `metadata[key]=value` fields, or an object in a JSON body. PHP and
requests lose the keys of an array that is handed over unencoded; such a request is told
how to send them. Which names are allowed is each dialect's own rule.

Source: wire contract, section 3.
"""

import json
import re
from collections.abc import Mapping, Sequence

from callwright.dialects.charset import quote_for_people
from callwright.dialects.form import Field, FieldValue, Form, Upload
from callwright.dialects.json_text import JsonRefused, parse_json
from callwright.errors import FieldInvalid

MAX_BYTES = 32 * 1024
MAX_KEYS = 200

_FIELD = "metadata"
_KEYED = re.compile(r"metadata\[(.*)\]\Z", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NOTHING = frozenset({"", "{}", "[]", "null"})
"""What clients send for no metadata; `[]` is how PHP writes an empty array."""

_HOW_TO_SEND = "send it as JSON text, or as fields named metadata[key]"


def metadata_was_sent(form: Form) -> bool:
    """Whether the request brings any metadata at all, well formed or not."""
    return any(
        _KEYED.match(field.name) or (field.name == _FIELD and not _is_nothing(field.value))
        for field in form.fields
    )


def read_metadata(form: Form) -> dict[str, object]:
    """The variables by name as they were spelt, values scalars as JSON knows them.

    Raises:
        FieldInvalid: keys lost on the way, values that are no scalars, or too much of it.
    """
    found: dict[str, object] = {}
    size = 0
    for field in form.fields:
        if not _is_metadata(field):
            continue
        size += _size(field)
        if size > MAX_BYTES:
            raise FieldInvalid(_FIELD, f"is longer than {MAX_BYTES >> 10} KiB")
        if not _is_nothing(field.value) or field.name != _FIELD:
            found.update(_read_field(field))
    if len(found) > MAX_KEYS:
        raise FieldInvalid(_FIELD, f"has more than {MAX_KEYS} keys")
    return found


def check_names(names: Sequence[str]) -> None:
    """Raise FieldInvalid unless all are names a script can use: ASCII, as in most languages."""
    for name in names:
        if not _NAME.match(name):
            raise FieldInvalid(
                _FIELD,
                f"{quote_for_people(name)} is no variable name: "
                "letters, digits and _, not starting with a digit",
            )


def _is_metadata(field: Field) -> bool:
    return field.name == _FIELD or _KEYED.match(field.name) is not None


def _is_nothing(value: FieldValue) -> bool:
    if isinstance(value, str):
        return value.strip() in _NOTHING
    return not isinstance(value, Upload) and not value


def _size(field: Field) -> int:
    value = field.value
    if isinstance(value, Upload):
        return len(value.data)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return len(field.name) + len(text.encode())


def _read_field(field: Field) -> dict[str, object]:
    keyed = _KEYED.match(field.name)
    if keyed is not None:
        return {_key_of(keyed[1]): _scalar_of(keyed[1], field.value)}
    value: object = field.value
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except JsonRefused as exc:
            raise FieldInvalid(
                _FIELD, f"{exc}; if it was an array, its keys were lost: {_HOW_TO_SEND}"
            ) from None
    if not isinstance(value, Mapping):
        raise FieldInvalid(_FIELD, f"must be an object with names; {_HOW_TO_SEND}")
    return {name: _scalar_of(name, item) for name, item in value.items()}


def _key_of(key: str) -> str:
    if not key or key.isdecimal():
        raise FieldInvalid(_FIELD, f"the keys of an array were lost; {_HOW_TO_SEND}")
    if "]" in key or "[" in key:
        raise FieldInvalid(_FIELD, "must not be nested: one name, one value")
    return key


def _scalar_of(name: str, value: object) -> object:
    if isinstance(value, (Upload, Mapping, list)):
        raise FieldInvalid(_FIELD, f"the value of {quote_for_people(name)} is not a single value")
    return value
