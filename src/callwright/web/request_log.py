"""What the log says of a request: who, what, how it ended; nobody's number, key or body.

Paths and query strings are other people's words. Runs of digits as long as a telephone
number are starred out, except where they are ids of ours that a route has found; values
of parameters that sound like secrets are left out; whatever does not print is escaped, so
that one event stays one line wherever it is read.
"""

import re
from urllib.parse import unquote_plus

from starlette.types import Scope

MOST_CHARS = 300
"""Of a path or a query string; the rest is cut off."""

_NUMBER = re.compile(r"[0-9](?:[ .()+-]{0,3}[0-9]){6,}", re.ASCII)
_SECRET = re.compile(r"key|token|secret|pass|auth|sign|credential", re.IGNORECASE)


def shown_path(scope: Scope, *, found: bool) -> str:
    """The path as the log shows it; `found` when its ids turned out to be ours."""
    path: str = scope["path"]
    if _NUMBER.search(path):
        ids = _ids(scope) if found else frozenset()
        path = "/".join(part if part in ids else masked(part) for part in path.split("/"))
    return printable(path)


def shown_query(scope: Scope) -> str:
    """The query string as the log shows it, unescaped; "" if there was none."""
    query: bytes = scope.get("query_string", b"")
    if not query:
        return ""
    pairs = []
    for pair in query[: MOST_CHARS * 3].decode("latin-1").split("&"):
        name, equals, value = (unquote_plus(part) for part in pair.partition("="))
        pairs.append(name + equals + ("***" if equals and _SECRET.search(name) else value))
    return printable(masked("&".join(pairs)))


def masked(text: str) -> str:
    """`text` with whatever may be a telephone number starred out."""
    return _NUMBER.sub(lambda match: "*" * len(match[0]), text)


def printable(text: str) -> str:
    """`text` on one line, in characters that show."""
    if len(text) > MOST_CHARS:
        text = text[:MOST_CHARS] + "..."
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


def _ids(scope: Scope) -> frozenset[str]:
    """The parts of the path that a route took for ids."""
    params: dict[str, object] = scope.get("path_params") or {}
    return frozenset(str(value) for name, value in params.items() if name.endswith("_id"))
