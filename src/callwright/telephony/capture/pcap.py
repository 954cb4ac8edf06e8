"""Capture files: each SIP message as one UDP packet, whatever carried it.

A message that came over TCP or TLS is written as a packet too, as other SIP stacks do: it is
the messages that are looked at, not the segments they were cut into.

Source: the pcap file format (draft-ietf-opsawg-pcap), link type 101 (raw IP).
"""

import struct
from collections.abc import Iterator
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

from callwright.telephony.sip.fields import HostPort

_MAGIC = 0xA1B2C3D4
_RAW_IP = 101
_SNAP_LENGTH = 65_535
_LONGEST = 60_000
"""Of a message; what is longer is cut, which the record says."""

_FILE = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_IPV6 = struct.Struct(">IHBB16s16s")
_UDP = struct.Struct(">HHHH")
_TTL = 64
_UDP_PROTOCOL = 17

FILE_HEADER = _FILE.pack(_MAGIC, 2, 4, 0, 0, _SNAP_LENGTH, _RAW_IP)


class Packet(NamedTuple):
    """One message of a file."""

    at: float
    """Unix seconds, to the microsecond."""
    source: HostPort
    target: HostPort
    data: bytes


def pack(packet: Packet) -> bytes:
    """`packet` as a record. Host names, which a record has no room for, become 0.0.0.0."""
    at, source, target, data = packet
    kept = data[:_LONGEST]
    cut = len(data) - len(kept)
    udp = _UDP.pack(source[1], target[1], _UDP.size + len(kept), 0) + kept
    from_ip, to_ip = _numeric(source[0]), _numeric(target[0])
    if len(from_ip) == 16 == len(to_ip):
        ip = _IPV6.pack(6 << 28, len(udp), _UDP_PROTOCOL, _TTL, from_ip, to_ip)
    else:
        from_ip, to_ip = from_ip[-4:], to_ip[-4:]
        length = _IPV4.size + len(udp)
        ip = _IPV4.pack(0x45, 0, length, 0, 0, _TTL, _UDP_PROTOCOL, 0, from_ip, to_ip)
    size = len(ip) + len(udp)
    seconds, micros = divmod(round(at * 1e6), 1_000_000)
    return _RECORD.pack(seconds, micros, size, size + cut) + ip + udp


def packets(file: memoryview) -> Iterator[Packet]:
    """What a file of ours holds, up to where it is torn: a process may have died writing it."""
    at = len(FILE_HEADER)
    if file[:at] != FILE_HEADER:
        return
    while at + _RECORD.size <= len(file):
        seconds, micros, size, _ = _RECORD.unpack_from(file, at)
        at += _RECORD.size
        if at + size > len(file):
            return
        packet = _unpack(seconds + micros / 1e6, bytes(file[at : at + size]))
        at += size
        if packet is None:
            return
        yield packet


def _unpack(at: float, record: bytes) -> Packet | None:
    if len(record) < _IPV4.size + _UDP.size:
        return None
    version = record[0] >> 4
    if version == 4:
        *_, source, target = _IPV4.unpack_from(record)
        family, start = AF_INET, _IPV4.size
    elif version == 6 and len(record) >= _IPV6.size + _UDP.size:
        *_, source, target = _IPV6.unpack_from(record)
        family, start = AF_INET6, _IPV6.size
    else:
        return None
    source_port, target_port, _, _ = _UDP.unpack_from(record, start)
    return Packet(
        at,
        (inet_ntop(family, source), source_port),
        (inet_ntop(family, target), target_port),
        record[start + _UDP.size :],
    )


@lru_cache(maxsize=1024)
def _numeric(host: str) -> bytes:
    try:
        return inet_pton(AF_INET6 if ":" in host else AF_INET, host)
    except OSError:
        return bytes(4)
