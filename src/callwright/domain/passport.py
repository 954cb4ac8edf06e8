"""The signed statement of who calls that a call may bring along (STIR/SHAKEN).

Whoever signs calls hands us the ready value of an Identity header, in the call's variable
`sip_identity`; it goes out as it is, with each attempt. It is not for the script. Nothing here
verifies a signature: that is the business of whoever is called.

Source: RFC 8224 section 4 and 4.1 (Identity), RFC 8225 (PASSporT), RFC 8588 (shaken).
"""

import re
from collections.abc import Mapping

from callwright.errors import FieldInvalid

IDENTITY_VARIABLE = "sip_identity"
MAX_IDENTITY = 4096

_PART = "[A-Za-z0-9_-]"
_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]{1,64}"
_IDENTITY = re.compile(
    rf"{_PART}*\.{_PART}*\.{_PART}+"
    r"(?:;info=<https?://[A-Za-z0-9.!~*'()%:@&=+$,/?_#\[\]-]{1,1000}>)?"
    rf'(?:;(?:alg|ppt)=(?:{_TOKEN}|"{_TOKEN}")){{0,2}}\Z',
    re.ASCII,
)


def is_identity(text: str) -> bool:
    """Whether `text` may stand as an Identity header, and can have no other effect."""
    return len(text) <= MAX_IDENTITY and _IDENTITY.match(text) is not None


def names_identity(name: str) -> bool:
    """Whether a variable of that name is the statement. Case does not matter in names."""
    return name.lower() == IDENTITY_VARIABLE


def split_identity(variables: Mapping[str, object]) -> tuple[str | None, dict[str, object]]:
    """The statement among a call's variables, None = there is none; and the others."""
    others = {name: value for name, value in variables.items() if not names_identity(name)}
    stated = [str(v) for name, v in variables.items() if names_identity(name) and v]
    return (stated[0] if stated else None), others


def check_identity(variables: Mapping[str, object]) -> None:
    """Refuse a call whose statement could not be sent.

    Raises:
        FieldInvalid: the variable is there, and no Identity value.
    """
    value = next((v for name, v in variables.items() if names_identity(name)), None)
    if value is not None and value != "" and not (isinstance(value, str) and is_identity(value)):
        raise FieldInvalid(
            IDENTITY_VARIABLE,
            "is no Identity header: a PASSporT, then ;info=<https://...>, ;alg= and ;ppt=",
        )
