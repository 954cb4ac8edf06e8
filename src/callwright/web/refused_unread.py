"""Answers to what never became a whole request: below ASGI, but in the dialects' shape."""

import random
import re
from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from callwright.dialects.negotiate import wants_xml
from callwright.web.shapes import error_body

REFUSED = "callwright.refused"
"""Key in the state of an ASGI scope: the `Refused` that ended a request under way."""

_REQUEST_LINE = re.compile(rb"[!-~]{1,64} ([!-~]{1,4096}) HTTP/")

Headers = Sequence[tuple[bytes, bytes]]

GUARDS: Headers = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""On every reply: what it holds is data for one client, whatever a browser thinks it is."""


class Refused(Exception):
    """Why a connection's input is not read any further, and the status that says so."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


def new_request_id() -> bytes:
    # Names a request in the log and guards nothing, so that it need not be hard to guess.
    return b"%016x" % random.getrandbits(64)


def target(data: bytes) -> bytes:
    """The target of the request line that `data` begins with; b"" if that is none."""
    match = _REQUEST_LINE.match(data)
    return match[1] if match else b""


def refusal_bytes(
    refused: Refused, *, path: str, asked: Headers, default: Headers, request_id: bytes
) -> bytes:
    """The whole reply, which ends the connection.

    `asked` are the request's headers as far as they were read, `default` those of the server.
    """
    accept = next((value for name, value in asked if name == b"accept"), b"")
    xml = wants_xml(accept.decode("latin-1"))
    body, content_type = error_body(path, refused.status, refused.problem, xml=xml)
    headers = [
        *default,
        *GUARDS,
        (b"x-request-id", request_id),
        (b"content-type", content_type.encode("ascii")),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    if refused.status == 503:
        headers.append((b"retry-after", b"1"))
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[refused.status] + lines + b"\r\n" + body
