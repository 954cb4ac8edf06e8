"""The small grammars inside SIP headers: URIs, name-addr, lists, tokens, host and port.

Reading is tolerant where RFC 3261 is (case, spaces, parameters in any order); writing is
strict: a value goes into a header only after one of the `checked_*` functions has seen it.
Everything that cannot be read raises `SipMalformed` and nothing else.

Source: RFC 3261, sections 19.1, 20 and 25.1.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from callwright.errors import CallwrightError

HostPort = tuple[str, int]
"""A host, or an IP address as text (no brackets), and a port."""

Transport = Literal["UDP", "TCP", "TLS"]
"""As a Via spells it."""


class StreamAddress(NamedTuple):
    """Where messages go by a connection."""

    host: str
    port: int
    transport: Literal["TCP", "TLS"]


Address = HostPort | StreamAddress
"""Where messages go: a plain pair means by UDP."""

SIP_PORT = 5060
SIPS_PORT = 5061

_STREAMS: dict[str, Literal["TCP", "TLS"]] = {"tcp": "TCP", "tls": "TLS"}
_QUOTE_OR_ESCAPE = re.compile(r'["\\]')
_LONGEST_URI = 2000
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,256}\Z")
# RFC 3261 `word`, which is what a Call-ID is made of, joined by at most one "@".
_CALL_ID = re.compile(r"[A-Za-z0-9\-.!%*_+`'~()<>:\\\"/\[\]?{}]+(?:@[A-Za-z0-9\-.:\[\]]+)?\Z")
_NUMBER = re.compile(r"\+?[0-9]{1,32}\Z")
_USER = re.compile(r"\+?[A-Za-z0-9_.\-]{1,64}\Z")
_ACCOUNT = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]{1,64}\Z")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])\Z")
_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@<>\s\"]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:;?<>\s\"\[\]@]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<params>(?:;[^?<>\s\"]*)?)(?:\?[^<>\s\"]*)?\Z",
    re.IGNORECASE,
)


class SipMalformed(CallwrightError):
    """Bytes or a value that are no SIP; the text says which part and never quotes much of it."""


@dataclass(frozen=True, slots=True)
class SipUri:
    """A `sip:` or `sips:` URI taken apart. `port` 0 means that none was written."""

    scheme: str
    user: str
    host: str
    port: int
    params: tuple[tuple[str, str], ...]

    def param(self, name: str) -> str | None:
        """The value of parameter `name` (lower case), "" if it has none, None if absent."""
        for key, value in self.params:
            if key == name:
                return value
        return None


def parse_uri(text: str) -> SipUri:
    """Take a SIP URI apart; parameter names come out in lower case, values as written.

    Raises:
        SipMalformed: it is no `sip:` or `sips:` URI with a host, or over 2000 characters.
    """
    if len(text) > _LONGEST_URI:
        raise SipMalformed("a URI longer than 2000 characters")
    return _parse_uri(text)


@lru_cache(maxsize=1024)
def _parse_uri(text: str) -> SipUri:
    match = _URI.match(text)
    if match is None:
        raise SipMalformed("not a sip URI")
    port = int(match["port"] or 0)
    if port > 65535:
        raise SipMalformed("URI port above 65535")
    params = []
    for part in match["params"].split(";"):
        if part:
            name, _, value = part.partition("=")
            params.append((name.strip().lower(), value.strip()))
    return SipUri(
        match["scheme"].lower(), match["user"] or "", match["host"].lower(), port, tuple(params)
    )


def split_list(value: str) -> list[str]:
    """Cut a header value at the commas that separate elements (not those in quotes or <>)."""
    if "," not in value:
        return [value.strip()] if value.strip() else []
    parts: list[str] = []
    start = 0
    quoted = escaped = bracketed = False
    for index, char in enumerate(value):
        if quoted:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char == "<":
            bracketed = True
        elif char == ">":
            bracketed = False
        elif char == "," and not bracketed:
            parts.append(value[start:index].strip())
            start = index + 1
    parts.append(value[start:].strip())
    return [part for part in parts if part]


def bare_uri(name_addr: str) -> str:
    """The URI of a name-addr or addr-spec: what stands in `<>`, else all before the first `;`.

    Raises:
        SipMalformed: brackets that do not close, or no URI.
    """
    _, bracket, rest = unquoted(name_addr).partition("<")
    if bracket:
        uri, closing, _ = rest.partition(">")
        if not closing:
            raise SipMalformed("a name-addr that does not close")
    else:
        uri = name_addr.partition(";")[0]
    uri = uri.strip()
    if not uri:
        raise SipMalformed("a name-addr without a URI")
    return uri


def unquoted(value: str) -> str:
    """`value` with every quoted string emptied, so that plain searches cannot be misled.

    A quote that never closes takes the rest with it.
    """
    if '"' not in value:
        return value
    # By hand, because a pattern for quoted strings takes quadratic time on hostile input.
    parts: list[str] = []
    position = 0
    while (opens := value.find('"', position)) >= 0:
        parts.append(value[position:opens])
        closes = opens + 1
        while (found := _QUOTE_OR_ESCAPE.search(value, closes)) and found[0] == "\\":
            closes = found.end() + 1
        if found is None:
            return "".join(parts)
        parts.append('""')
        position = found.end()
    parts.append(value[position:])
    return "".join(parts)


def parse_host_port(text: str, default_port: int = SIP_PORT) -> HostPort:
    """`host`, `host:port`, `[v6]` or `[v6]:port` as an address; brackets are taken off.

    Raises:
        SipMalformed: anything else.
    """
    if text.startswith("["):
        host, closing, rest = text[1:].partition("]")
        if not closing or (rest and not rest.startswith(":")):
            raise SipMalformed("not a host and port")
        port_text = rest[1:]
        bracketed = f"[{host}]"
    else:
        host, _, port_text = text.partition(":")
        bracketed = host
    if not _HOST.match(bracketed) or len(host) > 255:
        raise SipMalformed("not a host and port")
    if not port_text:
        return host, default_port
    if not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text) <= 65535):
        raise SipMalformed("not a port number")
    return host, int(port_text)


def format_host_port(address: Address) -> str:
    """`host:port`, with brackets round an IPv6 address."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def transport_of(address: Address) -> Transport:
    """By what messages go there."""
    return address.transport if isinstance(address, StreamAddress) else "UDP"


