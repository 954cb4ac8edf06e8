"""An RTP receiver that writes down every packet: the ears of a callee without any."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

TELEPHONE_EVENT = 101
_DIGITS = "0123456789*#ABCD"


@dataclass(frozen=True, slots=True)
class RtpSeen:
    """One packet."""

    at: float
    """Unix seconds of its arrival."""
    source: tuple[str, int]
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Key:
    """A key as RFC 4733 packets told it."""

    digit: str
    ms: float
    """How long it was pressed, by the last duration told."""
    started_ms: float
    """On the stream's own clock, from the first packet of all."""
    end_packets: int


class RtpListener:
    """A UDP socket and what came in."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.settimeout(0.1)
        self._lock = threading.Lock()
        self._packets: list[RtpSeen] = []
        self._done = False

    @property
    def port(self) -> int:
        return int(self._sock.getsockname()[1])

    def streams(self) -> dict[int, list[RtpSeen]]:
        """The packets so far by SSRC, each in order of arrival."""
        found: dict[int, list[RtpSeen]] = {}
        with self._lock:
            for packet in self._packets:
                found.setdefault(packet.ssrc, []).append(packet)
        return found

    def listen(self) -> None:
        """Until `stop`; then the socket is closed."""
        with self._sock:
            while not self._done:
                try:
                    data, source = self._sock.recvfrom(4096)
                except TimeoutError:
                    continue
                packet = _read(data, source)
                if packet is not None:
                    with self._lock:
                        self._packets.append(packet)

    def stop(self) -> None:
        self._done = True


@contextmanager
def rtp_listener() -> Iterator[RtpListener]:
    """A listener to the end of the block."""
    listener = RtpListener()
    thread = threading.Thread(target=listener.listen, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.stop()
        thread.join()


def keys_in(stream: list[RtpSeen]) -> list[Key]:
    """The keys of one stream, in order."""
    first = min((packet.timestamp for packet in stream), default=0)
    events: dict[int, list[RtpSeen]] = {}
    for packet in stream:
        if packet.payload_type == TELEPHONE_EVENT and len(packet.payload) == 4:
            events.setdefault(packet.timestamp, []).append(packet)
    keys = []
    for timestamp, packets in sorted(events.items()):
        told = [struct.unpack("!BBH", packet.payload) for packet in packets]
        keys.append(
            Key(
                digit=_DIGITS[told[-1][0]] if told[-1][0] < len(_DIGITS) else "?",
                ms=max(duration for _, _, duration in told) / 8,
                started_ms=(timestamp - first) / 8,
                end_packets=sum(bool(flags & 0x80) for _, flags, _ in told),
            )
        )
    return keys


def _read(data: bytes, source: tuple[str, int]) -> RtpSeen | None:
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    _, kind, sequence, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
    return RtpSeen(
        at=time.time(),
        source=source,
        payload_type=kind & 0x7F,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=data[12:],
    )
