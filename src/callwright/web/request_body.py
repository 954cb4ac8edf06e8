"""Taking in a request's body, whole or not at all.

How long a client may take is the connection's business (`door`): of one that was too slow
a handler hears that it is gone.
"""

from starlette.requests import Request

from callwright.errors import MediaTypeUnsupported, TooLarge


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
        ClientGone: the client closed the connection first, or was too slow.
    """
    too_large = TooLarge(f"The request body is larger than {limit} bytes (limits.form_bytes).")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
