"""Reading a list outside the event loop: a small one in a thread, a large one in a process."""

import asyncio
import subprocess
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
        process = await _start(data.read, _job(ready, data, lenient=lenient))
        stream, transport = await _open_pipe(process)
        try:
            while not isinstance(message := await _receive(stream), ListEnd):
                if isinstance(message, ListRefused):
                    raise message.refusal()
                yield message
        except asyncio.IncompleteReadError:
            code = await asyncio.to_thread(process.wait)
            raise Unavailable(f"the process that read a list ended ({code})") from None
        finally:
            transport.close()
            await asyncio.to_thread(_end, process)


def _next_or_none(slices: Iterator[ListSlice]) -> ListSlice | None:
    return next(slices, None)


def _job(ready: ReadyList, data: StoredContent, *, lenient: bool) -> bytes:
    job = ListJob(plan=ready.plan, start=data.start, end=data.end, lenient=lenient)
    return msgspec.json.encode(job)


async def _start(file: SpoolFile, job: bytes) -> "subprocess.Popen[bytes]":
    # Not by the event loop: uvloop forks, which takes 10 ms of a server this size; the
    # standard library's vfork takes less than one.
    spawning = asyncio.create_task(asyncio.to_thread(_spawn, file, job))
    try:
        return await asyncio.shield(spawning)
    except OSError as exc:
        raise Unavailable(f"the process that reads lists cannot start: {exc.strerror}") from exc
    except asyncio.CancelledError:
        with suppress(OSError):
            await asyncio.to_thread(_end, await spawning)
        raise


def _spawn(file: SpoolFile, job: bytes) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-m", "callwright.service.list_process", str(file.fd)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(file.fd,),
        # Not in the terminal's group: Ctrl-C reaches the server alone.
        start_new_session=True,
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(job)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


async def _open_pipe(
    process: "subprocess.Popen[bytes]",
) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    stream = asyncio.StreamReader(AHEAD_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), process.stdout
    )
    return stream, transport


async def _receive(stream: asyncio.StreamReader) -> ListMessage:
    length = int.from_bytes(await stream.readexactly(LENGTH_BYTES), "big")
    message: ListMessage = decode_message(await stream.readexactly(length))
    return message
