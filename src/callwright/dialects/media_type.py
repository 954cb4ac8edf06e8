"""Header values of the form `value; name=value; name="value"`.

Content-Type of a request and the headers of a multipart part. Lenient where clients are
sloppy (case, spaces, stray semicolons), and never an error: what cannot be read is absent.

Source: RFC 9110 section 5.6.6, RFC 6266, RFC 2231 section 4 (`name*=charset''text`).
"""

import re
from urllib.parse import unquote_to_bytes

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
JSON_TYPE = "application/json"
CSV_TYPE = "text/csv"

# Possessive throughout, so that no input makes it try twice.
_PARAMETER = re.compile(
    r""";[ \t]*(?:
        ([A-Za-z0-9!#$%&'*+.^_`|~-]++) [ \t]*+ = [ \t]*+
        (?: "((?:[^"\\]|\\.)*+)" | ([^;"]*+) )
    )?+""",
    re.DOTALL | re.VERBOSE,
)
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_EXTENDED = re.compile(r"([A-Za-z0-9_-]*)'[^']*'(.*)\Z", re.DOTALL)


def essence(header: str | None) -> str:
    """The type of a Content-Type header in lower case, without parameters; "" = none given."""
    return (header or "").partition(";")[0].strip().lower()


def parameters(header: str) -> dict[str, str]:
    """The parameters after the first `;`, names in lower case; of a repeated one the first.

    A backslash only escapes a quote or another backslash: Windows clients send paths as
    they are. A `name*` value that is well formed replaces `name`.
    """
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(header):
        name, quoted, bare = match.groups()
        if name is None:
            continue
        value = _QUOTED_PAIR.sub(r"\1", quoted) if quoted is not None else bare.strip(" \t")
        found.setdefault(name.lower(), value)
    for name in [name for name in found if name.endswith("*")]:
        value = _decode_extended(found.pop(name))
        if value:
            found[name[:-1]] = value
    return found


def _decode_extended(value: str) -> str:
    match = _EXTENDED.match(value)
    if match is None:
        return ""
    charset = "windows-1252" if match[1].lower() in ("iso-8859-1", "windows-1252") else "utf-8"
    try:
        return unquote_to_bytes(match[2]).decode(charset)
    except UnicodeDecodeError:
        return ""
