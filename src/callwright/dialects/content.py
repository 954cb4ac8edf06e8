"""The bytes of a request body, or of a part of it: in memory, or kept elsewhere.

Everything that reads a body does so through slices, so that a list of a quarter gigabyte is
read like one of a hundred bytes. How bytes that are kept elsewhere are fetched is the
caller's business: `StoredContent` is given a function for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

PIECE = 1 << 20
"""Bytes looked at in one go."""


class Content(Protocol):
    """Bytes that can be cut; `bytes` and `memoryview` are such."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes | memoryview: ...


@dataclass(frozen=True, slots=True)
class StoredContent:
    """The bytes from `start` up to `end` of something that `read` reads: `read(size, offset)`
    gives at least one byte and at most `size`, or none where there are no more."""

    read: Callable[[int, int], bytes]
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __getitem__(self, part: slice, /) -> bytes:
        """The bytes of a slice without a step.

        Raises:
            OSError: they cannot be read, or are fewer than there were.
        """
        start, stop, _ = part.indices(len(self))
        pieces: list[bytes] = []
        while start < stop:
            piece = self.read(stop - start, self.start + start)
            if not piece:
                raise OSError("the stored bytes end too soon")
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def part_of(content: Content, start: int, end: int) -> Content:
    """A part that is not copied."""
    if isinstance(content, StoredContent):
        return StoredContent(content.read, content.start + start, content.start + end)
    return memoryview(content)[start:end] if isinstance(content, bytes) else content[start:end]


def starts_with(content: Content, wanted: bytes, at: int = 0) -> bool:
    """Whether `wanted` stands at `at`."""
    return content[at : at + len(wanted)] == wanted


def find(content: Content, wanted: bytes, start: int = 0, end: int | None = None) -> int:
    """Where `wanted` begins that lies between `start` and `end`, or -1."""
    end = len(content) if end is None else min(end, len(content))
    if isinstance(content, bytes):
        return content.find(wanted, start, end)
    overlap = len(wanted) - 1
    while start + overlap < end:
        piece = bytes(content[start : min(start + PIECE, end)])
        found = piece.find(wanted)
        if found >= 0:
            return start + found
        start += max(len(piece) - overlap, 1)
    return -1


def pieces_of(content: Content, start: int = 0) -> Iterator[tuple[int, bytes | memoryview]]:
    """The bytes from `start` on in pieces, each with where it stands."""
    for at in range(start, len(content), PIECE):
        yield at, content[at : at + PIECE]
