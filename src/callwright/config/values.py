"""The kinds of values a setting can have, each read from the text an operator writes.

Every reader raises ValueError with a text that says what to write instead; `load` adds
the key and where the value came from. Knows no setting by name.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import PlainValidator

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+\Z", re.ASCII)
_DURATION_PART = re.compile(r"([0-9.]+)(ms|[smhd])", re.ASCII)
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"([0-9]+)\s*(B|KB|MB|GB|KiB|MiB|GiB)\Z", re.ASCII)
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]/@]+):([0-9]{1,5})\Z", re.ASCII)
_SIP = re.compile(
    r"sips?:(\[[0-9A-Fa-f:.]+\]|[^:;?@\s\[\]]+)(?::([0-9]{1,5}))?(?:;transport=([A-Za-z]+))?\Z",
    re.ASCII,
)
_PORTS = re.compile(r"([0-9]{1,5})-([0-9]{1,5})\Z", re.ASCII)
_CALLER_ID = re.compile(r"\+?[0-9]{3,15}\Z", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where to listen or connect; port 0 = let the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SipAddress:
    """A trunk's SIP server. `port` is 0 when none was written (then DNS or 5060 decides)."""

    host: str
    port: int
    transport: str
    """`udp`, `tcp` or `tls`; "" = none was written."""
    scheme: str = "sip"

    @property
    def goes_by(self) -> str:
        """What was written, or what it means where nothing was."""
        return self.transport or ("tls" if self.scheme == "sips" else "udp")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        transport = f";transport={self.transport}" if self.transport else ""
        return f"{self.scheme}:{host}{port}{transport}"


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


class ByteCount(int):
    """A number of bytes that was written with its unit."""


def read_duration(value: object) -> timedelta:
    """`"60s"`, `"1h30m"`, `"500ms"` as a span."""
    if not isinstance(value, str) or not _DURATION.match(value.strip()):
        raise ValueError('must be a length of time with its unit, such as "60s", "1h" or "500ms"')
    parts = _DURATION_PART.findall(value)
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))


def read_positive_duration(value: object) -> timedelta:
    """The same, and longer than nothing."""
    span = read_duration(value)
    if span <= timedelta(0):
        raise ValueError("must be longer than 0s")
    return span


def read_size_or_none(value: object) -> ByteCount:
    """`"256MiB"` as a number of bytes; `"0B"` is one too."""
    match = _SIZE.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a size with its unit, such as "256MiB" or "1GB"')
    return ByteCount(int(match[1]) * _BYTES[match[2]])


def read_size(value: object) -> ByteCount:
    """The same, and more than nothing."""
    size = read_size_or_none(value)
    if size == 0:
        raise ValueError("must be more than 0B")
    return size


