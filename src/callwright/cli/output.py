"""What commands print: data on stdout, talk on stderr, and their exit codes."""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum

from callwright.errors import (
    CallwrightError,
    ConfigInvalid,
    RequestRefused,
    ScriptInvalid,
    Unavailable,
)


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INPUT_REFUSED = 3
    UNREACHABLE = 4


class ServerUnreachable(Unavailable):
    """The server a command is a client of did not answer. `was_asked`: it was reached, so
    what was asked for may have been done."""

    def __init__(self, text: str, *, was_asked: bool = False) -> None:
        super().__init__(text)
        self.was_asked = was_asked


def exit_code_of(error: CallwrightError) -> ExitCode:
    """The exit code of a command that failed with `error`."""
    if isinstance(error, ServerUnreachable):
        return ExitCode.UNREACHABLE
    if isinstance(error, (RequestRefused, ConfigInvalid, ScriptInvalid)):
        return ExitCode.INPUT_REFUSED
    return ExitCode.FAILED


def show(value: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print the result of a command: `value` as one line of JSON, else `text`."""
    out = json.dumps(value, ensure_ascii=False, separators=(",", ":")) if as_json else text
    sys.stdout.write(out + "\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """Say something to the person at the terminal."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def counted(number: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows in columns as wide as they need to be, for eyes and for awk."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)
