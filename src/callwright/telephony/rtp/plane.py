"""The media plane of one process: hands out sessions, each on a UDP port of its own.

Which call a session belongs to and when it starts is the caller's; what flows through it
is `session.py`'s.
"""

import errno
import logging
import socket
from collections import deque
from contextlib import suppress

from callwright.errors import ConfigInvalid, Unavailable
from callwright.telephony.rtp.session import QUIET_LIMIT_S, MediaSession
from callwright.telephony.rtp.ticker import BeatStats, Ticker

log = logging.getLogger(__name__)

_EXPEDITED_FORWARDING = 0xB8
"""DSCP EF, as RFC 4594 section 4.1 wants for speech."""


class MediaPlane:
    """Sessions on even ports of `ports`, bound to `local_address`; one ticker for all.

    `local_address` is numeric, IPv4 or IPv6. A freed port goes to the end of the queue, so
    that a late packet of one call does not reach the next. The odd port after it is the
    reports'. A session that hears nothing for `quiet_limit_s` tells so; 0 = never.

    Raises:
        ConfigInvalid: `ports` holds no even port between 1024 and 65534.
    """

    def __init__(
        self, local_address: str, ports: range, *, quiet_limit_s: float = QUIET_LIMIT_S
    ) -> None:
        self._quiet_limit_s = quiet_limit_s
        self.ticker = Ticker()
        self._address = local_address
        self._free = deque(port for port in ports if port % 2 == 0 and 1024 <= port <= 65534)
        self._open: set[MediaSession] = set()
        if not self._free:
            raise ConfigInvalid(
                "rtp_ports: no even port between 1024 and 65534; write a range like 30000-39999"
            )

    def open(self) -> MediaSession:
        """A session with its port bound, silent until `start`.

        Raises:
            Unavailable: every port is in use, the process has no more sockets, or the
                address is not this machine's.
        """
        for _ in range(len(self._free)):
            port = self._free.popleft()
            sock = self._bound(port)
            if sock is None:
                self._free.append(port)
                continue
            session = MediaSession(self, sock, quiet_limit_s=self._quiet_limit_s)
            self._open.add(session)
            return session
        raise Unavailable(f"no RTP port is free: {len(self._open)} calls hold one; see rtp_ports")

    def bind_beside(self, port: int) -> socket.socket | None:
        """The socket of the odd port after `port`, None: reports go where the audio goes."""
        try:
            return self._bound(port + 1)
        except Unavailable as exc:
            log.warning("no reports on a call's audio", extra={"why": str(exc)})
            return None

    def release(self, session: MediaSession) -> None:
        """Called by a session that closes."""
        if session in self._open:
            self._open.remove(session)
            self._free.append(session.local_port)

    def close(self) -> None:
        """Close every session that is still open."""
        for session in tuple(self._open):
            session.close()

    @property
    def open_sessions(self) -> int:
        """How many ports are in use."""
        return len(self._open)

    def beat_stats(self) -> BeatStats:
        """How punctual sending is."""
        return self.ticker.stats()

    def tick_lag_p99_ms(self) -> float:
        """99 % of the beats of the last 20 s began at most this late."""
        return self.ticker.stats().lag_p99_ms

    def _bound(self, port: int) -> socket.socket | None:
        """A socket on `port`, None if someone else has it."""
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as exc:
            raise Unavailable(f"no socket for audio: {exc.strerror}; raise `ulimit -n`") from exc
        try:
            with suppress(OSError):
                if family == socket.AF_INET:
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED_FORWARDING)
                else:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED_FORWARDING)
            sock.bind((self._address, port))
        except OSError as exc:
            sock.close()
            if exc.errno == errno.EADDRINUSE:
                return None
            raise Unavailable(f"no audio on {self._address}: {exc.strerror}") from exc
        return sock
