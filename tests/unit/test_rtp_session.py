"""One call's audio over real loopback sockets, ticked by hand: no time passes."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from callwright.telephony.rtp.encoded import EncodedPrompt, encoded_prompt
from callwright.telephony.rtp.g711 import SILENCE, Codec
from callwright.telephony.rtp.packet import RtpPacket, pack_event, pack_rtp, parse_event, parse_rtp
from callwright.telephony.rtp.receiver import Reception
from callwright.telephony.rtp.rtcp import Reports
from callwright.telephony.rtp.session import MediaSession
from callwright.telephony.rtp.ticker import Member


class HandBeat:
    """A ticker that a test turns."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.cycle = 1000

    def join(self, member: Member) -> None:
        self.members.append(member)

    def leave(self, member: Member) -> None:
        if member in self.members:
            self.members.remove(member)

    def turn(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            self.cycle += 1
            for member in tuple(self.members):
                member.tick(self.cycle)


class Owner:
    def __init__(self) -> None:
        self.ticker = HandBeat()
        self.released: list[MediaSession] = []
        self.beside: dict[int, socket.socket] = {}

    def make_beside(self, port: int) -> int:
        """The port on which the session that has `port` will read reports."""
        self.beside[port] = udp()
        return int(self.beside[port].getsockname()[1])

    def bind_beside(self, port: int) -> socket.socket | None:
        return self.beside.pop(port, None)

    def release(self, session: MediaSession) -> None:
        self.released.append(session)


def udp() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


class Talk:
    """A session, the beat that drives it, and the peer's socket."""

    def __init__(self) -> None:
        self.owner = Owner()
        self.beat = self.owner.ticker
        self.session = MediaSession(self.owner, udp(), quiet_limit_s=1.0)
        self.peer = udp()
        self.sequence = 0

    def start(self, codec: Codec = "PCMU", dtmf: int | None = 101, way: str = "sendrecv") -> None:
        self.session.start(self.peer.getsockname(), codec, dtmf, way)  # type: ignore[arg-type]

    def sent(self) -> list[RtpPacket]:
        packets = []
        while True:
            try:
                packet = parse_rtp(self.peer.recv(2048))
            except BlockingIOError:
                return packets
            assert packet is not None
            packets.append(packet)

    def say(
        self,
        payload: bytes = b"\x00" * 160,
        payload_type: int = 0,
        *,
        timestamp: int = 0,
        ssrc: int = 77,
        source: socket.socket | None = None,
    ) -> None:
        self.sequence += 1
        packet = pack_rtp(payload_type, False, self.sequence, timestamp, ssrc, payload)
        (source or self.peer).sendto(packet, ("127.0.0.1", self.session.local_port))
        self.beat.turn()


@contextmanager
def talking() -> Iterator[Talk]:
    talk = Talk()
    try:
        yield talk
    finally:
        talk.session.close()
        talk.peer.close()


def prompt(*codes: int, codec: Codec = "PCMU") -> EncodedPrompt:
    return encoded_prompt(b"".join(bytes([code]) * 160 for code in codes), codec, codec)


def nothing() -> None:
    pass


def in_loop(scene: Callable[[Talk], None]) -> None:
    async def main() -> None:
        with talking() as talk:
            scene(talk)

    asyncio.run(main())


def test_silence_is_sent_while_nothing_plays() -> None:
    def scene(talk: Talk) -> None:
        talk.start("PCMA")
        talk.beat.turn(3)
        packets = talk.sent()
        assert [packet.payload for packet in packets] == [SILENCE["PCMA"]] * 3
        assert {packet.payload_type for packet in packets} == {8}
        assert [packet.marker for packet in packets] == [True, False, False]
        steps = [packet.timestamp - packets[0].timestamp for packet in packets]
        assert [step & 0xFFFFFFFF for step in steps] == [0, 160, 320]
        numbers = [(packet.sequence - packets[0].sequence) & 0xFFFF for packet in packets]
        assert numbers == [0, 1, 2]
        assert len({packet.ssrc for packet in packets}) == 1

    in_loop(scene)


def test_nothing_is_sent_before_the_start() -> None:
    def scene(talk: Talk) -> None:
        talk.beat.turn(3)
        assert talk.sent() == []
        assert talk.session.stats().sent_packets == 0

    in_loop(scene)


def test_prompts_follow_each_other_and_the_end_is_told_after_the_last_frame() -> None:
    def scene(talk: Talk) -> None:
        done: list[int] = []
        talk.start()
        talk.session.play([prompt(1, 2), prompt(3)], lambda: done.append(len(talk.sent())))
        talk.beat.turn(3)
        assert not done
        talk.beat.turn(1)
        assert done == [3]
        assert talk.sent()[-1].payload == SILENCE["PCMU"]

    in_loop(scene)


def test_a_prompt_begun_when_the_last_one_ends_leaves_no_gap() -> None:
    def scene(talk: Talk) -> None:
        talk.start()
        talk.session.play([prompt(1)], lambda: talk.session.play([prompt(2)], nothing))
        talk.beat.turn(2)
        assert [packet.payload[0] for packet in talk.sent()] == [1, 2]

    in_loop(scene)


def test_playing_can_be_stopped_and_is_then_not_done() -> None:
    def scene(talk: Talk) -> None:
        done: list[str] = []
        talk.start()
        talk.session.play([prompt(1, 2, 3)], lambda: done.append("done"))
        talk.beat.turn(1)
        talk.session.stop_playing()
        talk.beat.turn(5)
        assert [packet.payload[0] for packet in talk.sent()] == [1, *[0xFF] * 5]
        assert done == []

    in_loop(scene)


def test_a_prompt_in_the_other_law_is_brought_to_the_sessions() -> None:
    def scene(talk: Talk) -> None:
        talk.start("PCMU")
        talk.session.play([prompt(0x2A, codec="PCMA"), prompt(1)], nothing)
        talk.beat.turn(2)
        assert [packet.payload[0] for packet in talk.sent()] == [0x00, 1]

    in_loop(scene)


def test_keys_are_events_of_one_timestamp_and_the_prompt_waits() -> None:
    def scene(talk: Talk) -> None:
        done: list[str] = []
        talk.start(dtmf=96)
        talk.session.play([prompt(1, 2)], nothing)
        talk.beat.turn(1)
        talk.session.send_digits("7", lambda: done.append("keyed"))
        talk.beat.turn(10)
        assert not done
        talk.beat.turn(1)
        assert done == ["keyed"]
        packets = talk.sent()
        events = [packet for packet in packets if packet.payload_type == 96]
        reports = [parse_event(packet.payload) for packet in events]
        assert [report.duration for report in reports if report] == [
            160, 320, 480, 640, 800, 800, 800
        ]  # fmt: skip
        assert [report.end for report in reports if report] == [False] * 4 + [True] * 3
        assert [packet.marker for packet in events] == [True] + [False] * 6
        assert {packet.timestamp for packet in events} == {events[0].timestamp}
        assert packets[-1].payload[0] == 2
        elapsed = (packets[-1].timestamp - events[0].timestamp) & 0xFFFFFFFF
        assert elapsed == 10 * 160

    in_loop(scene)


def test_keys_are_tones_where_the_peer_takes_no_events() -> None:
    def scene(talk: Talk) -> None:
        talk.start(dtmf=None)
        talk.session.send_digits("7", nothing)
        talk.beat.turn(10)
        packets = talk.sent()
        assert {packet.payload_type for packet in packets} == {0}
        loud = [packet.payload != SILENCE["PCMU"] for packet in packets]
        assert loud == [True] * 5 + [False] * 5

    in_loop(scene)


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


def test_a_prompt_waits_while_the_call_is_held() -> None:
    def scene(talk: Talk) -> None:
        done: list[str] = []
        talk.start()
        talk.session.play([prompt(1, 2)], lambda: done.append("done"))
        talk.beat.turn(1)
        talk.start(way="inactive")
        talk.beat.turn(20)
        talk.start(way="sendrecv")
        talk.beat.turn(2)
        assert [packet.payload[0] for packet in talk.sent()] == [1, 2, 0xFF]
        assert done == ["done"]

    in_loop(scene)


def test_a_reinvite_may_change_the_law_under_a_prompt() -> None:
    def scene(talk: Talk) -> None:
        talk.start("PCMU")
        talk.session.play([prompt(0xFF, 0xFF)], nothing)
        talk.beat.turn(1)
        talk.start("PCMA")
        talk.beat.turn(1)
        assert [packet.payload for packet in talk.sent()] == [SILENCE["PCMU"], SILENCE["PCMA"]]

    in_loop(scene)


def test_closing_tells_the_counts_frees_the_port_and_may_be_repeated() -> None:
    async def main() -> None:
        with talking() as talk:
            talk.start()
            talk.say()
            talk.sequence += 4
            talk.say()
            talk.beat.turn(1)
            assert talk.session.close()[:3] == (2, 4, 3)
            assert talk.session.close()[:3] == (2, 4, 3)
            assert talk.owner.released == [talk.session]
            talk.beat.turn(3)
            assert len(talk.sent()) == 3
            talk.start()

    asyncio.run(main())


@pytest.mark.parametrize("moment", ["played", "keyed", "timeout"])
def test_a_callback_may_close_the_session(moment: str) -> None:
    def scene(talk: Talk) -> None:
        talk.start()

        def close() -> None:
            talk.session.close()

        if moment == "played":
            talk.session.play([prompt(1)], close)
        elif moment == "keyed":
            talk.session.send_digits("1", close)
        else:
            talk.session.on_timeout = close
        talk.beat.turn(60)
        assert talk.beat.members == []
        assert len(talk.sent()) == {"played": 1, "keyed": 10, "timeout": 51}[moment]

    in_loop(scene)


def test_a_host_name_is_no_media_address() -> None:
    def scene(talk: Talk) -> None:
        with pytest.raises(ValueError, match=r"media\.example"):
            talk.session.start(("media.example", 4000), "PCMU", 101)

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
