"""Taking in the body of a request that may be large: a small one in memory, others in a file.

The memory that this takes does not grow with the body. The file has no name, so nothing is
left of an upload that broke off.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.requests import Request

from callwright.dialects.content import Content
from callwright.errors import TooLarge
from callwright.service.spool_file import SpoolFile
from callwright.web.request_body import ClientGone

IN_MEMORY = 256 * 1024
"""Bodies up to this many bytes are kept in memory."""

WRITE_AT_ONCE = 1024 * 1024


@asynccontextmanager
async def received_body(
    request: Request,
    limit: int,
    folder: Path,
    on_file: Callable[[SpoolFile], None] = lambda file: None,
) -> AsyncIterator[Content]:
    """The whole body, of at most `limit` bytes; a large one in a file on the disk of `folder`.

    `on_file` is told of the file while most of the body is still to come. What was cut out
    of the body is gone, too, when the context ends.

    Raises:
        TooLarge: it is longer, or says it will be (then nothing of it is read).
        ClientGone: the client closed the connection first, or was too slow.
        StoreUnavailable: the file cannot be made or written.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise TooLarge(f"The request body is larger than {limit} bytes (limits.csv_bytes).")
    spool: SpoolFile | None = None
    try:
        pending: list[bytes] = []
        pending_size = size = 0
        async for chunk in _chunks(request):
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"The request body is larger than {limit} bytes (limits.csv_bytes).")
            pending.append(chunk)
            pending_size += len(chunk)
            if pending_size > (WRITE_AT_ONCE if spool else IN_MEMORY):
                if spool is None:
                    spool = SpoolFile(folder)
                    on_file(spool)
                await asyncio.to_thread(spool.write, b"".join(pending))
                pending, pending_size = [], 0
        rest = b"".join(pending)
        if spool is None:
            yield rest
        else:
            await asyncio.to_thread(spool.write, rest)
            yield spool.content
    finally:
        if spool is not None:
            # The disk takes a while to free a large file.
            await asyncio.to_thread(spool.close)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return
