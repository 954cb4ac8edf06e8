"""What one call's audio hears: keys, listeners, strangers, silence, reports."""

import asyncio

import pytest
from rtp_talk import Owner, Talk, in_loop, nothing, talking, udp

from callwright.telephony.rtp.g711 import SILENCE
from callwright.telephony.rtp.packet import pack_event, pack_rtp, parse_rtp
from callwright.telephony.rtp.receiver import Reception
from callwright.telephony.rtp.rtcp import Reports
from callwright.telephony.rtp.session import MediaSession


def test_received_keys_are_told_once_and_audio_in_the_sessions_law() -> None:
    async def main() -> None:
        with talking() as talk:
            digits: list[str] = []
            audio: list[bytes] = []
            talk.session.on_digit = digits.append
            talk.session.on_audio = audio.append
            talk.start("PCMA", dtmf=101)
            for duration in (160, 320, 480):
                talk.say(pack_event(9, duration == 480, duration), 101, timestamp=5000)
            talk.say(SILENCE["PCMU"], 0)
            talk.say(b"\x2a" * 160, 8)
            assert digits == ["9"]
            assert audio == [SILENCE["PCMA"], b"\x2a" * 160]

    asyncio.run(main())


def test_listeners_hear_the_call_in_order_and_only_while_they_listen() -> None:
    async def main() -> None:
        with talking() as talk:
            heard: list[tuple[int, int]] = []

            def listener(at: int, codes: bytes) -> None:
                assert len(codes) == 160
                heard.append((at, codes[0]))

            talk.start("PCMA")
            talk.session.listen(listener)
            talk.beat.turn()
            for number, timestamp in ((1, 160), (3, 480), (2, 320)):
                talk.say(bytes([number]) * 160, timestamp=timestamp)
                talk.beat.turn()
            talk.say(b"\x2a" * 160, 8, timestamp=640)
            talk.beat.turn()
            assert heard == [(0, 1), (160, 2), (320, 3), (480, 0x00)]
            talk.session.stop_listening(listener)
            talk.say(timestamp=800)
            talk.beat.turn(10)
            assert len(heard) == 4

    asyncio.run(main())


def test_our_own_keys_echoed_back_are_not_the_callees() -> None:
    async def main() -> None:
        with talking() as talk:
            digits: list[str] = []
            talk.session.on_digit = digits.append
            talk.start()
            talk.session.send_digits("3", nothing)
            talk.beat.turn(10)
            ours = [packet for packet in talk.sent() if packet.payload_type == 101]
            for packet in ours:
                talk.say(packet.payload, 101, timestamp=packet.timestamp, ssrc=packet.ssrc)
            assert len(ours) == talk.session.stats().received_packets == 7
            assert digits == []

    asyncio.run(main())


def test_audio_goes_to_where_the_peer_really_sends_from() -> None:
    async def main() -> None:
        with talking() as talk, udp() as behind_nat:
            talk.start()
            for _ in range(3):
                talk.say(source=behind_nat)
            assert len(talk.sent()) == 2  # before the third was heard
            assert parse_rtp(behind_nat.recv(2048)) is not None
            talk.say()
            assert talk.session.stats().received_packets == 1

    asyncio.run(main())


def test_strangers_are_not_heard_once_the_peer_was() -> None:
    async def main() -> None:
        with talking() as talk, udp() as stranger:
            talk.start()
            talk.say()
            for _ in range(8):
                talk.say(source=stranger)
            assert talk.session.stats().received_packets == 1

    asyncio.run(main())


def test_a_reinvite_may_move_the_audio_and_the_new_peer_may_be_behind_a_translator() -> None:
    async def main() -> None:
        with talking() as talk, udp() as stated, udp() as behind_nat:
            talk.start()
            talk.say()
            talk.session.start(stated.getsockname(), "PCMU", 101)
            talk.beat.turn()
            assert parse_rtp(stated.recv(2048)) is not None
            for _ in range(3):
                talk.say(source=behind_nat)
            assert parse_rtp(behind_nat.recv(2048)) is not None
            for _ in range(8):
                talk.say()  # the old peer is a stranger now
            assert talk.session.stats().received_packets == 2

    asyncio.run(main())


def test_packets_that_pile_up_are_all_heard() -> None:
    async def main() -> None:
        with talking() as talk:
            talk.start()
            port = talk.session.local_port
            for number in range(100):
                for each in (2 * number, 2 * number + 1):
                    packet = pack_rtp(0, False, each, each * 80, 7, b"\x00" * 80)
                    talk.peer.sendto(packet, ("127.0.0.1", port))
                talk.beat.turn()
                assert talk.session.stats().received_packets >= 2 * number - 6
            talk.beat.turn(8)
            assert talk.session.stats().received_packets == 200

    asyncio.run(main())