def read_host_port(value: object) -> HostPort:
    """`"127.0.0.1:8080"`, `"[::1]:8080"` or `"localhost:0"`."""
    match = _HOST_PORT.match(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 65535:
        raise ValueError('must be host:port, such as "127.0.0.1:8080" or "[::1]:8080"')
    return HostPort(_bare_host(match[1]), int(match[2]))


def read_sip_address(value: object) -> SipAddress | None:
    """`"sip:host:port;transport=udp"`; "" = none."""
    if value == "":
        return None
    match = _SIP.match(value) if isinstance(value, str) else None
    if match is None or int(match[2] or 0) > 65535:
        raise ValueError('must be a SIP address, such as "sip:127.0.0.1:5060;transport=udp"')
    transport = (match[3] or "").lower()
    if transport not in ("", "udp", "tcp", "tls"):
        raise ValueError("transport must be udp, tcp or tls")
    scheme = str(value).partition(":")[0]
    if scheme == "sips" and transport == "udp":
        raise ValueError("sips: goes by TLS; leave transport=udp out")
    return SipAddress(_bare_host(match[1]), int(match[2] or 0), transport, scheme)


def read_sip_server(value: object) -> str:
    """`"192.0.2.7:5060"`, with or without `sip:` and a transport; "" = none."""
    if not isinstance(value, str):
        raise ValueError('must be a SIP server, such as "192.0.2.7:5060"')
    text = value if value.startswith(("sip:", "sips:")) else f"sip:{value}"
    return str(read_sip_address(text)) if value else ""


def read_name_server(value: object) -> HostPort:
    """`"192.0.2.53"` or `"[2001:db8::53]:5353"`; without a port, 53."""
    text = value if isinstance(value, str) else ""
    match = _HOST_PORT.match(text)
    host, port = (match[1], int(match[2])) if match else (text, 53)
    try:
        host = str(ipaddress.ip_address(_bare_host(host)))
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise ValueError('must be the IP address of a name server, such as "192.0.2.53"')
    return HostPort(host, port)


def read_port_range(value: object) -> PortRange:
    """`"30000-39999"`."""
    match = _PORTS.match(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be a range of ports, such as "30000-39999"')
    first, last = int(match[1]), int(match[2])
    if not 1024 <= first < last <= 65535:
        raise ValueError("must be two ports from 1024 to 65535, the lower one first")
    return PortRange(first, last)


def read_local_address(value: object) -> str:
    """An IP address of this machine; "" = whatever the route says."""
    if not isinstance(value, str):
        raise ValueError("must be an IP address of this machine, or empty")
    if value:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise ValueError("must be an IP address of this machine, or empty") from None
    return value


def read_public_url(value: object) -> str:
    """An absolute http(s) URL without its last slash; "" = none."""
    if value == "":
        return ""
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and not parts.query and not parts.fragment and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(c.isspace() or c in '<>"' for c in text):
        raise ValueError('must be an http or https URL, such as "https://calls.example.com"')
    return text.rstrip("/")


def read_store_url(value: object) -> str:
    """`"sqlite:FILE"` or `"postgresql://user@host/db"`."""
    text = value if isinstance(value, str) else ""
    if text.startswith("sqlite:") and len(text) > len("sqlite:"):
        return text
    if text.startswith(("postgresql://", "postgres://")):
        return text
    raise ValueError('must be "sqlite:FILE" or "postgresql://user@host/db"')


def read_caller_id(value: object) -> str:
    """3 to 15 digits with or without `+`; "" = none."""
    if value != "" and not (isinstance(value, str) and _CALLER_ID.match(value)):
        raise ValueError('must be 3 to 15 digits, with or without +, such as "+16175551234"')
    return str(value)


def _matching(pattern: str, advice: str) -> PlainValidator:
    """A validator of text that takes what `pattern` matches from end to end."""
    compiled = re.compile(pattern, re.ASCII)

    def read(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(advice)
        return value

    return PlainValidator(read)


def read_header_text(value: object) -> str:
    """At most 100 characters, of any script, without control characters."""
    if not isinstance(value, str) or len(value) > 100 or not (value.isprintable() or not value):
        raise ValueError("must be at most 100 printable characters")
    return value


def read_session_expires(value: object) -> int:
    """Seconds: 90 to 86400, or 0."""
    text = str(value)
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if seconds and not 90 <= seconds <= 86_400:
        raise ValueError("must be 90 to 86400 seconds, or 0 for none")
    return seconds


def read_country(value: object) -> str:
    """Two capital letters."""
    if not isinstance(value, str) or not _COUNTRY.match(value):
        raise ValueError('must be the two capital letters of a country, such as "US" or "GB"')
    # Imported here because it costs more than reading all other settings together.
    from phonenumbers import SUPPORTED_REGIONS

    if value not in SUPPORTED_REGIONS:
        raise ValueError(f"is no country with telephone numbers: {value}")
    return value


def read_allowed(value: object) -> str:
    """A network (`"127.0.0.0/8"`), an address, or `"host:port"`."""
    if isinstance(value, str):
        try:
            ipaddress.ip_network(value)
        except ValueError:
            match = _HOST_PORT.match(value)
            if match is not None and 0 < int(match[2]) <= 65535:
                return value
        else:
            return value
    raise ValueError('must hold networks or host:port, such as "10.0.0.0/8" or "localhost:9000"')


def read_network(value: object) -> str:
    """A network (`"10.0.0.0/8"`) or an address."""
    if isinstance(value, str):
        try:
            ipaddress.ip_network(value)
        except ValueError:
            pass
        else:
            return value
    raise ValueError('must hold networks or addresses, such as "10.0.0.0/8" or "192.0.2.7"')


def read_secret(value: object) -> str:
    """A Standard Webhooks secret: `whsec_` and base64 of 24 to 64 bytes; "" = none."""
    if value == "":
        return ""
    problem = "must be whsec_ followed by 24 to 64 bytes in base64, or empty"
    if not isinstance(value, str) or not value.startswith("whsec_"):
        raise ValueError(problem)
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(problem) from None
    if not 24 <= len(key) <= 64:
        raise ValueError(problem)
    return value


def _bare_host(text: str) -> str:
    host = text.strip("[]")
    if text.startswith("["):
        ipaddress.IPv6Address(host)
    return host


def _or_as_it_is(kind: type, read: Callable[[object], object]) -> PlainValidator:
    """A validator that reads text, and lets through what is a value already."""
    return PlainValidator(lambda value: value if isinstance(value, kind) else read(value))


Duration = Annotated[timedelta, _or_as_it_is(timedelta, read_positive_duration)]
Size = Annotated[ByteCount, _or_as_it_is(ByteCount, read_size)]
SizeOrNone = Annotated[ByteCount, _or_as_it_is(ByteCount, read_size_or_none)]
Listen = Annotated[HostPort, _or_as_it_is(HostPort, read_host_port)]
TrunkAddress = Annotated[SipAddress | None, _or_as_it_is(SipAddress, read_sip_address)]
Ports = Annotated[PortRange, _or_as_it_is(PortRange, read_port_range)]
LocalAddress = Annotated[str, PlainValidator(read_local_address)]
NameServer = Annotated[HostPort, PlainValidator(read_name_server)]
SipServer = Annotated[str, PlainValidator(read_sip_server)]
PublicUrl = Annotated[str, PlainValidator(read_public_url)]
StoreUrl = Annotated[str, PlainValidator(read_store_url)]
CallerId = Annotated[str, PlainValidator(read_caller_id)]
Digits = Annotated[str, _matching("[0-9]{0,15}", "must be at most 15 digits")]
DialDigits = Annotated[str, _matching("[0-9*#+]{0,15}", "must be at most 15 of 0-9, *, # and +")]
CountryCode = Annotated[
    str, _matching("[1-9][0-9]{0,2}", 'must be the 1 to 3 digits of a country code, such as "44"')
]
UserAgent = Annotated[
    str, _matching("[!-~](?:[ -~]{0,98}[!-~])?", "must be 1 to 100 printable ASCII characters")
]
HeaderText = Annotated[str, PlainValidator(read_header_text)]
NumberFormat = Literal["e164", "digits", "national"]
SessionExpires = Annotated[int, PlainValidator(read_session_expires)]
Country = Annotated[str, PlainValidator(read_country)]
Allowed = Annotated[str, PlainValidator(read_allowed)]
Network = Annotated[str, PlainValidator(read_network)]
WebhookSecret = Annotated[str, PlainValidator(read_secret)]
