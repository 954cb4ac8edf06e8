"""SIP out of a stream: however it is cut on the way, the same messages come out."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.message import MAX_MESSAGE
from callwright.telephony.sip.stream import PING, PONG, StreamReader

ONE = b"OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n"
TWO = b"MESSAGE sip:b SIP/2.0\r\nl : 12\r\nCall-ID: 2\r\n\r\nbody\r\n\r\nbody"
THREE = b"SIP/2.0 200 OK\r\nCONTENT-LENGTH:\r\n 3\r\nCall-ID: 3\r\n\r\nabc"


@given(cuts=st.lists(st.integers(0, 400), max_size=12))
def test_messages_come_out_whole_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    stream = PONG + ONE + PING + TWO + ONE + PONG + THREE + THREE
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    reader = StreamReader()
    messages: list[bytes] = []
    for begin, end in itertools.pairwise(places):
        messages += reader.feed(stream[begin:end])
    assert messages == [ONE, TWO, ONE, THREE, THREE]


def test_pings_and_their_answers_are_told_apart() -> None:
    reader = StreamReader()
    assert reader.feed(PING + ONE + PONG) == [ONE]
    assert (reader.pings, reader.pongs) == (1, 1)


@pytest.mark.parametrize(
    "stream",
    [
        b"INVITE sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nContent-Length: 999999\r\n\r\n",
        b"x" * (MAX_MESSAGE + 1),
    ],
)
def test_what_cannot_be_cut_breaks_the_stream(stream: bytes) -> None:
    with pytest.raises(SipMalformed):
        StreamReader().feed(stream)
