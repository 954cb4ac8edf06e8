"""SIP messages: bytes to typed values, and lines back to bytes.

Parses requests and responses from one UDP datagram: header names in any case, compact
forms, folded lines, lists in one line or many. Whatever the bytes are, the only error is
`SipMalformed`. Text is Latin-1 throughout, so that what a peer wrote is echoed byte for
byte. Which messages make sense where is the business of `transaction` and `dialog`.

Source: RFC 3261, sections 7, 8.1.1 and 20.
"""

import re
from dataclasses import dataclass

from callwright.telephony.sip.fields import Address, SipMalformed, split_list, unquoted

MAX_MESSAGE = 65_536
MAX_HEADERS = 256

# The compact forms of RFC 3261 section 7.3.3 and the RFCs that added to it.
_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
_USUAL = (
    "Via",
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Contact",
    "Record-Route",
    "Route",
    "Content-Type",
    "Content-Length",
    "Max-Forwards",
    "Allow",
    "Supported",
    "Server",
    "User-Agent",
    "Reason",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Retry-After",
)
# Spellings met every day, looked up without a call to lower().
_SPELLINGS = {name: name.lower() for name in _USUAL} | {"Call-Id": "call-id", "Cseq": "cseq"}
_SPELLINGS |= _COMPACT

_FOLD = re.compile(r"\r\n[ \t]+")
_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_TAG = re.compile(r";\s*tag\s*=\s*([^;,\s]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s*branch\s*=\s*([^;,\s]+)", re.IGNORECASE)
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?\Z", re.IGNORECASE)
_REQUEST = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]{1,32}) (\S+) SIP/2\.0\Z", re.IGNORECASE)
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]{1,32})\Z")
_ASKS_RPORT = re.compile(r";\s*rport\s*(?=;|,|\Z)", re.IGNORECASE)
_ONCE = ("from", "to", "call-id", "cseq")

Headers = dict[str, list[str]]
"""Lower-case long name to the values in the order they came, one per header line."""


@dataclass(slots=True)
class SipMessage:
    """What a request and a response share. Tags and branch are "" when there is none."""

    headers: Headers
    body: bytes
    call_id: str
    cseq: int
    method: str
    """The method of the CSeq, in capitals as sent."""
    from_tag: str
    to_tag: str
    branch: str
    """Of the topmost Via."""

    def first(self, name: str) -> str:
        """The first value of header `name` (lower case), "" when absent."""
        values = self.headers.get(name)
        return values[0] if values else ""

    def listed(self, name: str) -> list[str]:
        """All elements of a list header, whether sent in one line or in several."""
        values = self.headers.get(name)
        if not values:
            return []
        return [element for value in values for element in split_list(value)]


@dataclass(slots=True)
class SipRequest(SipMessage):
    """A request as it was heard."""

    uri: str = ""


@dataclass(slots=True)
class SipResponse(SipMessage):
    """A response as it was heard. `phrase` is printable ASCII, whatever was sent."""

    status: int = 0
    phrase: str = ""


def parse_message(data: bytes) -> SipRequest | SipResponse:
    """The message in one datagram.

    Raises:
        SipMalformed: it is none, or one of Via, From, To, Call-ID, CSeq is missing,
            doubled or unreadable, or it is longer than `MAX_MESSAGE`.
    """
    if len(data) > MAX_MESSAGE:
        raise SipMalformed("longer than 64 KiB")
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank or not head:
        raise SipMalformed("no empty line after the headers")
    text = head.decode("latin-1")
    if "\0" in text:
        raise SipMalformed("NUL in a header")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if len(lines) > MAX_HEADERS:
        raise SipMalformed("too many headers")
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise SipMalformed("a bare CR or LF in a header")
    headers = _read_headers(lines)
    body = _read_body(headers, body)
    call_id, cseq, method, from_tag, to_tag, branch = _read_core(headers)
    start = lines[0]
    status = _STATUS.match(start)
    if status is not None:
        phrase = (status[2] or "")[:80]
        if not (phrase.isascii() and phrase.isprintable()):
            phrase = "".join(c if " " <= c <= "~" else "?" for c in phrase)
        return SipResponse(
            headers,
            body,
            call_id,
            cseq,
            method,
            from_tag,
            to_tag,
            branch,
            int(status[1]),
            phrase.strip(),
        )
    request = _REQUEST.match(start)
    if request is None:
        raise SipMalformed("neither a request line nor a status line")
    if request[1] != method:
        raise SipMalformed("the CSeq's method is not the request's")
    return SipRequest(headers, body, call_id, cseq, method, from_tag, to_tag, branch, request[2])


