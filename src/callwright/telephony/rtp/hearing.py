"""What is heard on a call: keys, audio for whoever listens, and counts.

Takes datagrams that `wire` let through, in the order they came. Almost all of them are the
next packet of one steady stream, and that case is kept short: with nobody listening it costs
a look at the header.

Source: RFC 3550, RFC 3551, RFC 4733.
"""

import time
from collections.abc import Callable
from typing import Protocol

from callwright.telephony.rtp.digits import DigitHearing
from callwright.telephony.rtp.g711 import FRAME_SAMPLES, PAYLOAD_TYPES, Codec, transcode
from callwright.telephony.rtp.jitter import JitterBuffer
from callwright.telephony.rtp.packet import HEADER, HEADER_BYTES, RtpPacket, parse_event, parse_rtp
from callwright.telephony.rtp.receiver import Reception
from callwright.telephony.rtp.rtcp import is_rtcp

Listener = Callable[[int, bytes], None]
"""Gets the received audio in order: a position in samples, and 160 µ-law codes from there."""

_CODEC_OF: dict[int, Codec] = {number: codec for codec, number in PAYLOAD_TYPES.items()}
_TIMED_EVERY = 4
"""Of so many packets one is asked for its time of arrival, which costs a system call."""


class Clocked(Protocol):
    """Who knows when a packet came: `wire.Wire`."""

    def came_at(self) -> float:
        """When the last one reached this machine, in Unix seconds; 0.0 = not known."""
        ...


class Hearing:
    """`own_ssrc` is what we send with: keys that come back with it are our own, echoed."""

    def __init__(self, own_ssrc: int) -> None:
        self.on_digit: Callable[[str], None] | None = None
        self.on_audio: Callable[[bytes], None] | None = None
        self.on_report: Callable[[bytes, float], bool] | None = None
        """Gets RTCP that came in the audio's socket, and when; set where that was agreed on."""
        self.reception = Reception()
        self.listeners: tuple[Listener, ...] = ()
        self._codec: Codec = "PCMU"
        self._audio_payload = PAYLOAD_TYPES[self._codec]
        self._dtmf_payload: int | None = None
        self._own_ssrc = own_ssrc
        self._digits = DigitHearing()
        self._keys_from = -1
        self._jitter: JitterBuffer | None = None
        self._jitter_from = 0
        self._heard_to = 0

    def expect(self, codec: Codec, dtmf_payload: int | None) -> None:
        """What was agreed on."""
        self._codec = codec
        self._audio_payload = PAYLOAD_TYPES[codec]
        self._dtmf_payload = dtmf_payload

    def listen(self, listener: Listener) -> None:
        """`listener` hears from now on."""
        self.listeners += (listener,)

    def stop_listening(self, listener: Listener) -> None:
        """`listener` hears no more. Stopping twice is fine."""
        self.listeners = tuple(each for each in self.listeners if each != listener)

    def ssrc_of(self, datagram: bytes) -> int | None:
        """Who sent it, if it carries what we agreed on."""
        packet = parse_rtp(datagram)
        if packet is None:
            return None
        agreed = packet.payload_type in _CODEC_OF or packet.payload_type == self._dtmf_payload
        return packet.ssrc if agreed else None

    def take(self, datagram: bytes, clock: Clocked) -> bool:
        """Whether it was RTP, or a report."""
        if len(datagram) < HEADER_BYTES:
            return False
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
        if first >> 6 != 2:
            return False
        if self.on_report is not None and is_rtcp(second):
            return self.on_report(datagram, clock.came_at() or time.time())
        reception = self.reception
        reception.note(sequence, ssrc)
        if sequence % _TIMED_EVERY == 0:
            came_at = clock.came_at()
            if came_at:
                reception.note_time(timestamp, came_at)
        if second != self._audio_payload or self.listeners or self.on_audio is not None:
            packet = parse_rtp(datagram)
            if packet is not None:
                self._take_packet(packet)
        return True

    def _take_packet(self, packet: RtpPacket) -> None:
        if packet.payload_type == self._dtmf_payload:
            self._take_key(packet)
            return
        codec = _CODEC_OF.get(packet.payload_type)
        if codec is None:
            return  # comfort noise, say: listeners hear silence where nothing came
        if self._jitter is not None and self.listeners:
            codes = transcode(packet.payload, codec, "PCMU")
            self._jitter.put(packet.timestamp, packet.ssrc, codes)
        if self.on_audio is not None:
            self.on_audio(transcode(packet.payload, codec, self._codec))

    def let_hear(self, cycle: int) -> None:
        """Give the listeners what is due by this 20 ms."""
        if self._jitter is None:
            self._jitter = JitterBuffer()
            self._jitter_from = cycle
        for frame in self._jitter.take(self.clock(cycle)):
            at, self._heard_to = self._heard_to, self._heard_to + FRAME_SAMPLES
            for listener in self.listeners:
                listener(at, frame)

    def clock(self, cycle: int) -> int:
        """Where this 20 ms stands on the listeners' time line, in samples."""
        return (cycle - self._jitter_from) * FRAME_SAMPLES

    def close(self) -> None:
        """Call nobody any more."""
        self.on_digit = self.on_audio = self.on_report = None
        self.listeners = ()

    def _take_key(self, packet: RtpPacket) -> None:
        report = parse_event(packet.payload)
        if report is None or packet.ssrc == self._own_ssrc:
            return
        if packet.ssrc != self._keys_from:
            self._keys_from = packet.ssrc
            self._digits = DigitHearing()
        digit = self._digits.hear(report, packet.timestamp, packet.marker)
        if digit is not None and self.on_digit is not None:
            self.on_digit(digit)
