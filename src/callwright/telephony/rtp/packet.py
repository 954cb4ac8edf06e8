"""RTP packets and telephone events, as bytes and back.

Keeps no state between packets and judges nothing: what a sequence number or a repeated
event means is the receiver's business.

Source: RFC 3550 section 5.1 (header), RFC 4733 section 2.3 (telephone-event payload).
"""

import struct
from typing import NamedTuple

HEADER = struct.Struct("!BBHII")
"""Version and flags, marker and payload type, sequence, timestamp, SSRC."""
HEADER_BYTES = HEADER.size
_EVENT = struct.Struct("!BBH")
_VERSION_2 = 0x80

EVENT_DIGITS = "0123456789*#ABCD"
"""Position = event code, RFC 4733 table 3."""


class RtpPacket(NamedTuple):
    """One received packet; `timestamp` counts samples."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class TelephoneEvent(NamedTuple):
    """One report on a key: which, whether it is up again, and for how many samples so far."""

    event: int
    end: bool
    duration: int


def pack_rtp(
    payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> bytes:
    """A packet without extensions. `sequence` and `timestamp` must already be wrapped."""
    second = payload_type | 0x80 if marker else payload_type
    return HEADER.pack(_VERSION_2, second, sequence, timestamp, ssrc) + payload


def parse_rtp(datagram: bytes) -> RtpPacket | None:
    """The packet, or None if these bytes are not RTP version 2."""
    if len(datagram) < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
    if first == _VERSION_2:
        payload = datagram[12:]
    else:
        found = _unusual_payload(datagram, first)
        if found is None:
            return None
        payload = found
    return RtpPacket(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, payload)


def _unusual_payload(datagram: bytes, first: int) -> bytes | None:
    """The payload of a packet with contributing sources, an extension or padding."""
    if first >> 6 != 2:
        return None
    start = 12 + 4 * (first & 0x0F)
    end = len(datagram)
    if first & 0x10:
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    if first & 0x20:
        padding = datagram[-1]
        if padding == 0:
            return None
        end -= padding
    return datagram[start:end] if start <= end else None


def pack_event(event: int, end: bool, duration: int, volume: int = 10) -> bytes:
    """A telephone-event payload; `volume` is the level below 0 dBm0."""
    return _EVENT.pack(event, volume | 0x80 if end else volume, duration)


def parse_event(payload: bytes) -> TelephoneEvent | None:
    """The first event of a payload, or None if it is too short."""
    if len(payload) < 4:
        return None
    event, flags, duration = _EVENT.unpack_from(payload)
    return TelephoneEvent(event, flags >= 0x80, duration)
