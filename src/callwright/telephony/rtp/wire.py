"""The UDP socket under one call's audio: whom it hears, and when packets came.

Nobody watches the socket: it is read when the call is ticked, which costs the process one
wake-up for hundreds of calls instead of one for each packet; the kernel knows when each
came. Once the peer is known the socket is connected, so that the kernel drops what strangers
send, and neither side of a packet's way looks at addresses any more.

Source: `connect(2)` for AF_UNSPEC, `socket(7)` for SIOCGSTAMPNS.
"""

import ctypes
import fcntl
import socket
import struct
from contextlib import suppress

from callwright.telephony.rtp.receiver import Address, SourceLatch

_MAX_DATAGRAM = 2048
_MAX_STALE = 2000
_SIOCGSTAMPNS = 0x8907
_TIMESPEC = struct.Struct("@ll")
_NO_TIME = bytes(_TIMESPEC.size)
_NOWHERE = struct.pack("@H14x", socket.AF_UNSPEC)
_libc = ctypes.CDLL(None, use_errno=True)

Source = tuple[str, int] | tuple[str, int, int, int]
"""As the kernel names it: IPv6 has a flow and a scope as well."""


class Wire:
    """`sock` is bound and does not block. `aim` before anything else."""

    def __init__(self, sock: socket.socket) -> None:
        self.local_port: int = sock.getsockname()[1]
        self.is_settled = False
        """The peer is known, and everybody else is kept out."""
        self._sock = sock
        self._latch: SourceLatch | None = None
        self._stated: Address | None = None
        self._peer: Source | None = None

    def aim(self, stated: Address) -> None:
        """Send to the peer's stated address, until it is heard from another.

        What came before the first aim is dropped: stale audio, or another call's tail.
        """
        if stated == self._stated:
            return
        if self._stated is None:
            self._discard_waiting()
        if self._peer is not None:
            self._disconnect()
        self._stated = stated
        self._latch = SourceLatch(stated)

    def receive(self) -> bytes | None:
        """The peer's oldest datagram that waits, or None. Only once it `is_settled`."""
        try:
            return self._sock.recv(_MAX_DATAGRAM)
        except OSError:
            return None  # nothing there, or ICMP's word that the peer has closed its port

    def receive_from(self) -> tuple[bytes, Source] | None:
        """The oldest datagram that waits, whoever sent it: ask `admits`."""
        try:
            data, source = self._sock.recvfrom(_MAX_DATAGRAM)
        except OSError:
            # Nothing is left of what came before the socket was connected.
            self.is_settled = self._peer is not None
            return None
        return data, source

    def admits(self, source: Source, ssrc: int) -> bool:
        """Whether a packet belongs to the call; may settle on its source."""
        if self._peer is not None:
            return source == self._peer
        host, port, *_ = source
        if self._latch is None or not self._latch.admits((host, port), ssrc):
            return False
        with suppress(OSError):
            self._sock.connect(source)
            self._peer = source
        return True

    def came_at(self) -> float:
        """When the datagram received last reached this machine, in Unix seconds; 0.0 = not known:
        the kernel notes it from the first question on."""
        try:
            stamp = fcntl.ioctl(self._sock.fileno(), _SIOCGSTAMPNS, _NO_TIME)
        except OSError:
            return 0.0
        seconds, nanoseconds = _TIMESPEC.unpack(stamp)
        return float(seconds + nanoseconds * 1e-9)

    def send(self, packet: bytes) -> bool:
        """Whether it has left. If not, the peer counts it as lost."""
        try:
            if self._peer is not None:
                self._sock.send(packet)
            elif self._latch is not None:
                self._sock.sendto(packet, self._latch.address)
        except OSError:
            # A full buffer, or a route that is gone: if it lasts, silence ends the call.
            return False
        return True

    def send_to(self, packet: bytes, address: Address) -> None:
        """The same, past whomever it is aimed at."""
        with suppress(OSError):
            self._sock.sendto(packet, address)

    @property
    def remote(self) -> Address:
        """Where audio goes, and comes from once it was heard."""
        return self._latch.address if self._latch is not None else ("", 0)

    def close(self) -> None:
        """Give the port back."""
        self._sock.close()

    def _disconnect(self) -> None:
        local = self._sock.getsockname()
        # Python's own `connect` cannot name this family.
        _libc.connect(self._sock.fileno(), _NOWHERE, len(_NOWHERE))
        if self._sock.getsockname() != local:
            self._sock.bind(local)  # a port that the kernel had chosen is forgotten as well
        self._peer, self.is_settled = None, False

    def _discard_waiting(self) -> None:
        for _ in range(_MAX_STALE):
            try:
                self._sock.recv(_MAX_DATAGRAM)
            except OSError:
                return
