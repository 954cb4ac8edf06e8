"""A process that reads one list: `python -m callwright.service.list_process FD`.

A large list is read outside the server's process, so that checking a million rows takes
nothing from the calls under way. The list is in the open file FD; how to read it, a
`ListJob`, comes on standard input. Slices leave on standard output as they are ready, each
with its length before; the last message is `ListEnd` or `ListRefused`. If that is missing,
the process died.

Knows no database and no HTTP. Ends by itself when nobody takes its slices any more.
"""

import gc
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from callwright.dialects.contacts import ListPlan, open_again
from callwright.dialects.content import StoredContent
from callwright.errors import FieldInvalid, ListInvalid, RequestRefused, TooLarge
from callwright.service.list_slices import ListSlice, slices_of

NICE = 5
"""Lists wait for calls, not the other way round."""

LENGTH_BYTES = 4


class ListJob(msgspec.Struct, frozen=True, kw_only=True):
    """What to read of the file, and how."""

    plan: ListPlan
    start: int
    end: int
    lenient: bool


class ListEnd(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """The list was read to its end."""


class ListRefused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """The whole list is refused."""

    kind: Literal["list", "field", "size"]
    field: str = ""
    text: str = ""
    problems: list[tuple[int, str]] = msgspec.field(default_factory=list)
    total: int = 0

    def refusal(self) -> RequestRefused:
        """The exception that this was in the other process."""
        if self.kind == "list":
            return ListInvalid(self.problems, self.total)
        if self.kind == "field":
            return FieldInvalid(self.field, self.text)
        return TooLarge(self.text)


ListMessage = ListSlice | ListEnd | ListRefused

decode_message = msgspec.msgpack.Decoder(ListMessage).decode
_encode = msgspec.msgpack.Encoder().encode


def refused(refusal: RequestRefused) -> ListRefused:
    """`refusal`, one of those that reading a list raises, as a message."""
    match refusal:
        case ListInvalid():
            return ListRefused(kind="list", problems=list(refusal.problems), total=refusal.total)
        case FieldInvalid():
            return ListRefused(kind="field", field=refusal.field, text=refusal.problem)
        case _:
            return ListRefused(kind="size", text=str(refusal))


def main() -> None:
    """Read the list in the file that the only argument names."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=ListJob)
    stand_back()
    # Reading a list makes no reference cycles, and millions of strings to look through.
    gc.disable()
    data = StoredContent(partial(os.pread, int(sys.argv[1])), job.start, job.end)
    out = os.fdopen(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
    try:
        last = _send_slices(job, data, out)
        _send(out, last)
    except BrokenPipeError:
        # Nobody listens: the client went away, or the server did.
        os._exit(1)


def stand_back() -> None:
    """Let everybody else have the processor first."""
    os.nice(NICE)
    with suppress(OSError):
        # Linux may give each session a share of its own, which nice does not change: autogroup
        # in sched(7). Ours has nobody else in it.
        Path("/proc/self/autogroup").write_text(str(NICE))


def _send_slices(job: ListJob, data: StoredContent, out: BinaryIO) -> ListEnd | ListRefused:
    try:
        for piece in slices_of(open_again(data, job.plan), lenient=job.lenient):
            _send(out, piece)
    except RequestRefused as refusal:
        return refused(refusal)
    return ListEnd()


def _send(out: BinaryIO, message: ListMessage) -> None:
    body = _encode(message)
    rest = memoryview(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    while rest:
        rest = rest[out.write(rest) :]


if __name__ == "__main__":
    main()
