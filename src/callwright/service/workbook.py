"""A workbook of a stranger as the CSV of one of its sheets, made by a process of its own.

A process with bounded memory and time, of which there is one at a time: a workbook is an
archive, and a small one can unfold to anything.
"""

import asyncio
import io
import resource
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from callwright.dialects.content import Content, pieces_of
from callwright.dialects.form import LIST_FIELD
from callwright.dialects.workbook import csv_lines
from callwright.errors import CallwrightError, FieldInvalid, TooLarge, Unavailable
from callwright.service.spool_file import SpoolFile

MAX_BYTES = 64 * 1024 * 1024
"""Largest workbook, packed as it comes."""

UNFOLDED_BYTES = 1024 * 1024 * 1024
"""Largest workbook by what it says of itself; a million rows with three variables are a quarter."""

MEMORY_BYTES = 768 * 1024 * 1024
"""Of the whole process. Those million rows take 420 MiB, and 10 s."""

CPU_S = 40
WALL_S = 160.0

_UNREADABLE = "the workbook cannot be read: it is damaged or unfolds to too much; send CSV instead"


class Converted(msgspec.Struct, frozen=True):
    """How a conversion ended; `problem` is for the sender of the workbook."""

    problem: str = ""


class Workbooks:
    """Converts workbooks to lists, one after the other."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def list_of(
        self, data: Content, folder: Path, *, sheet: str = "", max_bytes: int
    ) -> SpoolFile:
        """The sheet of that name (or the first to be seen) as CSV, in a file the caller closes.

        `folder` is where the file is made; `max_bytes` limits it.

        Raises:
            FieldInvalid: it is no workbook, has no such sheet, or cannot be read.
            TooLarge: it, or the list in it, is too large.
            Unavailable: the process cannot be started.
        """
        if len(data) > MAX_BYTES:
            raise TooLarge(f"The workbook is larger than {MAX_BYTES >> 20} MiB.")
        async with self._turn:
            conversion = _Conversion(folder, sheet, max_bytes)
            converting = asyncio.ensure_future(asyncio.to_thread(conversion.run, data))
            try:
                return await asyncio.shield(converting)
            except asyncio.CancelledError:
                # Nobody may close a file that the process is still to be given.
                conversion.stop()
                await asyncio.wait({converting})
                if converting.exception() is None:
                    converting.result().close()
                raise


class _Conversion:
    """One process, which can be stopped from another thread."""

    def __init__(self, folder: Path, sheet: str, max_bytes: int) -> None:
        self._folder = folder
        self._sheet = sheet
        self._max_bytes = max_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False
        self._lock = threading.Lock()

    def run(self, data: Content) -> SpoolFile:
        """See `Workbooks.list_of`. Blocks."""
        packed, unpacked = SpoolFile(self._folder), SpoolFile(self._folder)
        try:
            for _, piece in pieces_of(data):
                packed.write(bytes(piece))
            problem = self._convert(packed, unpacked).problem
            if problem:
                raise FieldInvalid(LIST_FIELD, problem)
            unpacked.measure()
        except BaseException:
            unpacked.close()
            raise
        finally:
            packed.close()
        return unpacked

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def _convert(self, packed: SpoolFile, unpacked: SpoolFile) -> Converted:
        process = self._start(packed, unpacked)
        try:
            return msgspec.json.decode(process.communicate(timeout=WALL_S)[0], type=Converted)
        except (subprocess.TimeoutExpired, msgspec.DecodeError):
            return Converted(_UNREADABLE)
        finally:
            process.kill()
            process.communicate()

    def _start(self, packed: SpoolFile, unpacked: SpoolFile) -> subprocess.Popen[bytes]:
        arguments = [str(packed.fd), str(unpacked.fd), str(self._max_bytes), self._sheet]
        with self._lock:
            if self._is_stopped:
                raise Unavailable("nobody wants the list any more")
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "callwright.service.workbook", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(packed.fd, unpacked.fd),
                    start_new_session=True,
                )
            except OSError as exc:
                problem = "the process that reads workbooks cannot start"
                raise Unavailable(f"{problem}: {exc.strerror}") from exc
            return self._process


def write_csv(lines: Iterable[str], out: int, max_bytes: int) -> Converted:
    """Write `lines` to the file `out`, up to `max_bytes`."""
    size = 0
    with open(out, "wb", closefd=False) as file:
        for line in lines:
            text = line.encode("utf-8", "replace")
            size += len(text)
            if size > max_bytes:
                return Converted(f"the list in the workbook is larger than {max_bytes} bytes")
            file.write(text)
    return Converted()


def require_bounded(data: bytes) -> None:
    """Look at what an archive says that it unfolds to, before anything of it is unfolded.

    One that lies meets the process's own limits.

    Raises:
        FieldInvalid: it is too much.
    """
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise FieldInvalid(LIST_FIELD, _UNREADABLE) from None
    if size > UNFOLDED_BYTES:
        raise FieldInvalid(
            LIST_FIELD,
            f"the workbook unfolds to more than {UNFOLDED_BYTES >> 20} MiB; send CSV instead",
        )


def main() -> None:
    """The process: PACKED_FD UNPACKED_FD MAX_BYTES SHEET."""
    packed, unpacked, max_bytes, sheet = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    # What runs out of memory ends with a signal; what it held is people's data.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open(int(packed), "rb") as file:
            file.seek(0)
            data = file.read()
        require_bounded(data)
        converted = write_csv(csv_lines(data, sheet), int(unpacked), int(max_bytes))
    except CallwrightError as exc:
        converted = Converted(exc.problem if isinstance(exc, FieldInvalid) else str(exc))
    except MemoryError:
        converted = Converted(_UNREADABLE)
    sys.stdout.buffer.write(msgspec.json.encode(converted))


if __name__ == "__main__":
    main()
