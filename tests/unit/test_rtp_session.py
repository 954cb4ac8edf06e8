"""What one call's audio sends, on real loopback sockets ticked by hand: no time passes."""

import asyncio

import pytest
from rtp_talk import Talk, in_loop, nothing, prompt, talking

from callwright.telephony.rtp.g711 import SILENCE
from callwright.telephony.rtp.packet import parse_event


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
