"""A workbook that somebody sent, as the list in one of its sheets.

Opened in a process of its own with bounded memory and time: a workbook is an archive, and a
small one can unfold to anything.
"""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import msgspec

from callwright.dialects.content import Content, pieces_of
from callwright.dialects.form import LIST_FIELD
from callwright.dialects.workbook import csv_lines
from callwright.errors import CallwrightError, FieldInvalid, TooLarge, Unavailable
from callwright.service.spool_file import SpoolFile

MAX_BYTES = 64 * 1024 * 1024
"""Largest workbook, packed as it comes."""

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
CPU_S = 120

_UNREADABLE = "the workbook cannot be read: it is damaged or unfolds to too much; send CSV instead"


class Converted(msgspec.Struct, frozen=True):
    """How a conversion ended; `problem` is for the sender of the workbook."""

    problem: str = ""


async def list_of_workbook(
    data: Content, folder: Path, *, sheet: str = "", max_bytes: int
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
    packed, unpacked = SpoolFile(folder), SpoolFile(folder)
    try:
        await asyncio.to_thread(_fill, packed, data)
        convert = partial(_convert, packed, unpacked, sheet, max_bytes)
        problem = (await asyncio.to_thread(convert)).problem
        if problem:
            raise FieldInvalid(LIST_FIELD, problem)
        unpacked.measure()
    except BaseException:
        unpacked.close()
        raise
    finally:
        packed.close()
    return unpacked


def _fill(file: SpoolFile, data: Content) -> None:
    for _, piece in pieces_of(data):
        file.write(bytes(piece))


def _convert(packed: SpoolFile, unpacked: SpoolFile, sheet: str, max_bytes: int) -> Converted:
    arguments = [str(packed.fd), str(unpacked.fd), str(max_bytes), sheet]
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "callwright.service.workbook", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(packed.fd, unpacked.fd),
            start_new_session=True,
            timeout=2 * CPU_S,
            check=False,
        )
        return msgspec.json.decode(ended.stdout, type=Converted)
    except OSError as exc:
        raise Unavailable(f"the process that reads workbooks cannot start: {exc.strerror}") from exc
    except (subprocess.TimeoutExpired, msgspec.DecodeError):
        return Converted(_UNREADABLE)


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


def main() -> None:
    """The process: PACKED_FD UNPACKED_FD MAX_BYTES SHEET."""
    packed, unpacked, max_bytes, sheet = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    with open(int(packed), "rb") as file:
        file.seek(0)
        data = file.read()
    try:
        converted = write_csv(csv_lines(data, sheet), int(unpacked), int(max_bytes))
    except CallwrightError as exc:
        converted = Converted(exc.problem if isinstance(exc, FieldInvalid) else str(exc))
    except MemoryError:
        converted = Converted(_UNREADABLE)
    sys.stdout.buffer.write(msgspec.json.encode(converted))


if __name__ == "__main__":
    main()
