"""A trunk's UDP socket: datagrams in, datagrams out, and whom ICMP says they did not find."""

import asyncio
from collections.abc import Callable

from callwright.telephony.sip.fields import Address, HostPort
from callwright.telephony.sip.sockets import Watch, bind, refused_packets

_DATAGRAM = 65_536
_AT_ONCE = 64
"""Datagrams taken before the loop may see to audio again."""


class Datagrams:
    """Bound to `local` from the start; `trunk` is the name for the text of an error.

    `heard` gets each datagram and where it came from, `unheard` each of ours that nobody took.

    Raises:
        Unavailable: `local` cannot be bound.
    """

    def __init__(
        self,
        local: HostPort,
        trunk: str,
        *,
        heard: Callable[[bytes, Address], None],
        unheard: Callable[[bytes, str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._unheard = unheard
        self._sock = bind(local, trunk)
        name = self._sock.getsockname()
        self.local: HostPort = (name[0], name[1])
        self._is_open = True
        self._watch = Watch(self._loop, self._sock, self._readable)

    def send(self, data: bytes, to: Address) -> None:
        """Send one; where there is no way to that address, `unheard` gets it soon."""
        if not self._is_open:
            return
        for _ in range(2):
            try:
                self._sock.sendto(data, to)
            except BlockingIOError:
                return  # the buffer is full: as if the network had lost it; it is repeated
            except OSError:
                # May tell of an earlier packet's ICMP error, once; this one was not sent yet.
                continue
            return
        self._loop.call_soon(self._unheard, data, "")

    def close(self) -> None:
        """Release the socket."""
        if self._is_open:
            self._is_open = False
            self._watch.stop()
            self._sock.close()

    def _readable(self) -> None:
        for taken in range(_AT_ONCE):
            if not self._is_open:
                return
            try:
                data, source = self._sock.recvfrom(_DATAGRAM)
            except BlockingIOError:
                if not taken:
                    self._read_errors()  # woken, and by no packet
                return
            except OSError:
                self._read_errors()
                continue
            self._heard(data, (source[0], source[1]))

    def _read_errors(self) -> None:
        for data in refused_packets(self._sock, _AT_ONCE):
            # Our own packet, as we wrote it, but cut off where ICMP cuts.
            self._unheard(data, "")