def address_by(host: str, port: int, transport: Transport) -> Address:
    """`host` and `port`, to be reached by `transport`."""
    return (host, port) if transport == "UDP" else StreamAddress(host, port, transport)


def transport_param(transport: Transport) -> str:
    """What names `transport` in a URI; nothing for UDP, which is meant where nothing is said."""
    return "" if transport == "UDP" else f";transport={transport.lower()}"


def format_address(address: Address) -> str:
    """`host:port`, and `;transport=tcp` or `tls` after it unless messages go by UDP."""
    return format_host_port(address) + transport_param(transport_of(address))


def parse_address(text: str) -> Address:
    """What `format_address` wrote.

    Raises:
        SipMalformed: anything else.
    """
    written, _, transport = text.partition(";transport=")
    host, port = parse_host_port(written)
    if transport not in ("", "tcp", "tls"):
        raise SipMalformed("not a transport")
    return (host, port) if not transport else StreamAddress(host, port, _STREAMS[transport])


def is_ip_address(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 address rather than a name."""
    return len(host) <= 45 and _is_ip_address(host)


@lru_cache(maxsize=4096)
def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def checked_token(text: str, what: str) -> str:
    """`text` if it is an RFC 3261 token (tags, branches), else SipMalformed naming `what`."""
    if not _TOKEN.match(text):
        raise SipMalformed(f"{what} is not a SIP token")
    return text


def checked_call_id(text: str) -> str:
    """`text` if it may stand as a Call-ID.

    Raises:
        SipMalformed: a character outside RFC 3261's `word`, or longer than 256.
    """
    if len(text) > 256 or not _CALL_ID.match(text):
        raise SipMalformed("Call-ID has a character that may not stand there")
    return text


def checked_number(text: str) -> str:
    """`text` if it is digits with at most one leading `+`, else SipMalformed."""
    if not _NUMBER.match(text):
        raise SipMalformed("a dialled number is digits with an optional +")
    return text


def checked_account(text: str) -> str:
    """`text` if it may stand as the user of a URI as it is, else SipMalformed."""
    if not _ACCOUNT.match(text):
        raise SipMalformed("an account that names us in From has a character that may not")
    return text


def checked_caller(text: str) -> str:
    """`text` if it may stand as the user of a From: a number or a plain account name."""
    if not _USER.match(text):
        raise SipMalformed("a caller id is a number or a plain name")
    return text
