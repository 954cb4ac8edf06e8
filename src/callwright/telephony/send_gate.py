"""The last word on calls a second: when INVITEs leave, not when they were ordered.

The brain paces what it orders. Between it and the wire lie a pipe and a process that may not
be given the processor for a moment; what has gathered then must not leave all at once, nor
may several line processes each let go what only one of them may.

So each INVITE takes a place in a book that all of them share, and writes down there when it
has left. With n calls a second, the place that is n after it is given out no sooner than
`SPAN_S` later. Places are given out in order, and nothing leaves before it has one: that is
enough for no second to hold more than n, however late each of them leaves.
"""

import fcntl
import math
import mmap
import os
import tempfile
from collections.abc import Callable

from callwright.clock import machine_seconds
from callwright.domain.limits import MOST_PER_SECOND

SPAN_S = 1.005
"""A second, and what its end at the trunk may differ from ours: a wall clock that is slewed,
a datagram that the kernel hands on late."""

AGAIN_S = 0.001
"""How soon to ask again while another process looks into the book, or is just sending."""

LOST_AFTER_S = 4.0
"""Whoever took a place and has said nothing for so long has died: a line sends nothing that
has waited for longer than that."""

_PLACES = int(MOST_PER_SECOND)
_COUNT_BYTES = 8
_TRUNK_BYTES = _COUNT_BYTES + 8 * _PLACES
NEVER = 0.0


def new_book_file(trunks: int) -> int:
    """A file, open and without a name, for the book of so many trunks: to be handed to each
    line process. Its bytes are there, so that writing to them cannot fail for want of room."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("callwright-send-book")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.write(fd, bytes(trunks * _TRUNK_BYTES))
    return fd


class SendBook:
    """When INVITEs left, trunk by trunk. `fd` None: of this process alone."""

    def __init__(self, trunks: int, fd: int | None = None) -> None:
        self._fd = fd
        self._bytes = mmap.mmap(-1 if fd is None else fd, max(1, trunks) * _TRUNK_BYTES)
        whole = memoryview(self._bytes)
        parts = [whole[i * _TRUNK_BYTES : (i + 1) * _TRUNK_BYTES] for i in range(trunks)]
        self.counts = [part[:_COUNT_BYTES].cast("q") for part in parts]
        """Of each trunk how many places were given out."""
        self.moments = [part[_COUNT_BYTES:].cast("d") for part in parts]
        """Of the last places when their INVITE left; negative = when the place was given out,
        and nobody has said since that it has left."""

    def lock(self, trunk: int) -> bool:
        """Whether nobody else looks at a trunk's pages from now on, until `unlock`."""
        if self._fd is not None:
            try:
                # Nobody waits here: a process may be stopped while it has the lock, and audio
                # must go on. One that dies gives it back.
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, trunk)
            except OSError:
                return False
        return True

    def unlock(self, trunk: int) -> None:
        """Give the pages back."""
        if self._fd is not None:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, trunk)


class SendGate:
    """At most so many INVITEs of one trunk in any second, be it through which line process.

    Ask `enter` until it says 0, send, and then say whether it `left` or `stayed`.
    """

    def __init__(
        self,
        calls_per_second: float,
        book: SendBook | None = None,
        trunk: int = 0,
        *,
        seconds: Callable[[], float] = machine_seconds,
    ) -> None:
        """`trunk` is its number in the book. 0 calls a second = as many as are ordered."""
        self.calls_per_second = calls_per_second
        self._book = book or SendBook(1)
        self._trunk = trunk
        self._count = self._book.counts[trunk]
        self._moments = self._book.moments[trunk]
        self._seconds = seconds
        self._place = 0

    def enter(self) -> float:
        """Take a place: 0.0, or how long until it makes sense to ask again."""
        if not self._book.lock(self._trunk):
            return AGAIN_S
        try:
            return self._take()
        finally:
            self._book.unlock(self._trunk)

    def left(self) -> None:
        """What the last place was for has left by now."""
        self._moments[self._place % _PLACES] = self._seconds()

    def stayed(self) -> None:
        """Nothing left for the last place."""
        self._moments[self._place % _PLACES] = NEVER

    def _take(self) -> float:
        # The clock is read behind the lock: a place that is given out later has a later moment.
        place, now = self._count[0], self._seconds()
        most = min(math.ceil(self.calls_per_second), _PLACES - 1)
        if 0 < most <= place:
            wait_s = _wait_s(self._moments[(place - most) % _PLACES], now)
            if wait_s > 0:
                return wait_s
        self._moments[place % _PLACES] = -now
        self._count[0] = place + 1
        self._place = place
        return 0.0


def _wait_s(moment: float, now: float) -> float:
    """How long to keep a second's distance from what left, or was to leave, at `moment`."""
    if moment >= 0:
        return moment + SPAN_S - now if moment else 0.0
    return AGAIN_S if now < LOST_AFTER_S - moment else 0.0
