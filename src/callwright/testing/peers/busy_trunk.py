"""A trunk outside the server: it rings for a while, is busy, and notes when each INVITE came.

In a thread of its own, and by the kernel's own time of each datagram: what it says of calls a
second and calls at once owes nothing to the server's clocks, nor to how busy the machine is.
"""

import heapq
import re
import socket
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

SO_TIMESTAMPNS = 35
"""Linux: the moment at which the kernel took a datagram in; Python has no name for it."""

_TURN_S = 0.02
_NUMBER = re.compile(rb"INVITE sip:([+0-9]+)@")
_COPIED = (b"via", b"from", b"to", b"call-id", b"cseq")


def stamped_socket() -> socket.socket:
    """A UDP socket on loopback whose datagrams carry the time at which they came."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    made.bind(("127.0.0.1", 0))
    return made


def receive(stamped: socket.socket) -> tuple[float, bytes, tuple[str, int]]:
    """The next datagram, and when it came in Unix seconds.

    Raises:
        TimeoutError: none came in time.
    """
    data, ancillary, _, sender = stamped.recvmsg(65_535, 64)
    at = time.time()
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@ll", value[:16])
            at = seconds + nanoseconds / 1e9
    return at, data, sender


@dataclass(kw_only=True)
class Invite:
    """The first INVITE of a call."""

    at: float
    """Unix seconds."""
    number: str
    over_at: float = float("inf")
    """When it was told that it is busy."""


@dataclass
class BusyTrunk:
    """Use it as a context. `invites` is what came so far, in order."""

    rings_s: float = 0.0
    invites: list[Invite] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._socket = stamped_socket()
        self._socket.settimeout(_TURN_S)
        self._seen: set[bytes] = set()
        self._owed: list[tuple[float, int, bytes, tuple[str, int]]] = []
        """When to tell which call that it is busy, with which answer, and to whom."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._thread.join()
        self._socket.close()

    @property
    def address(self) -> str:
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def wait_for(self, count: int, within_s: float) -> bool:
        """Whether so many calls have come, by then at the latest."""
        until = time.monotonic() + within_s
        while len(self.invites) < count and time.monotonic() < until:
            time.sleep(_TURN_S)
        return len(self.invites) >= count

    def _run(self) -> None:
        while not self._stopping:
            with suppress(TimeoutError):
                self._take(*receive(self._socket))
            while self._owed and self._owed[0][0] <= time.monotonic():
                _, index, answer, sender = heapq.heappop(self._owed)
                self.invites[index].over_at = time.time()
                self._socket.sendto(answer, sender)

    def _take(self, at: float, data: bytes, sender: tuple[str, int]) -> None:
        if data.startswith(b"CANCEL "):
            self._socket.sendto(_answer(data, b"200 OK"), sender)
        called = _NUMBER.match(data)
        if called is None:
            return
        call_id = _field(data, b"call-id")
        if call_id in self._seen:
            return
        self._seen.add(call_id)
        self.invites.append(Invite(at=at, number=called[1].decode()))
        self._socket.sendto(_answer(data, b"100 Trying"), sender)
        busy = _answer(data, b"486 Busy Here")
        busy_at = time.monotonic() + self.rings_s
        heapq.heappush(self._owed, (busy_at, len(self.invites) - 1, busy, sender))


def most_within(moments: Iterable[float], span_s: float) -> int:
    """The most of these moments in any span of that length."""
    ordered = sorted(moments)
    most = first = 0
    for index, moment in enumerate(ordered):
        while ordered[first] <= moment - span_s:
            first += 1
        most = max(most, index - first + 1)
    return most


def moments_of(invites: Sequence[Invite], since: float = 0.0) -> list[float]:
    """When those came that came since a moment."""
    return [invite.at for invite in invites if invite.at >= since]


def _field(data: bytes, name: bytes) -> bytes:
    for line in data.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def _answer(request: bytes, status: bytes) -> bytes:
    head, _, _ = request.partition(b"\r\n\r\n")
    lines = [b"SIP/2.0 " + status]
    for line in head.split(b"\r\n")[1:]:
        name = line.partition(b":")[0].strip().lower()
        if name in _COPIED:
            is_final_to = name == b"to" and b"tag=" not in line and not status.startswith(b"100")
            lines.append(line + b";tag=busy" if is_final_to else line)
    return b"\r\n".join([*lines, b"Content-Length: 0", b"", b""])
