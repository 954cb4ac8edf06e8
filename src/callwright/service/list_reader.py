"""Reading lists outside the event loop: a small one in a thread, a large one in a process."""

import asyncio
import fcntl
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial

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

Process = subprocess.Popen[bytes]


class ListReaders:
    """The processes that read large lists: `at_once` of them, the others wait their turn."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._turns = asyncio.Semaphore(at_once)
        # Not started by the event loop: uvloop forks, which takes 10 ms of a server this
        # size; the standard library's vfork takes less than one.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="list-reader")
        self._early: dict[SpoolFile, Future[Process]] = {}

    def expect(self, file: SpoolFile) -> None:
        """A list seems to be coming into `file`: be ready to read it when it is all there.

        A process takes a tenth of a second to start, the upload often longer.
        """
        if not self._turns.locked() and len(self._early) < self._at_once:
            self._early[file] = self._starter.submit(_spawn, file)
            file.call_at_close(partial(self._forget, file))

    async def read(self, ready: ReadyList, *, lenient: bool) -> AsyncGenerator[ListSlice, None]:
        """The slices of a list, in order. Close the generator if you leave it early.

        Raises:
            RequestRefused: as `slices_of`.
            Unavailable: the process that read it died, or could not be started.
        """
        data = ready.list.data
        if not isinstance(data, StoredContent) or not isinstance(data.read, SpoolFile):
            # In memory: it waits for nobody.
            slices = slices_of(ready, lenient=lenient)
            while (piece := await asyncio.to_thread(_next_or_none, slices)) is not None:
                yield piece
            return
        async with self._turns:
            process = await self._start(data.read)
            try:
                stream, transport = await _open_pipe(process)
                try:
                    job = ListJob(plan=ready.plan, start=data.start, end=data.end, lenient=lenient)
                    await asyncio.to_thread(_give_job, process, job)
                    while not isinstance(message := await _receive(stream), ListEnd):
                        if isinstance(message, ListRefused):
                            raise message.refusal()
                        yield message
                finally:
                    transport.close()
            except asyncio.IncompleteReadError:
                code = await asyncio.to_thread(process.wait)
                raise Unavailable(f"the process that read a list ended ({code})") from None
            finally:
                await asyncio.to_thread(_end, process)

    async def _start(self, file: SpoolFile) -> Process:
        starting = self._early.pop(file, None) or self._starter.submit(_spawn, file)
        try:
            return await asyncio.shield(asyncio.wrap_future(starting))
        except OSError as exc:
            raise Unavailable(f"the process that reads lists cannot start: {exc.strerror}") from exc
        except asyncio.CancelledError:
            starting.add_done_callback(_end_early)
            raise

    def _forget(self, file: SpoolFile) -> None:
        early = self._early.pop(file, None)
        if early is not None:
            early.add_done_callback(_end_early)


def _spawn(file: SpoolFile) -> Process:
    process = subprocess.Popen(
        [sys.executable, "-m", "callwright.service.list_process", str(file.fd)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(file.fd,),
        # Not in the terminal's group: Ctrl-C reaches the server alone.
        start_new_session=True,
    )
    assert process.stdout is not None
    # Room for a few slices: in the usual 64 KiB the two sides wait for each other's every move.
    with suppress(OSError):
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, AHEAD_BYTES)
    return process


def _give_job(process: Process, job: ListJob) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(msgspec.json.encode(job))


def _end(process: Process) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
    process.wait()


def _end_early(starting: "Future[Process]") -> None:
    if starting.exception() is None:
        _end(starting.result())


def _next_or_none(slices: Iterator[ListSlice]) -> ListSlice | None:
    return next(slices, None)


async def _open_pipe(process: Process) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    stream = asyncio.StreamReader(AHEAD_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), process.stdout
    )
    return stream, transport


async def _receive(stream: asyncio.StreamReader) -> ListMessage:
    length = int.from_bytes(await stream.readexactly(LENGTH_BYTES), "big")
    message: ListMessage = decode_message(await stream.readexactly(length))
    return message
