"""How one outgoing call is set up, against a peer made of the bytes it would send."""

from math import inf

import pytest
from sip_peer import SDP, Peer

from callwright.telephony.sip.actions import Answered, EarlyMedia, Ended, How, Rang
from callwright.telephony.sip.message import SipResponse, parse_message


def test_the_invite_carries_the_identity_as_it_was_given() -> None:
    peer = Peer()
    invite = peer.last()
    assert invite.uri == "sip:+15551230100@192.0.2.7:5060"
    assert (invite.call_id, invite.from_tag, invite.branch) == ("c1@example", "ft", "z9hG4bKb")
    assert invite.cseq == 1
    assert invite.first("from") == '"+15550000" <sip:+15550000@192.0.2.1>;tag=ft'
    assert invite.to_tag == ""
    assert ";rport;" in invite.first("via")


def test_an_unanswered_invite_is_repeated_and_given_up_after_32_s() -> None:
    peer = Peer()
    peer.wait(40)
    times = [when - 1000 for when, _, _ in peer.sent]
    assert times == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    end = peer.ended()
    assert end is not None
    assert end.how is How.NO_REPLY
    peer.wait(40)
    assert peer.call.is_over


def test_a_provisional_stops_the_repeats() -> None:
    peer = Peer()
    peer.answer(100)
    peer.answer(180)
    peer.answer(183)
    peer.wait(50)
    assert peer.methods() == ["INVITE"]
    assert peer.news == [Rang(180, "pt")]


@pytest.mark.parametrize("status", [302, 404, 486, 503, 603])
def test_a_refusal_is_acknowledged_as_often_as_it_comes(status: int) -> None:
    peer = Peer()
    peer.answer(status, extra="Reason: Q.850;cause=17\r\nRetry-After: 7 (soon)\r\n")
    ack = peer.last()
    assert (ack.method, ack.branch, ack.to_tag, ack.cseq) == ("ACK", "z9hG4bKb", "pt", 1)
    peer.answer(status)
    peer.answer(status)
    assert peer.methods() == ["INVITE", "ACK", "ACK", "ACK"]
    assert peer.ended() == Ended(How.REFUSED, status, "Phrase", 17, 7.0)
    peer.wait(33)
    assert peer.call.is_over
    assert peer.call.wakes_at == inf


def test_an_answer_is_acknowledged_to_its_contact_as_often_as_it_comes() -> None:
    peer = Peer()
    for _ in range(2):
        peer.answer(200, extra="m: <sip:gw@192.0.2.99:5088;transport=UDP>;expires=1\r\n", body=SDP)
    ack = peer.last()
    assert ack.uri == "sip:gw@192.0.2.99:5088;transport=UDP"
    assert ack.branch != "z9hG4bKb"
    assert peer.sent[-1][2] == ("192.0.2.99", 5088)
    assert peer.methods() == ["INVITE", "ACK", "ACK"]
    assert [type(each) for each in peer.news] == [Answered]


def test_the_route_set_is_the_record_route_reversed() -> None:
    peer = Peer()
    peer.pick_up("Record-Route: <sip:192.0.2.20;lr>, <sip:192.0.2.21:5099;lr>\r\n")
    ack = peer.last()
    assert ack.listed("route") == ["<sip:192.0.2.21:5099;lr>", "<sip:192.0.2.20;lr>"]
    assert ack.uri == "sip:u@192.0.2.7:5060"
    assert peer.sent[-1][2] == ("192.0.2.21", 5099)


def test_a_strict_router_stands_in_the_request_line() -> None:
    peer = Peer()
    peer.pick_up("Record-Route: <sip:192.0.2.20>\r\n")
    assert peer.last().uri == "sip:192.0.2.20"
    assert peer.last().listed("route") == ["<sip:u@192.0.2.7:5060>"]


def test_early_sdp_serves_when_the_answer_brings_none() -> None:
    peer = Peer()
    peer.answer(183, body=SDP)
    peer.answer(200)
    assert peer.news[:2] == [Rang(183, "pt"), EarlyMedia(SDP)]
    answered = peer.news[2]
    assert isinstance(answered, Answered)
    assert answered.sdp == SDP


def test_other_forks_that_answer_are_acknowledged_and_hung_up() -> None:
    peer = Peer()
    peer.answer(180, tag="one")
    peer.answer(180, tag="two")
    peer.pick_up(tag="one")
    peer.pick_up(tag="two")
    peer.pick_up(tag="two")
    assert peer.methods() == ["INVITE", "ACK", "ACK", "BYE", "ACK"]
    assert peer.ended() is None
    assert len(peer.news) == 2
    peer.ask("BYE", 3, tag="one")
    assert peer.ended() == Ended(How.PEER_HUNG_UP)


def test_a_port_where_nobody_listens_ends_the_call_at_once() -> None:
    peer = Peer()
    peer.take(peer.call.on_not_listening(peer.now))
    assert peer.ended() == Ended(How.NOT_LISTENING)
    peer.wait(40)
    assert peer.methods() == ["INVITE"]


def test_icmp_after_a_provisional_is_no_news() -> None:
    peer = Peer()
    peer.answer(100)
    peer.take(peer.call.on_not_listening(peer.now))
    assert peer.ended() is None


def test_responses_to_nothing_we_asked_are_ignored() -> None:
    peer = Peer()
    stray = parse_message(
        b"SIP/2.0 486 Busy\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKother\r\nFrom: <sip:a@b>;tag=ft\r\n"
        b"To: <sip:a@b>;tag=x\r\nCall-ID: c1@example\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    assert isinstance(stray, SipResponse)
    assert peer.call.on_response(stray, peer.now) == []


def test_a_fork_that_changes_its_tag_and_answers_without_audio_is_taken_at_its_first_word() -> None:
    peer = Peer()
    peer.answer(183, tag="one", body=SDP)
    peer.answer(200, tag="two")
    answered = peer.news[-1]
    assert isinstance(answered, Answered)
    assert answered.sdp == SDP


def test_each_fork_has_its_own_description() -> None:
    peer = Peer()
    other = SDP.replace(b"6000", b"6100")
    peer.answer(183, tag="one", body=SDP)
    peer.answer(183, tag="two", body=other)
    peer.answer(200, tag="one")
    answered = peer.news[-1]
    assert isinstance(answered, Answered)
    assert answered.sdp == SDP


@pytest.mark.parametrize("status", [300, 301, 302, 380])
def test_a_redirection_is_acknowledged_and_not_followed(status: int) -> None:
    peer = Peer()
    peer.answer(status, extra="Contact: <sip:+19005550100@192.0.2.66>\r\n")
    assert peer.methods() == ["INVITE", "ACK"]
    assert peer.sent == []
    end = peer.ended()
    assert end is not None
    assert (end.how, end.code) == (How.REFUSED, status)
