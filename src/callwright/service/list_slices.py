"""A list in slices that are ready to be stored, each small enough to hold nobody up.

Runs wherever the list is read: in a thread for a small one, in a process of its own for a
large one (`list_process`), which is why a slice is a message with its rows packed.
"""

from collections.abc import Iterator

import msgspec

from callwright.dialects.contacts import PROBLEMS_SHOWN, ReadyList, RowProblem, all_or_nothing
from callwright.dialects.csv_reader import Block
from callwright.errors import ListInvalid
from callwright.ports.store import VALUES_A_CALL, RejectedRow

SLICE = 1_000
"""Most rows in one slice: about a millisecond for the writer."""

SLICE_CHARS = 256 * 1024
"""Rows can be wide: a slice that has so much text is full."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[str]).decode


class ListSlice(msgspec.Struct, frozen=True, kw_only=True, tag="slice"):
    """Consecutive rows of a list: the calls they make, and those that are refused."""

    calls: int
    packed: bytes
    rejected: list[tuple[int, str, str]]
    """Line, problem and text of each."""
    bytes_read: int
    """How much of the list was looked at so far."""

    def values(self) -> list[str]:
        """The calls as `WriteTx.add_rows` takes them."""
        return _unpack(self.packed)

    def rejected_rows(self) -> list[RejectedRow]:
        """The others as `WriteTx.add_rejected_rows` takes them."""
        return [
            RejectedRow(line=line, problem=problem, text=text)
            for line, problem, text in self.rejected
        ]


def slices_of(ready: ReadyList, *, lenient: bool) -> Iterator[ListSlice]:
    """The list in slices, in order; without `lenient` up to the first row that is wrong.

    Raises:
        ListInvalid: rows are wrong (with `lenient`: all of them), or the file cannot be cut
            into rows any further.
        FieldInvalid: there are no rows.
        TooLarge: there are too many.
    """
    blocks = ready.blocks()
    pile = _Pile(ready)
    calls = rejected = 0
    shown: list[tuple[int, str]] = []
    for piece in blocks if lenient else all_or_nothing(blocks):
        if isinstance(piece, RowProblem):
            rejected += 1
            if len(shown) < PROBLEMS_SHOWN:
                shown.append((piece.line, piece.problem))
            pile.reject(piece)
        else:
            calls += piece.rows
            pile.add(piece)
        yield from pile.full_slices()
    yield from pile.all_slices()
    if rejected and not calls:
        raise ListInvalid(shown, rejected)


class _Pile:
    """Collects blocks until they make a slice."""

    def __init__(self, ready: ReadyList) -> None:
        self._ready = ready
        self._values: list[str] = []
        self._rejected: list[tuple[int, str, str]] = []
        self._chars = 0

    def add(self, block: Block) -> None:
        self._values += block.values
        self._chars += sum(map(len, block.values[VALUES_A_CALL - 1 :: VALUES_A_CALL]))

    def reject(self, row: RowProblem) -> None:
        # No database keeps NUL in text without surprises.
        text = row.text.replace("\0", "\ufffd")
        self._rejected.append((row.line, row.problem, text))
        self._chars += len(text)

    def full_slices(self) -> Iterator[ListSlice]:
        """What has grown to the size of a slice."""
        if self._chars >= SLICE_CHARS:
            yield from self.all_slices()
        while len(self._values) >= SLICE * VALUES_A_CALL or len(self._rejected) >= SLICE:
            yield self._next_slice()

    def all_slices(self) -> Iterator[ListSlice]:
        """Whatever there is."""
        while self._values or self._rejected:
            yield self._next_slice()
        self._chars = 0

    def _next_slice(self) -> ListSlice:
        end = SLICE * VALUES_A_CALL
        values, self._values = self._values[:end], self._values[end:]
        rejected, self._rejected = self._rejected[:SLICE], self._rejected[SLICE:]
        return ListSlice(
            calls=len(values) // VALUES_A_CALL,
            packed=_pack(values),
            rejected=rejected,
            bytes_read=self._ready.list.bytes_read,
        )
