"""Taking in a request's body, whole or not at all."""

import asyncio

from starlette.requests import Request
from starlette.types import Receive

from callwright.errors import BodyMalformed, MediaTypeUnsupported, TooLarge

PAUSE_S = 60.0
"""Longest silence in the middle of a body."""

DISCARD_BYTES = 1024 * 1024
DISCARD_S = 2.0


class ClientGone(Exception):
    """The client hung up before its request was complete; there is nobody to answer."""


def refuse_encoded(request: Request) -> None:
    """Refuse a body that came compressed.

    Raises:
        MediaTypeUnsupported: it has a Content-Encoding.
    """
    encodings = request.headers.get("content-encoding", "").strip().lower()
    if encodings not in ("", "identity"):
        raise MediaTypeUnsupported("The request body must come without a Content-Encoding.")


async def read_whole_body(request: Request, limit: int) -> bytes:
    """The body; at most `limit` bytes.

    Raises:
        TooLarge: it is longer, or says it will be (then nothing of it is read).
        BodyMalformed: its rest did not come.
        ClientGone: the client closed the connection first.
    """
    too_large = TooLarge(f"The request body is larger than {limit} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            async with asyncio.timeout(PAUSE_S):
                message = await request.receive()
        except TimeoutError:
            raise BodyMalformed("The rest of the request body did not arrive.") from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def discard_body(receive: Receive) -> None:
    """Take in the rest of a body that nobody wants, within reason.

    Closing a connection on unread bytes resets it, and the client would lose the answer
    that tells what was wrong.
    """
    size = 0
    try:
        async with asyncio.timeout(DISCARD_S):
            while size < DISCARD_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return
