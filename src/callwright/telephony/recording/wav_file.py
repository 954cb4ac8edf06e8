"""The files of recordings: their names, their header, and making a broken-off one whole.

While a call goes on its file is a `.part` with a header that claims nothing; it is locked,
so that nobody takes it for a leftover. Done, it is a `.wav`.

Source: RFC 2361 and Microsoft's "Multiple Channel Audio Data and WAVE Files" (format 7).
"""

import fcntl
import hashlib
import os
import re
import struct
from contextlib import suppress
from pathlib import Path

SAMPLE_RATE = 8000
CHANNELS = 2
SUFFIX = ".wav"
UNFINISHED = ".part"
_MULAW = 7
_HEADER = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
HEADER_BYTES = _HEADER.size
_LONGEST = 0xFFFFFFFF - HEADER_BYTES
_PLAIN = re.compile(r"[A-Za-z0-9-]{1,100}")


def stem_of(sip_call_id: str) -> str:
    """What the file of the attempt with this SIP Call-ID is called, but for its suffix."""
    if _PLAIN.fullmatch(sip_call_id):
        return sip_call_id
    return hashlib.sha256(sip_call_id.encode("utf-8", "surrogatepass")).hexdigest()


def header(codes: int) -> bytes:
    """What stands before so many bytes of µ-law codes, both channels counted."""
    codes = min(codes, _LONGEST)
    return _HEADER.pack(
        *(b"RIFF", HEADER_BYTES - 8 + codes, b"WAVE"),
        *(b"fmt ", 18, _MULAW, CHANNELS, SAMPLE_RATE, SAMPLE_RATE * CHANNELS, CHANNELS, 8, 0),
        *(b"fact", 4, codes // CHANNELS),
        *(b"data", codes),
    )


def duration_s(file_bytes: int) -> float:
    """How long a whole file of this size is."""
    return max(0, file_bytes - HEADER_BYTES) / (SAMPLE_RATE * CHANNELS)


def begin(folder: Path, stem: str) -> int:
    """A new unfinished file, locked, and only for the owner's eyes.

    Raises:
        OSError: it cannot be made, or is there already.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    file = os.open(folder / (stem + UNFINISHED), flags, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(file, header(0))
    except OSError:
        os.close(file)
        raise
    return file


def finish(folder: Path, stem: str, file: int) -> None:
    """Make an unfinished file whole and close it; one without audio is removed.

    Raises:
        OSError: it could not be; it stays for the next start.
    """
    part = folder / (stem + UNFINISHED)
    try:
        size = os.fstat(file).st_size
        codes = (size - HEADER_BYTES) // CHANNELS * CHANNELS
        if codes <= 0:
            part.unlink(missing_ok=True)
            return
        os.ftruncate(file, HEADER_BYTES + codes)
        # Positioned writes go to the end of a file opened for appending: open it anew.
        with part.open("r+b") as again:
            again.write(header(codes))
        part.rename(folder / (stem + SUFFIX))
    finally:
        os.close(file)


def finish_leftovers(folder: Path) -> int:
    """Make whole what dead processes left unfinished; how many there were."""
    found = 0
    for part in folder.glob("*" + UNFINISHED):
        with suppress(OSError):
            file = os.open(part, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)  # its call goes on
                continue
            finish(folder, part.stem, file)
            found += 1
    return found


def remove_old(folder: Path, before: float) -> int:
    """Remove finished files last written `before` (Unix seconds); how many there were."""
    found = 0
    for path in folder.glob("*" + SUFFIX):
        with suppress(OSError):
            if path.stat().st_mtime < before:
                path.unlink()
                found += 1
    return found
