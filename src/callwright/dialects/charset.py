"""Bytes of names and values to text.

A value is read as UTF-8 and, when it is not UTF-8, as Windows-1252: clients on old Windows
send that without saying so, and no text of more than a few accented letters is valid as
both. A charset that the client declares is not consulted, because the clients that send
one seldom know what they send.
"""

import re

from callwright.errors import BodyMalformed

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def decode_text(raw: bytes, what: str) -> str:
    """The text that `raw` spells; `what` names it in a refusal.

    Raises:
        BodyMalformed: NUL, a lone surrogate, or bytes of neither encoding.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = _decode_otherwise(raw, what)
    if "\0" in text:
        raise BodyMalformed(f"{what} holds a NUL character.")
    return text


def _decode_otherwise(raw: bytes, what: str) -> str:
    try:
        raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        pass
    else:
        raise BodyMalformed(f"{what} holds half a surrogate pair, which is no text.")
    try:
        return raw.decode("windows-1252")
    except UnicodeDecodeError:
        raise BodyMalformed(f"{what} is neither UTF-8 nor Windows-1252 text.") from None


def is_storable(text: str) -> bool:
    """Whether `text` can be written as UTF-8 and holds no NUL (JSON escapes can make both)."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def quote_for_people(text: str, limit: int = 60) -> str:
    """`text` in quotes for an error text: one line, printable, at most `limit` characters."""
    shown = _CONTROL.sub("?", text)
    return f"'{shown[:limit]}…'" if len(shown) > limit else f"'{shown}'"
