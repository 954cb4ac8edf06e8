"""RTCP of one call: reports exchanged every five seconds, beside the audio or in its socket.

What reports say is `rtcp`'s; this file carries them. Only the host that the audio comes from
is heard.

Source: RFC 3550 section 6.2 and 6.3 (intervals), RFC 5761 (one port for both).
"""

import random
import socket

from callwright.telephony.rtp.g711 import FRAME_S
from callwright.telephony.rtp.rtcp import Reports
from callwright.telephony.rtp.wire import Wire

_INTERVAL_S = 5.0
_MOST_AT_ONCE = 8


class Control:
    """`sock` None: reports travel only where the peer takes them in the audio's socket."""

    def __init__(self, own_ssrc: int, sock: socket.socket | None) -> None:
        self.reports = Reports(own_ssrc)
        self._wire = Wire(sock) if sock is not None else None
        self.local_port = self._wire.local_port if self._wire is not None else None
        self._port: int | None = None
        self._due_cycle = 0

    def expect(self, host: str, port: int, *, muxed: bool) -> None:
        """Where the peer takes reports, unless its audio comes from another host."""
        self._port = None if muxed else port
        if self._wire is not None and not muxed:
            self._wire.aim((host, port))

    def is_due(self, cycle: int) -> bool:
        """Whether it is time to report; asked once in 20 ms."""
        if cycle < self._due_cycle:
            return False
        # Spread, so that calls that began together do not report together.
        share = random.uniform(0.5, 1.5) * (1.0 if self._due_cycle else 0.5)
        first, self._due_cycle = self._due_cycle == 0, cycle + round(_INTERVAL_S * share / FRAME_S)
        return not first

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
            if source[0] == audio.remote[0]:
                heard = self.reports.take(datagram, self._wire.came_at()) or heard
        return heard

    def send(self, report: bytes, audio: Wire) -> None:
        """One of ours."""
        if self._port is None:
            audio.send(report)
        elif self._wire is not None:
            self._wire.send_to(report, (audio.remote[0], self._port))

    def close(self) -> None:
        """Give the port back."""
        if self._wire is not None:
            self._wire.close()
