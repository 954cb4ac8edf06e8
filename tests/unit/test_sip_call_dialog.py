"""What the other end asks inside one outgoing call."""

import pytest
from sip_peer import SDP, Peer

from callwright.telephony.sip.actions import Ended, How, KeyedByInfo, Renegotiated


def test_a_reinvite_gets_our_description_until_it_is_acknowledged() -> None:
    peer = Peer()
    peer.pick_up()
    peer.methods()
    moved = SDP.replace(b"6000", b"6002").replace(b"sendrecv", b"sendonly")
    peer.ask("INVITE", 7, extra="Contact: <sip:new@192.0.2.8:5070>\r\n", body=moved)
    answer = peer.sent[-1][1]
    assert b"m=audio 30000 RTP/AVP 0 101" in answer.body
    assert b"a=recvonly" in answer.body
    news = peer.news[-1]
    assert isinstance(news, Renegotiated)
    assert (news.media.port, news.media.direction) == (6002, "recvonly")
    peer.ask("INVITE", 7, body=moved)
    peer.wait(0.6)
    assert peer.methods() == ["200", "200", "200"]
    peer.ask("ACK", 7)
    peer.wait(10)
    assert peer.methods() == []
    peer.take(peer.call.hang_up(peer.now))
    assert peer.last().uri == "sip:new@192.0.2.8:5070"


def test_a_reinvite_without_usable_audio_gets_488() -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("INVITE", 7, body=SDP.replace(b"RTP/AVP", b"RTP/SAVP"))
    assert peer.methods()[-1] == "488"
    assert peer.ended() is None


def test_questions_inside_the_dialog_are_answered() -> None:
    peer = Peer()
    peer.pick_up()
    peer.methods()
    for number, method in enumerate(
        ["OPTIONS", "UPDATE", "INFO", "REFER", "MESSAGE", "NONSENSE"], start=10
    ):
        peer.ask(method, number)
    assert peer.methods() == ["200", "200", "200", "405", "405", "501"]
    peer.ask("OPTIONS", 3)
    assert peer.methods() == ["500"]  # out of order


def test_keys_sent_by_info_are_heard_once() -> None:
    peer = Peer()
    peer.pick_up()
    for cseq, body in [(10, b"Signal=5\r\nDuration=160"), (10, b"Signal=5"), (11, b"Signal= 11")]:
        peer.ask("INFO", cseq, extra="Content-Type: application/dtmf-relay\r\n", body=body)
    assert peer.news[1:] == [KeyedByInfo("5"), KeyedByInfo("#")]


def test_hold_and_resume_are_agreed_to() -> None:
    peer = Peer()
    peer.pick_up()
    for cseq, theirs, ours in ((7, b"sendonly", "recvonly"), (8, b"inactive", "inactive")):
        peer.ask("INVITE", cseq, body=SDP.replace(b"sendrecv", theirs))
        assert f"a={ours}" in peer.reply().body.decode()
        peer.ask("ACK", cseq)
        news = peer.news[-1]
        assert isinstance(news, Renegotiated)
        assert news.media.direction == ours
    peer.ask("UPDATE", 9, body=SDP)
    assert b"a=sendrecv" in peer.reply().body
    assert peer.ended() is None


def test_a_reinvite_without_an_offer_gets_ours_and_its_answer_is_heard() -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("INVITE", 7)
    assert b"m=audio 30000" in peer.reply().body
    peer.ask("UPDATE", 8, body=SDP)
    assert peer.reply().status == 491  # our offer stands
    peer.ask("ACK", 7, body=SDP.replace(b"6000", b"6002"))
    news = peer.news[-1]
    assert isinstance(news, Renegotiated)
    assert news.media.port == 6002


def test_a_second_reinvite_waits_for_the_first() -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("INVITE", 7, body=SDP)
    peer.ask("INVITE", 8, body=SDP)
    assert peer.reply().status == 491
    peer.ask("ACK", 7)
    peer.ask("INVITE", 9, body=SDP)
    assert peer.reply().status == 200


def test_a_reinvite_that_is_never_acknowledged_ends_the_call() -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("INVITE", 7, body=SDP)
    peer.wait(33)
    bye = peer.last()
    assert bye.method == "BYE"
    peer.answer(200, to=bye)
    assert peer.ended() == Ended(How.SESSION_LOST)


@pytest.mark.parametrize(
    ("extra", "body", "status", "header"),
    [
        ("Require: 100rel, nonsense\r\n", b"", 420, "Unsupported: nonsense"),
        ("Content-Type: text/plain\r\n", b"x", 415, "Accept: application/sdp"),
        (
            "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
            SDP,
            415,
            "Accept-Encoding: identity",
        ),
        ("Supported: timer\r\nSession-Expires: 60\r\n", b"", 422, "Min-SE: 90"),
    ],
)
def test_what_a_reinvite_asks_too_much_of_us_is_named(
    extra: str, body: bytes, status: int, header: str
) -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("INVITE", 7, extra=extra, body=body)
    reply = peer.reply()
    name, _, value = header.partition(": ")
    assert (reply.status, reply.first(name.lower())) == (status, value)
    assert peer.ended() is None


def test_a_prack_for_nothing_gets_481() -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("PRACK", 7, extra="RAck: 1 1 INVITE\r\n")
    assert peer.reply().status == 481
