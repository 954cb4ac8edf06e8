"""A `result_url` that can be called later, checked and brought into plain ASCII.

Only the form is checked here. Which addresses may be called is decided at the moment of
calling, by the address itself: names can be spelt and resolved in too many ways.
"""

import re
from urllib.parse import quote, urlsplit

from callwright.errors import FieldInvalid

MAX_LENGTH = 2048

# Backslash, space and controls are where URL readers disagree on what the host is.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ufeff\ud800-\udfff]")
_ESCAPED_BREAK = re.compile(r"%(?:0[0ad])", re.IGNORECASE)
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?\Z")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+\Z")
_FIELD = "result_url"


def parse_result_url(text: str) -> str:
    """`text` as an absolute http or https URL: host by IDNA, the rest percent-encoded.

    Raises:
        FieldInvalid: anything else.
    """
    if len(text) > MAX_LENGTH:
        raise FieldInvalid(_FIELD, f"is longer than {MAX_LENGTH} characters")
    if _FORBIDDEN.search(text):
        raise FieldInvalid(_FIELD, "holds a space, backslash or control character")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise FieldInvalid(_FIELD, "is no valid URL") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise FieldInvalid(_FIELD, "must be an absolute http or https URL")
    userinfo, at, _ = parts.netloc.rpartition("@")
    if _ESCAPED_BREAK.search(userinfo):
        raise FieldInvalid(_FIELD, "has a line break in its user name or password")
    if port == 0:
        raise FieldInvalid(_FIELD, "has a port that is not 1 to 65535")
    netloc = quote(userinfo, safe="%:!$&'()*+,;=-._~") + at + _plain_host(host)
    if port is not None:
        netloc += f":{port}"
    return parts._replace(
        netloc=netloc,
        path=quote(parts.path, safe="%/:@!$&'()*+,;=-._~[]|^`{}<>\""),
        query=quote(parts.query, safe="%/:@!$&'()*+,;=-._~?[]|^`{}<>\""),
        fragment=quote(parts.fragment, safe="%/:@!$&'()*+,;=-._~?[]|^`{}<>\""),
    ).geturl()


def _plain_host(host: str) -> str:
    if ":" in host:
        # A zone (%eth0) names an interface of this machine.
        if not _IPV6.match(host):
            raise FieldInvalid(_FIELD, "has no valid host")
        return f"[{host}]"
    try:
        name = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        raise FieldInvalid(_FIELD, "has no valid host") from None
    if len(name) > 253 or not _HOST_NAME.match(name):
        raise FieldInvalid(_FIELD, "has no valid host")
    return name
