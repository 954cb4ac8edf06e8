"""Whether a client fetches its answer: half of what lies ready must go within each span."""

import asyncio
import socket
import struct


class Unsent:
    """What waits on one connection to be fetched, as it was when somebody last looked."""

    def __init__(self, transport: asyncio.Transport, stall_s: float) -> None:
        self._transport = transport
        self._stall_s = stall_s
        self._size = 0
        self._since: float | None = None

    def went(self) -> None:
        """Much of it was fetched just now."""
        self._since = None

    def is_stalled(self, now: float) -> bool:
        size = self._transport.get_write_buffer_size()
        if not size:
            self._since = None
        elif self._since is None or size <= self._size // 2:
            self._size, self._since = size, now
        else:
            return now - self._since > self._stall_s
        return False

    def drop(self) -> None:
        """End the connection with a reset, or the kernel would go on offering the rest."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
