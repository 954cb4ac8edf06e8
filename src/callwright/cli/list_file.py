"""A list in a file: CSV as it stands, or a sheet of a workbook as CSV."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO

from callwright.errors import FieldInvalid

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How a file starts that is a workbook: an archive, or the older compound file."""


@contextmanager
def open_list_file(file: Path, sheet: str) -> Iterator[IO[bytes]]:
    """The file, or the CSV that its sheet comes to if it is a workbook; its length can be told
    even if it comes through a pipe.

    Raises:
        FieldInvalid: it cannot be read.
        ConfigInvalid: what reads workbooks is not installed.
    """
    with ExitStack() as stack:
        try:
            source: IO[bytes] = stack.enter_context(file.open("rb"))
            if not source.seekable():
                source = _copied(source, stack.enter_context(TemporaryFile()))
            start = source.read(4)
            source.seek(0)
        except OSError as exc:
            raise FieldInvalid("FILE", f"{file}: {exc.strerror}") from None
        if start in _WORKBOOKS:
            book, source = source.read(), stack.enter_context(TemporaryFile())
            _write_csv(book, sheet, source)
        elif sheet:
            raise FieldInvalid("--sheet", f"{file} is no workbook")
        yield source


def _write_csv(book: bytes, sheet: str, out: IO[bytes]) -> None:
    from callwright.dialects.workbook import csv_lines  # late: most lists are text

    for line in csv_lines(book, sheet):
        out.write(line.encode("utf-8", "replace"))


def _copied(source: IO[bytes], copy: IO[bytes]) -> IO[bytes]:
    copyfileobj(source, copy)
    copy.seek(0)
    return copy
