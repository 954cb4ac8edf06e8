"""Reading a list outside the event loop: a small one in a thread, a large one in a process."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress

import msgspec

from callwright.dialects.contacts import ReadyList
from callwright.dialects.content import StoredContent
from callwright.errors import Unavailable
from callwright.service.list_process import (
    LENGTH_BYTES,
    ListEnd,
    ListJob,
    ListMessage,
    ListRefused,
    decode_message,
)
from callwright.service.list_slices import ListSlice, slices_of
from callwright.service.spool_file import SpoolFile

AHEAD_BYTES = 1024 * 1024
"""How far a process may read ahead of what is stored."""


async def read_list(
    ready: ReadyList, turns: asyncio.Semaphore, *, lenient: bool
) -> AsyncGenerator[ListSlice, None]:
    """The slices of a list, in order. Close the generator if you leave it early.

    `turns` limits how many processes read at once; a list in memory waits for nobody.

    Raises:
        RequestRefused: as `slices_of`.
        Unavailable: the process that read it died.
    """
    data = ready.list.data
    if not isinstance(data, StoredContent) or not isinstance(data.read, SpoolFile):
        slices = slices_of(ready, lenient=lenient)
        while (piece := await asyncio.to_thread(_next_or_none, slices)) is not None:
            yield piece
        return
    async with turns:
        process = await _start(ready, data.read, data, lenient=lenient)
        try:
            assert process.stdout is not None
            while not isinstance(message := await _receive(process.stdout), ListEnd):
                if isinstance(message, ListRefused):
                    raise message.refusal()
                yield message
        except asyncio.IncompleteReadError:
            code = await process.wait()
            raise Unavailable(f"the process that read a list ended ({code})") from None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())


def _next_or_none(slices: Iterator[ListSlice]) -> ListSlice | None:
    return next(slices, None)


async def _start(
    ready: ReadyList, file: SpoolFile, data: StoredContent, *, lenient: bool
) -> asyncio.subprocess.Process:
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callwright.service.list_process",
            str(file.fd),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(file.fd,),
            limit=AHEAD_BYTES,
            # Not in the terminal's group: Ctrl-C reaches the server alone.
            start_new_session=True,
        )
    except OSError as exc:
        raise Unavailable(f"the process that reads lists cannot start: {exc.strerror}") from exc
    assert process.stdin is not None
    job = ListJob(plan=ready.plan, start=data.start, end=data.end, lenient=lenient)
    process.stdin.write(msgspec.json.encode(job))
    process.stdin.write_eof()
    return process


async def _receive(stream: asyncio.StreamReader) -> ListMessage:
    length = int.from_bytes(await stream.readexactly(LENGTH_BYTES), "big")
    message: ListMessage = decode_message(await stream.readexactly(length))
    return message
