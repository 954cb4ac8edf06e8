"""RTP headers and telephone events: the bytes of RFC 3550 and RFC 4733."""

from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.rtp.packet import (
    RtpPacket,
    TelephoneEvent,
    pack_event,
    pack_rtp,
    parse_event,
    parse_rtp,
)


def test_a_packet_has_the_bytes_of_the_standard() -> None:
    packet = pack_rtp(8, True, 0x1234, 0x56789ABC, 0xDEF01234, b"ab")
    assert packet == bytes.fromhex("8088 1234 56789abc def01234") + b"ab"


def test_a_packet_reads_back_as_written() -> None:
    assert parse_rtp(pack_rtp(101, False, 65535, 2**32 - 1, 7, b"x")) == RtpPacket(
        101, False, 65535, 2**32 - 1, 7, b"x"
    )


def test_contributing_sources_extensions_and_padding_are_not_payload() -> None:
    head = bytes.fromhex("0001 00000002 00000003")
    sources = b"\x82\x00" + head + b"S" * 8 + b"voice"
    extension = b"\x90\x00" + head + b"\xbe\xde\x00\x01" + b"E" * 4 + b"voice"
    padding = b"\xa0\x00" + head + b"voice" + b"\x00\x00\x03"
    for datagram in (sources, extension, padding):
        packet = parse_rtp(datagram)
        assert packet is not None
        assert packet.payload == b"voice"


def test_what_is_not_rtp_is_none() -> None:
    head = bytes.fromhex("0001 00000002 00000003")
    wrong = [
        b"",
        b"\x80\x00" + head[:-1],
        b"\x40\x00" + head,
        b"\x8f\x00" + head,
        b"\x90\x00" + head + b"\x00\x00\xff\xff",
        b"\xa0\x00" + head + b"\x00",
        b"\xa0\x00" + head + b"\xff",
    ]
    assert [parse_rtp(datagram) for datagram in wrong] == [None] * len(wrong)


@given(st.binary(max_size=64))
def test_no_datagram_is_a_surprise(datagram: bytes) -> None:
    packet = parse_rtp(datagram)
    assert packet is None or len(packet.payload) <= len(datagram) - 12
    parse_event(datagram)


def test_an_event_has_the_bytes_of_the_standard() -> None:
    assert pack_event(11, False, 160) == bytes.fromhex("0b 0a 00a0")
    assert pack_event(1, True, 800) == bytes.fromhex("01 8a 0320")
    assert parse_event(bytes.fromhex("01 8a 0320 ff")) == TelephoneEvent(1, True, 800)
    assert parse_event(b"\x01\x8a\x03") is None