def _read_headers(lines: list[str]) -> Headers:
    headers: Headers = {}
    for index in range(1, len(lines)):
        name, colon, value = lines[index].partition(":")
        key = _SPELLINGS.get(name)
        if key is None:
            bare = name.rstrip(" \t")
            if not colon or not _NAME.match(bare):
                raise SipMalformed("a header line without a name")
            key = bare.lower()
            key = _COMPACT.get(key, key)
        elif not colon:
            raise SipMalformed("a header line without a colon")
        values = headers.get(key)
        if values is None:
            headers[key] = [value.strip()]
        else:
            values.append(value.strip())
    return headers


def _read_body(headers: Headers, body: bytes) -> bytes:
    declared = headers.get("content-length")
    if declared is None:
        return body
    text = declared[0]
    if len(declared) > 1 or not (text.isascii() and text.isdigit()) or len(text) > 6:
        raise SipMalformed("Content-Length is not a number")
    length = int(text)
    if length > len(body):
        raise SipMalformed("the body is shorter than Content-Length says")
    return body[:length]


def _read_core(headers: Headers) -> tuple[str, int, str, str, str, str]:
    try:
        (sender,), (to,), (call_id,), (count,) = map(headers.__getitem__, _ONCE)
        via = headers["via"][0]
    except (KeyError, ValueError):
        sender = to = call_id = count = via = ""
    if not (sender and to and call_id and count and via):
        raise SipMalformed("Via must be there, From, To, Call-ID and CSeq once each")
    cseq = _CSEQ.match(count)
    if cseq is None:
        raise SipMalformed("CSeq is not a number and a method")
    number = int(cseq[1])
    if number >= 2**31:
        raise SipMalformed("CSeq is 2**31 or more")
    return (
        call_id,
        number,
        cseq[2],
        _read_tag(sender),
        _read_tag(to),
        _read_branch(via),
    )


def _read_branch(via: str) -> str:
    _, found, rest = via.partition(";branch=")
    if found and '"' not in via and "," not in via and " " not in rest:
        return rest.partition(";")[0]
    match = _BRANCH.search(unquoted(via))
    return "" if match is None else match[1]


def _read_tag(value: str) -> str:
    # As nearly everybody writes it: <uri>;tag=value, and nothing else after the URI.
    _, found, tag = value.rpartition(">;tag=")
    if found and tag.isalnum() and '"' not in tag:
        return tag
    bare = unquoted(value)
    # A parameter inside <> belongs to the URI, not to the header.
    _, _, params = bare.rpartition(">") if "<" in bare else bare.partition(";")
    if "<" not in bare:
        params = ";" + params
    match = _TAG.search(params)
    return "" if match is None else match[1]


def render(lines: list[str], body: bytes = b"") -> bytes:
    """A message from its start line and ready `Name: value` lines; adds Content-Length.

    The last guard against header injection: every value has been checked where it came
    in, and a CR, LF or NUL that slipped through is refused here.

    Raises:
        SipMalformed: a line holds a CR, LF or NUL, or a character outside Latin-1.
    """
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise SipMalformed("a header value holds a line break or NUL")
    try:
        head = f"{text}\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1")
    except UnicodeEncodeError as exc:
        raise SipMalformed("a header value holds a character outside Latin-1") from exc
    return head + body


def response_lines(
    request: SipRequest, status: int, phrase: str, to_tag: str, source: Address
) -> list[str]:
    """Status line and the headers every answer copies from its request (RFC 3261 8.2.6.2).

    `to_tag` is added to the To only if the request brought none. A top Via that asks for
    `rport` is told where its request came from (RFC 3581).
    """
    lines = [f"SIP/2.0 {status} {phrase}"]
    headers = request.headers
    vias = headers["via"]
    seen = f";rport={source[1]};received={source[0]}"
    lines.append(f"Via: {_ASKS_RPORT.sub(seen, vias[0], count=1)}")
    lines += [f"Via: {value}" for value in vias[1:]]
    lines += [f"Record-Route: {value}" for value in headers.get("record-route", ())]
    to = headers["to"][0]
    if to_tag and not request.to_tag:
        to = f"{to};tag={to_tag}"
    lines += [
        f"From: {headers['from'][0]}",
        f"To: {to}",
        f"Call-ID: {request.call_id}",
        f"CSeq: {request.cseq} {request.method}",
    ]
    return lines
