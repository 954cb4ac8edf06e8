"""RTCP of one call: reports exchanged every five seconds, beside the audio or in its socket.

What reports say is `rtcp`'s; this file carries them. Only the host that the audio comes from
is heard.

Source: RFC 3550 section 6.2 and 6.3 (intervals), RFC 5761 (one port for both).
"""

import random
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from callwright.telephony.rtp.g711 import FRAME_S
from callwright.telephony.rtp.rtcp import Reports
from callwright.telephony.rtp.wire import Wire

if TYPE_CHECKING:
    from callwright.telephony.rtp.srtp import Srtp

_INTERVAL_S = 5.0
_SILENT_S = 1.0
"""Nobody reports sooner: RFC 3550 section 6.3.1 halves the first interval, and chance again."""
_MOST_AT_ONCE = 8


class Control:
    """`bind` makes the socket beside the audio's; None: it cannot, and reports travel only where
    the peer takes them in the audio's own.

    It is asked once, when there may be something to read: what is not answered, or is over
    within a second, needs none.
    """

    def __init__(self, own_ssrc: int, bind: Callable[[], socket.socket | None]) -> None:
        self.reports = Reports(own_ssrc)
        self._bind: Callable[[], socket.socket | None] | None = bind
        self._wire: Wire | None = None
        self._host = ""
        self._port: int | None = None
        self._due_cycle = 0
        self._reads = False
        self.srtp: Srtp | None = None
        """What seals reports and opens them; None = they travel as they are."""

    def expect(self, host: str, port: int, *, muxed: bool) -> None:
        """Where the peer takes reports, unless its audio comes from another host."""
        self._host, self._port = host, None if muxed else port
        if self._reads:
            self._begin_to_read()

    def is_due(self, cycle: int) -> bool:
        """Whether it is time to report; asked once in 20 ms."""
        if cycle < self._due_cycle:
            return False
        # Spread, so that calls that began together do not report together.
        interval_s = random.uniform(0.5, 1.5) * _INTERVAL_S
        reports = self._reads
        if self._due_cycle == 0:
            interval_s = _SILENT_S
        elif not reports:
            interval_s = interval_s / 2 - _SILENT_S
            self._begin_to_read()
        self._due_cycle = cycle + round(interval_s / FRAME_S)
        return reports

    def read(self, audio: Wire) -> bool:
        """Take what has come on the port beside the audio's; whether anything had."""
        heard = False
        if self._wire is None or self._port is None:
            return heard
        for _ in range(_MOST_AT_ONCE):
            received = self._wire.receive_from()
            if received is None:
                break
            datagram, source = received
            if self.srtp is not None:
                datagram = self.srtp.opened(datagram) or b""
            if source[0] == audio.remote[0]:
                came_at = self._wire.came_at() or time.time()
                heard = self.reports.take(datagram, came_at) or heard
        return heard

    def send(self, report: bytes, audio: Wire) -> None:
        """One of ours."""
        if self.srtp is not None:
            report = self.srtp.sealed_report(report)
        if self._port is None:
            audio.send(report)
        elif self._wire is not None:
            self._wire.send_to(report, (audio.remote[0], self._port))

    def close(self) -> None:
        """Give the port back."""
        self._bind = None
        if self._wire is not None:
            self._wire.close()

    def _begin_to_read(self) -> None:
        self._reads = True
        if self._port is None:
            return
        if self._bind is not None:
            sock, self._bind = self._bind(), None
            self._wire = Wire(sock) if sock is not None else None
        if self._wire is not None:
            self._wire.came_at()
            self._wire.aim((self._host, self._port))
