"""Twilio Media Streams, message by message, and the pace at which an agent is heard."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.agents.media_stream import (
    MOST_BUFFERED,
    MOST_MARKS,
    MediaStream,
    StreamNames,
    StreamOverrun,
)

NAMES = StreamNames(stream="MZ1", call="CA2", account="AC3")
SILENCE = b"\xff" * 160


def stream(**parameters: str) -> MediaStream:
    return MediaStream(NAMES, parameters)


def media(audio: bytes) -> str:
    return json.dumps(
        {
            "event": "media",
            "streamSid": "MZ1",
            "media": {"payload": base64.b64encode(audio).decode()},
        }
    )


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}})


def marks(texts: list[str]) -> list[str]:
    return [json.loads(text)["mark"]["name"] for text in texts]


def played(of: MediaStream, ticks: int) -> tuple[bytes, list[str]]:
    """What is heard in so many ticks, silence left out, and the marks that were told."""
    heard, told = b"", list[str]()
    for _ in range(ticks):
        frame, answers = of.next_frame()
        assert len(frame) == 160
        heard += frame.replace(b"\xff", b"")
        told += marks(answers)
    return heard, told


def test_it_opens_as_twilio_does():
    connected, start = map(json.loads, stream(first_name="Ana").opening())
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "accountSid": "AC3",
            "streamSid": "MZ1",
            "callSid": "CA2",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"first_name": "Ana"},
        },
    }


def test_what_the_callee_says_and_keys_is_told_in_order():
    made = stream()
    made.opening()
    said = [made.heard(0, b"a" * 160), made.keyed("#"), made.heard(160, b"b" * 160), made.closing()]
    first, key, second, stop = map(json.loads, said)
    assert first["media"] == {
        "track": "inbound",
        "chunk": "1",
        "timestamp": "0",
        "payload": base64.b64encode(b"a" * 160).decode(),
    }
    assert key["dtmf"] == {"track": "inbound_track", "digit": "#"}
    assert (second["media"]["chunk"], second["media"]["timestamp"]) == ("2", "20")
    assert stop["stop"] == {"accountSid": "AC3", "callSid": "CA2"}
    told = [first, key, second, stop]
    assert [one["event"] for one in told] == ["media", "dtmf", "media", "stop"]
    assert [one["sequenceNumber"] for one in told] == ["2", "3", "4", "5"]
    assert {one["streamSid"] for one in told} == {"MZ1"}


@given(st.lists(st.binary(min_size=1, max_size=900).map(lambda b: b.replace(b"\xff", b"\x00"))))
def test_audio_of_any_lengths_comes_out_once_in_order_and_every_mark_after_it(pieces: list[bytes]):
    made = stream()
    for number, piece in enumerate(pieces):
        assert made.receive(media(piece)) == []
        made.receive(mark(str(number)))
    heard, told = played(made, sum(map(len, pieces)) // 160 + 5)
    assert heard == b"".join(pieces)
    assert told == [str(number) for number in range(len(pieces))]


def test_a_mark_is_told_when_what_stands_before_it_was_spoken_and_not_sooner():
    made = stream()
    made.receive(media(b"a" * 320))
    assert made.receive(mark("half")) == []
    made.receive(media(b"b" * 320))
    assert [marks(made.next_frame()[1]) for _ in range(4)] == [[], ["half"], [], []]
    played(made, 1)
    assert marks(made.receive(mark("nothing before it"))) == ["nothing before it"]


def test_clear_silences_at_once_and_tells_the_marks_that_were_not_reached():
    made = stream()
    made.receive(media(b"a" * 1600))
    made.receive(mark("a"))
    made.receive(media(b"b" * 1600))
    made.receive(mark("b"))
    assert played(made, 2) == (b"a" * 320, [])
    assert marks(made.receive('{"event":"clear","streamSid":"MZ1"}')) == ["a", "b"]
    assert played(made, 3) == (b"", [])
    made.receive(media(b"c" * 320))
    assert played(made, 3) == (b"c" * 320, [])


def test_after_a_silence_two_frames_or_two_ticks_are_waited_for():
    made = stream()
    made.receive(media(b"a" * 160))
    assert [made.next_frame()[0] for _ in range(3)] == [SILENCE, SILENCE, b"a" * 160]
    made.receive(media(b"b" * 320))
    assert made.next_frame()[0] == b"b" * 160


def test_an_agent_that_speaks_as_it_goes_is_heard_without_a_hole_if_it_is_a_little_late():
    made = stream()
    made.receive(media(b"a" * 160))
    heard = []
    for tick in range(20):
        heard.append(made.next_frame()[0])
        if tick != 7:  # one piece comes 20 ms late
            made.receive(media(b"a" * 160))
        if tick == 8:
            made.receive(media(b"a" * 160))
    assert heard.count(SILENCE) <= 2
    assert SILENCE not in heard[2:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"event":7}',
        '{"event":"media"}',
        '{"event":"media","media":{"payload":"!"}}',
        '{"event":"media","media":{"payload":5}}',
        '{"event":"mark"}',
        '{"event":"mark","mark":{}}',
        '{"event":"whatever","media":null}',
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_read_says_nothing(text):
    made = stream()
    assert made.receive(text) == []
    assert played(made, 5) == (b"", [])


def test_an_agent_may_not_be_ahead_for_ever():
    made = stream()
    piece = media(b"a" * 480_000)
    for _ in range(MOST_BUFFERED // 480_000):
        made.receive(piece)
    with pytest.raises(StreamOverrun, match="ten minutes of audio"):
        made.receive(piece)
    for number in range(MOST_MARKS):
        made.receive(mark(str(number)))
    with pytest.raises(StreamOverrun, match="marks"):
        made.receive(mark("one more"))
