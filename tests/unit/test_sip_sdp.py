"""What session descriptions come to."""

import pytest

from callwright.telephony.sip.sdp import (
    MediaAnswer,
    SdpUnusable,
    answer_offer,
    build_offer,
    read_description,
)

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"


def read(text: str) -> MediaAnswer:
    return read_description((HEAD + text).encode())


def test_our_own_offer_can_be_read() -> None:
    assert read_description(build_offer("192.0.2.1", 30000, 7)) == MediaAnswer(
        "192.0.2.1", 30000, "PCMU", 0, 101, "sendrecv", 30000
    )
    assert read_description(build_offer("2001:db8::1", 30000, 7)).address == "2001:db8::1"


def test_the_first_codec_of_the_answer_counts() -> None:
    answer = read("m=audio 6000 RTP/AVP 8 0\r\n")
    assert (answer.codec, answer.payload, answer.dtmf_payload) == ("PCMA", 8, None)


def test_the_event_payload_is_the_answers_own() -> None:
    assert read("m=audio 1 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n").dtmf_payload == 96
    assert read("m=audio 1 RTP/AVP 0 101\r\n").dtmf_payload == 101
    assert read("m=audio 1 RTP/AVP 0 101\r\na=rtpmap:101 opus/48000/2\r\n").dtmf_payload is None


def test_an_address_in_the_stream_outweighs_the_sessions() -> None:
    assert read("m=audio 6000 RTP/AVP 0\r\nc=IN IP4 192.0.2.77\r\n").address == "192.0.2.77"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_directions_are_told_from_our_side(theirs: str, ours: str) -> None:
    assert read(f"m=audio 6000 RTP/AVP 0\r\na={theirs}\r\n").direction == ours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m=video 6000 RTP/AVP 0\r\n",
        "m=audio 0 RTP/AVP 0\r\n",
        "m=audio 6000 RTP/SAVP 0\r\n",
        "m=audio 6000 RTP/AVP 9 18\r\n",
        "m=audio 99999 RTP/AVP 0\r\n",
        "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n",
        "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n",
        "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 media.example.org\r\n",
    ],
)
def test_an_answer_without_g711_audio_is_unusable(text: str) -> None:
    with pytest.raises(SdpUnusable):
        read(text)


def test_an_offer_is_answered_stream_by_stream() -> None:
    offer = HEAD + (
        "m=video 7000 RTP/AVP 31\r\nm=audio 6000 RTP/AVP 18 8 96\r\n"
        "a=rtpmap:96 telephone-event/8000\r\na=sendonly\r\nm=text 1 RTP/AVP 98\r\n"
    )
    body, agreed = answer_offer(offer.encode(), "192.0.2.1", 30000, 7, 2)
    text = body.decode()
    assert [line for line in text.split("\r\n") if line.startswith("m=")] == [
        "m=video 0 RTP/AVP 31",
        "m=audio 30000 RTP/AVP 8 96",
        "m=text 0 RTP/AVP 98",
    ]
    assert "a=recvonly" in text
    assert (agreed.codec, agreed.direction, agreed.dtmf_payload) == ("PCMA", "recvonly", 96)


def test_the_better_codec_is_offered_first() -> None:
    offer = build_offer("192.0.2.1", 30000, 7, codecs=("PCMA", "PCMU")).decode()
    assert "m=audio 30000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000" in offer
    assert "RTP/AVP 8 101" in build_offer("192.0.2.1", 30000, 7, codecs=("PCMA",)).decode()


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ("", None),
        ("a=rtcp-mux\r\n", 6000),
        ("a=rtcp:6005 IN IP4 192.0.2.9\r\n", 6005),
        ("a=rtcp-mux\r\na=rtcp:6005\r\n", 6000),
        ("a=rtcp:nonsense\r\n", None),
    ],
)
def test_where_reports_go_is_read(line: str, port: int | None) -> None:
    assert read("m=audio 6000 RTP/AVP 0\r\n" + line).rtcp_port == port


def test_one_port_for_audio_and_reports_is_agreed_to() -> None:
    offer = HEAD + "m=audio 6000 RTP/AVP 0\r\n"
    mux = "a=rtcp-mux\r\n"
    assert mux.encode() in answer_offer((offer + mux).encode(), "192.0.2.1", 4000, 1, 1)[0]
    assert mux.encode() not in answer_offer(offer.encode(), "192.0.2.1", 4000, 1, 1)[0]


def test_an_old_way_to_hold_a_call_is_understood() -> None:
    offer = HEAD + "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n"
    answer, agreed = answer_offer(offer.encode(), "192.0.2.1", 4000, 1, 1)
    assert agreed.direction == "inactive"
    assert b"a=inactive" in answer