def test_what_is_not_rtp_of_ours_settles_and_counts_nothing() -> None:
    async def main() -> None:
        with talking() as talk, udp() as scanner:
            talk.start()
            for _ in range(5):
                talk.say(payload_type=33, source=scanner)
                scanner.sendto(b"\x00junk", ("127.0.0.1", talk.session.local_port))
            assert talk.session.stats().received_packets == 0
            assert len(talk.sent()) == talk.session.stats().sent_packets == 5
            with pytest.raises(BlockingIOError):
                scanner.recv(2048)

    asyncio.run(main())


def test_packets_from_before_the_start_are_dropped() -> None:
    async def main() -> None:
        with talking() as talk:
            talk.say()
            talk.start()
            talk.say()
            assert talk.session.stats().received_packets == 1

    asyncio.run(main())


def test_hearing_nothing_for_the_limit_is_told_once() -> None:
    async def main() -> None:
        with talking() as talk:
            times: list[int] = []
            talk.session.on_timeout = lambda: times.append(talk.beat.cycle)
            talk.start()
            talk.beat.turn(40)
            talk.say()
            talk.beat.turn(50)
            assert times == []
            talk.beat.turn(100)
            assert len(times) == 1

    asyncio.run(main())


@pytest.mark.parametrize("way", ["sendonly", "recvonly", "inactive"])
def test_a_peer_on_hold_may_be_silent(way: str) -> None:
    def scene(talk: Talk) -> None:
        times: list[int] = []
        talk.session.on_timeout = lambda: times.append(1)
        talk.start(way=way)
        talk.beat.turn(200)
        assert times == []
        assert len(talk.sent()) == (200 if way == "sendonly" else 0)

    in_loop(scene)


def test_a_callee_that_may_be_silent_for_ever_is_one_by_setting() -> None:
    def scene(talk: Talk) -> None:
        times: list[int] = []
        patient = MediaSession(talk.owner, udp(), quiet_limit_s=0)
        patient.on_timeout = lambda: times.append(1)
        patient.start(talk.peer.getsockname(), "PCMU", 101)
        talk.beat.turn(5000)
        patient.close()
        assert times == []

    in_loop(scene)


@pytest.mark.parametrize("muxed", [True, False])
def test_both_sides_report_what_they_hear(muxed: bool) -> None:
    async def main() -> None:
        owner = Owner()
        ours, theirs = (MediaSession(owner, udp()) for _ in range(2))
        for session, other in ((ours, theirs), (theirs, ours)):
            port = other.local_port if muxed else owner.make_beside(other.local_port)
            remote = ("127.0.0.1", other.local_port)
            session.start(remote, "PCMU", None, rtcp_port=port)
        owner.ticker.turn(1000)
        here, there = ours.close(), theirs.close()
        for stats in (here, there):
            assert stats.round_trip_ms is not None
            assert 0 <= stats.round_trip_ms < 10_000
            assert stats.lost_packets == stats.far_lost_packets == 0
            assert 900 < stats.received_packets <= 1000
            assert stats.jitter_ms > 0 or stats.far_jitter_ms > 0

    asyncio.run(main())


def test_a_peer_that_only_reports_is_still_there() -> None:
    async def main() -> None:
        with talking() as talk:
            times: list[int] = []
            talk.session.on_timeout = lambda: times.append(1)
            port = talk.peer.getsockname()[1]
            talk.session.start(talk.peer.getsockname(), "PCMU", 101, rtcp_port=port)
            talk.say()
            report = Reports(77).compose(1e9, 0, (0, 0), Reception())
            for _ in range(5):
                talk.peer.sendto(report, ("127.0.0.1", talk.session.local_port))
                talk.beat.turn(40)
            assert times == []
            assert talk.session.stats().received_packets == 1

    asyncio.run(main())


def test_a_call_that_is_over_within_a_second_takes_no_port_for_reports() -> None:
    def scene(talk: Talk) -> None:
        port = talk.session.local_port
        talk.owner.make_beside(port)
        talk.start()
        talk.beat.turn(50)
        assert port in talk.owner.beside
        talk.beat.turn(2)
        assert port not in talk.owner.beside
        talk.owner.beside.clear()

    in_loop(scene)
