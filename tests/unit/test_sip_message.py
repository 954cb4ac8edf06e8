"""Reading and writing SIP messages."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.sip.dialog import dialog_from_answer
from callwright.telephony.sip.fields import (
    SipMalformed,
    bare_uri,
    checked_call_id,
    checked_caller,
    checked_number,
    parse_host_port,
    parse_uri,
    split_list,
)
from callwright.telephony.sip.message import (
    SipRequest,
    SipResponse,
    parse_message,
    render,
    response_lines,
)
from callwright.telephony.sip.requests import make_setup
from callwright.telephony.sip.sdp import SdpUnusable, answer_offer, read_description

SETUP = make_setup(
    call_id="c",
    from_tag="abc",
    branch="b",
    cseq=1,
    number="1",
    caller_id="",
    trunk_host="h",
    from_host="h",
    sent_by="h",
    target=("127.0.0.1", 5060),
)
OK = (
    b"SIP/2.0 200 OK\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-abc;rport=5061\r\n"
    b'From: "Ann <a;tag=no>" <sip:12345@127.0.0.1;tag=uri>;tag=abc\r\n'
    b"To: <sip:+15551234567@127.0.0.1:5060>;tag=1SIPpTag01\r\n"
    b"Call-ID: abc@host\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:127.0.0.1:5060;transport=UDP>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 3\r\n"
    b"\r\n"
    b"v=0 and what follows is not ours"
)
BYE = (
    b"BYE sip:callwright@127.0.0.1:5061 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx;rport, SIP/2.0/UDP 10.0.0.1\r\n"
    b"f: <sip:+15551234567@127.0.0.1>;tag=b\r\n"
    b"t: <sip:12345@127.0.0.1>;tag=a\r\n"
    b"i: abc@host\r\n"
    b"CSeq: 7\r\n   BYE\r\n"
    b"l: 0\r\n"
    b"\r\n"
)


def test_a_response_is_read() -> None:
    message = parse_message(OK)
    assert isinstance(message, SipResponse)
    assert (message.status, message.phrase, message.method, message.cseq) == (
        200,
        "OK",
        "INVITE",
        1,
    )
    assert (message.from_tag, message.to_tag) == ("abc", "1SIPpTag01")
    assert message.branch == "z9hG4bK-abc"
    assert message.body == b"v=0"


def test_compact_names_and_folded_lines_are_read() -> None:
    message = parse_message(BYE)
    assert isinstance(message, SipRequest)
    assert (message.method, message.cseq, message.from_tag, message.to_tag) == ("BYE", 7, "b", "a")
    assert message.listed("via") == [
        "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx;rport",
        "SIP/2.0/UDP 10.0.0.1",
    ]


def test_header_names_have_no_case() -> None:
    shouted = (
        OK.replace(b"Call-ID", b"CALL-id").replace(b"Via", b"VIA").replace(b"CSeq:", b"CSEQ :")
    )
    assert parse_message(shouted).call_id == "abc@host"


@pytest.mark.parametrize(
    "change",
    [
        (b"Call-ID: abc@host\r\n", b""),
        (b"CSeq: 1 INVITE\r\n", b""),
        (b"Via:", b"X:"),
        (b"CSeq: 1 INVITE", b"CSeq: one INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: 99999999999 INVITE"),
        (b"Call-ID: abc@host\r\n", b"Call-ID: abc@host\r\ni: other\r\n"),
        (b"Content-Length: 3", b"Content-Length: 900"),
        (b"Content-Length: 3", b"Content-Length: -3"),
        (b"SIP/2.0 200", b"SIP/3.0 200"),
        (b"SIP/2.0 200", b"SIP/2.0 700"),
        (b"abc@host", b"abc\0host"),
        (b"abc@host", b"abc\nhost"),
        (b"abc@host", b"abc\rhost"),
        (b"\r\n\r\n", b"\r\n"),
        (b"SIP/2.0 200 OK", b"x" * 70_000),
    ],
)
def test_what_is_no_message_is_refused(change: tuple[bytes, bytes]) -> None:
    with pytest.raises(SipMalformed):
        parse_message(OK.replace(*change))


def test_a_request_whose_cseq_names_another_method_is_refused() -> None:
    with pytest.raises(SipMalformed):
        parse_message(BYE.replace(b"   BYE", b"   CANCEL"))


@given(
    st.sampled_from([OK, BYE]),
    st.lists(
        st.tuples(st.integers(0, 700), st.integers(0, 40), st.binary(max_size=12)), max_size=6
    ),
)
def test_mutants_raise_nothing_but_malformed(
    data: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    for start, length, insert in cuts:
        data = data[:start] + insert + data[start + length :]
    try:
        message = parse_message(data)
    except SipMalformed:
        return
    message.listed("contact")
    message.listed("record-route")
    if isinstance(message, SipRequest):
        answer = render(response_lines(message, 200, "OK", "t", ("127.0.0.1", 9)))
        assert parse_message(answer).call_id == message.call_id


@given(st.binary(max_size=400))
def test_noise_raises_nothing_but_malformed(data: bytes) -> None:
    with pytest.raises(SipMalformed):
        parse_message(data)


@given(st.text(max_size=80))
def test_small_grammars_raise_nothing_but_malformed(text: str) -> None:
    for read in (parse_uri, bare_uri, parse_host_port, checked_number, checked_call_id):
        try:
            read(text)
        except SipMalformed:
            continue
    assert all(part for part in split_list(text))


@given(st.sampled_from(["\r", "\n", "\0", "\r\n", "\u2028"]), st.text(max_size=5))
def test_no_line_break_gets_into_a_header(bad: str, text: str) -> None:
    with pytest.raises(SipMalformed):
        render(["OPTIONS sip:a SIP/2.0", f"X: {text}{bad}"])


@pytest.mark.parametrize(
    "value", ["", "+", "++1", "1 2", "1;x", "1@h", "１２", "12\n", "1" * 40, "1,2", "%31"]
)
def test_only_digits_are_dialled(value: str) -> None:
    with pytest.raises(SipMalformed):
        checked_number(value)


@pytest.mark.parametrize("value", ["", 'a"', "a b", "a@b", "a\n", "<a>", "a;b"])
def test_a_caller_id_cannot_break_out_of_its_header(value: str) -> None:
    with pytest.raises(SipMalformed):
        checked_caller(value)


def test_lists_are_cut_outside_quotes_and_brackets() -> None:
    value = '"a, \\"b" <sip:x,y@h>;p=1, <sip:z@h>,'
    assert split_list(value) == ['"a, \\"b" <sip:x,y@h>;p=1', "<sip:z@h>"]


def test_uri_parameters_have_no_case() -> None:
    uri = parse_uri("sip:bob@[2001:db8::1]:5080;Transport=UDP;LR")
    assert (uri.user, uri.host, uri.port) == ("bob", "[2001:db8::1]", 5080)
    assert (uri.param("transport"), uri.param("lr"), uri.param("x")) == ("UDP", "", None)


def test_rport_is_answered() -> None:
    request = parse_message(BYE)
    assert isinstance(request, SipRequest)
    lines = response_lines(request, 200, "OK", "", ("192.0.2.1", 1234))
    assert lines[1] == (
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx;rport=1234;received=192.0.2.1, "
        "SIP/2.0/UDP 10.0.0.1"
    )


@given(st.binary(max_size=300))
def test_noise_as_sdp_raises_nothing_but_unusable(data: bytes) -> None:
    with pytest.raises(SdpUnusable):
        read_description(data)


@given(
    st.lists(st.tuples(st.integers(0, 250), st.integers(0, 20), st.text(max_size=8)), max_size=5)
)
def test_mutated_sdp_raises_nothing_but_unusable(cuts: list[tuple[int, int, str]]) -> None:
    text = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 6000 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n"
    )
    for start, length, insert in cuts:
        text = text[:start] + insert + text[start + length :]
    try:
        _, agreed = answer_offer(text.encode(), "127.0.0.1", 7000, 1, 2)
    except SdpUnusable:
        return
    assert 0 < agreed.port < 65536


@pytest.mark.parametrize(
    "value",
    [
        b" " * 60_000,
        b'\\"' * 30_000,
        b'"' * 60_001,
        b";" * 60_000,
        b"; tag =" * 8_000,
        b"," * 60_000,
        b"<" * 60_000,
        b"\r\n " * 20_000,
    ],
)
def test_hostile_headers_take_no_noticeable_time(value: bytes) -> None:
    started = time.process_time()
    for place in (b'"Ann <a;tag=no>"', b"<sip:127.0.0.1:5060;transport=UDP>"):
        try:
            message = parse_message(OK.replace(place, value))
            message.listed("contact")
            dialog_from_answer(SETUP, message)  # type: ignore[arg-type]
        except SipMalformed:
            continue
    assert time.process_time() - started < 1.0  # what is quadratic takes many times that
