"""What is fuzzed around a request's body: who asks, from where, what is logged of it."""

import re

from fuzz_targets import Target, lenient_text_of, promise

from callwright.dialects.negotiate import wants_xml
from callwright.errors import CredentialsInvalid
from callwright.web.credentials import parse_basic
from callwright.web.request_log import shown_path, shown_query
from callwright.web.sources import Proxies, source_of

_ESCAPE = re.compile(r"\\(?:x..|u....|U........)")


def run_basic(data: bytes) -> str:
    try:
        email, key = parse_basic(data.decode("latin-1"))
    except CredentialsInvalid as refusal:
        return str(refusal)
    promise(":" not in email, "split at the first colon")
    promise(not any(ord(c) < 32 or ord(c) == 127 for c in email + key), "no control characters")
    (email + key).encode()
    return f"read {bool(email)} {bool(key)} {email.isascii()}"


def run_accept(data: bytes) -> str:
    accept = data.decode("latin-1")
    named = "xml" in accept.lower()
    xml = wants_xml(accept)
    promise(named or not xml, "no XML for who did not name it")
    return f"{xml} {accept.count(',')} {accept.count(';')}"


def run_forwarded(data: bytes) -> str:
    scope = {"client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", data)]}
    address = _PROXIES.client_of(scope)
    promise(address is not None, "whoever it is, it is somebody")
    promise(len(source_of(address)) in (3, 8), "a source of fixed length")
    return f"{len(source_of(address))} {data.count(b',')}"


def run_log(data: bytes) -> str:
    path = "/" + lenient_text_of(data)
    scope = {"path": path, "path_params": {"call_id": path[1:]}, "query_string": data}
    both = (shown_path(scope, found=False), shown_query(scope))
    for shown in both:
        promise(shown.isascii() and (shown.isprintable() or not shown), "one line that shows")
        promise(re.search("[0-9]{7}", _ESCAPE.sub("_", shown)) is None, "no number")
    return re.sub(r"\w+", "", both[1])


_PROXIES = Proxies(["127.0.0.0/8", "10.0.0.0/8"])

DOOR: dict[str, Target] = {
    "basic": Target(
        run_basic,
        [
            b"Basic eW91QHlvdXJkb21haW4uY29tOnlvdXJfZGV2ZWxvcGVyX2tleQ==", b"basic YTpi", b"Basic",
            b"Basic YTpiOmM6ZA==", b"Basic w6k6w6k=", b"Bearer abc",
        ],
        [b"Basic ", b"basic", b"=", b"==", b"YTpi", b"Og==", b" ", b"\t", b",", b"\xe9", b"AAAA"],
    ),
    "accept": Target(
        run_accept,
        [
            b"application/xml", b"text/html,application/xml;q=0.9,*/*;q=0.8", b"*/*", b"",
            b"application/json;q=0.1, text/xml;q=0.2",
        ],
        [
            b"application/xml", b"text/xml", b"application/json", b"*/*", b"application/*", b";q=",
            b"0.5", b"1", b"0", b"1.0001", b",", b";", b"=", b" ", b"q", b"nan", b"1e9", b'"',
        ],
    ),
    "forwarded": Target(
        run_forwarded,
        [b"198.51.100.7", b"6.6.6.6, 10.0.0.1", b"[2001:db8::1]:80, ::ffff:10.0.0.1", b"unknown"],
        [b",", b" ", b":", b"::", b"[", b"]", b".", b"10.", b"127.0.0.1", b"::ffff:", b"%eth0",
        b"1"],
    ),
    "log": Target(
        run_log,
        [b"api/outbound/6175551234?number=6175551234", b"x=%0a&key=abc", b"+1 (617) 555-1234"],
        [
            b"%0a", b"%0d", b"%e2%80%a8", b"&", b"=", b"key", b"token", b"6175551234", b"(", b")",
            b" ", b"-", b"+", b".", b"/", b"\n", b"\x1b[", "\u2028".encode(), b"\x85", b"%ed%a0%80",
        ],
    ),
}  # fmt: skip
