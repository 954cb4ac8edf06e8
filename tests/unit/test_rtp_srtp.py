"""Sealed audio between two sessions, and what somebody without the keys can do to it."""

import asyncio
import socket
from collections.abc import Callable

from rtp_talk import Owner, Talk, prompt, talking, udp

from callwright.telephony.rtp.packet import HEADER, pack_rtp, parse_rtp
from callwright.telephony.rtp.receiver import Reception
from callwright.telephony.rtp.rtcp import Reports, is_rtcp
from callwright.telephony.rtp.session import MediaSession
from callwright.telephony.rtp.srtp import Srtp
from callwright.telephony.srtp_keys import SrtpKeys, Suite

SUITES: tuple[Suite, ...] = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
TAGS = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}


def keys(ours: int = 1, theirs: int = 2, suite: Suite = SUITES[0]) -> SrtpKeys:
    return SrtpKeys(suite=suite, ours=bytes([ours]) * 30, theirs=bytes([theirs]) * 30)


def packet(sequence: int, *, ssrc: int = 77, codes: bytes = bytes(160)) -> bytes:
    return pack_rtp(0, False, sequence & 0xFFFF, sequence * 160, ssrc, codes)


def in_talk(scene: Callable[[Talk], None]) -> None:
    async def main() -> None:
        with talking() as talk:
            scene(talk)

    asyncio.run(main())


def start(talk: Talk, with_keys: SrtpKeys | None) -> None:
    port = talk.peer.getsockname()
    talk.session.start(port, "PCMU", 101, rtcp_port=port[1], keys=with_keys)


def send(talk: Talk, datagram: bytes) -> int:
    """How many packets were heard once this one has come."""
    talk.peer.sendto(datagram, ("127.0.0.1", talk.session.local_port))
    talk.beat.turn(8)
    return talk.session.stats().received_packets


def test_both_sides_hear_each_other_and_their_reports_and_nobody_else_does() -> None:
    async def main(suite: Suite) -> None:
        owner, heard = Owner(), list[bytes]()
        ours, theirs = (MediaSession(owner, udp()) for _ in range(2))
        spy = udp()
        ours.start(spy.getsockname(), "PCMU", 101, keys=keys(1, 2, suite))
        ours.play([prompt(7)], lambda: None)
        owner.ticker.turn(2)
        first = spy.recv(2048)
        assert len(first) == 172 + TAGS[suite]
        sent = parse_rtp(first)
        assert sent is not None
        assert b"\x07" * 8 not in sent.payload
        assert sent.sequence < 0x8000
        for session, other, which in ((ours, theirs, (1, 2)), (theirs, ours, (2, 1))):
            remote = ("127.0.0.1", other.local_port)
            session.start(remote, "PCMU", 101, rtcp_port=remote[1], keys=keys(*which, suite))
        theirs.on_audio = heard.append
        ours.play([prompt(9)], lambda: None)
        owner.ticker.turn(800)
        here, there = ours.close(), theirs.close()
        spy.close()
        assert b"\x09" * 160 in heard
        for stats in (here, there):
            assert stats.received_packets > 700
            assert stats.lost_packets == 0
            assert stats.round_trip_ms is not None

    for suite in SUITES:
        asyncio.run(main(suite))


def test_only_what_is_sealed_with_their_key_is_heard_and_each_packet_once() -> None:
    def scene(talk: Talk) -> None:
        start(talk, keys(1, 2))
        peer, stranger = Srtp(keys(2, 1)), Srtp(keys(3, 1))
        first = peer.sealed(packet(10))
        assert send(talk, packet(10)) == 0
        assert send(talk, stranger.sealed(packet(10))) == 0
        assert send(talk, first) == 1
        assert send(talk, first) == 1
        assert send(talk, stranger.sealed(packet(11))) == 1
        second = bytearray(peer.sealed(packet(11)))
        second[20] ^= 1
        assert send(talk, bytes(second)) == 1
        for junk in (b"", b"\x80", b"\x80\xc8" + bytes(30), bytes(1999), b"\x80" + b"\xff" * 1998):
            assert send(talk, junk) == 1
        assert send(talk, peer.sealed(packet(12))) == 2

    in_talk(scene)


def test_a_forged_report_is_none() -> None:
    def scene(talk: Talk) -> None:
        start(talk, keys(1, 2))
        times: list[int] = []
        talk.session.on_timeout = lambda: times.append(1)
        assert send(talk, Srtp(keys(2, 1)).sealed(packet(1))) == 1
        report = Reports(77).compose(1e9, 0, (0, 0), Reception())
        for _ in range(10):
            send(talk, report)
            send(talk, Srtp(keys(3, 1)).sealed_report(report))
        assert times == [1]

    in_talk(scene)


def test_the_count_goes_on_over_the_end_of_the_numbers_and_over_a_later_description() -> None:
    def scene(talk: Talk) -> None:
        start(talk, keys(1, 2))
        peer = Srtp(keys(2, 1))
        heard = 0
        for sequence in range(65_530, 65_545):
            heard += 1
            assert send(talk, peer.sealed(packet(sequence))) == heard
            if sequence == 65_538:
                # A re-INVITE that changes no key, then one that changes theirs.
                start(talk, keys(1, 2))
        start(talk, keys(1, 4))
        assert send(talk, peer.sealed(packet(65_545))) == heard
        assert send(talk, Srtp(keys(4, 1)).sealed(packet(65_546))) == heard + 1

    in_talk(scene)


def test_what_we_send_can_be_opened_on_and_on_after_a_later_description() -> None:
    def scene(talk: Talk) -> None:
        start(talk, keys(1, 2))
        peer, opened = Srtp(keys(2, 1)), 0
        for turn in range(70):
            if turn == 35:
                start(talk, keys(1, 5))
            talk.beat.turn()
            for datagram in waiting(talk.peer):
                assert is_rtcp(datagram[1]) or HEADER.unpack_from(datagram)[2] < 0x8000 + 70
                heard = peer.opened(datagram)
                assert heard is not None
                opened += not is_rtcp(heard[1])
        assert opened == 70

    in_talk(scene)


def waiting(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(2048))
        except BlockingIOError:
            return found
