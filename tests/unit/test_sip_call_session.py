"""Session timers (RFC 4028): who confirms a call, how, and what happens when nobody does."""

import pytest
from sip_peer import SDP, Peer

from callwright.telephony.sip.actions import Ended, How, Renegotiated

ALLOW = "Allow: INVITE, ACK, BYE, UPDATE\r\n"


def expires(seconds: int, refresher: str = "", extra: str = "") -> str:
    tail = f";refresher={refresher}" if refresher else ""
    return f"Session-Expires: {seconds}{tail}\r\n{extra}"


def talking(extra: str, **changes: float) -> Peer:
    peer = Peer(max_length_s=100_000.0, **changes)
    peer.pick_up(extra)
    peer.methods()
    return peer


def test_the_invite_asks_for_an_interval_only_where_that_is_set() -> None:
    assert "timer" in Peer().last().listed("supported")
    assert Peer().last().first("session-expires") == ""
    assert Peer(session_expires_s=1800).last().first("session-expires") == "1800"


def test_an_interval_that_is_too_short_is_raised() -> None:
    peer = Peer(session_expires_s=90)
    peer.answer(422, extra="Min-SE: 600\r\n")
    again = peer.last()
    assert (again.branch, again.cseq) == ("z9hG4bKb.2", 2)
    assert again.first("session-expires") == "600"
    peer.answer(422, extra="Min-SE: 600\r\n")
    end = peer.ended()
    assert end is not None
    assert (end.how, end.code) == (How.REFUSED, 422)


def test_we_confirm_by_update_at_half_time() -> None:
    peer = talking(expires(600, "uac", ALLOW))
    peer.wait(299)
    assert peer.methods() == []
    peer.wait(1)
    update = peer.last()
    assert (update.method, update.cseq, update.body) == ("UPDATE", 2, b"")
    assert update.first("session-expires") == "600;refresher=uac"
    peer.answer(200, to=update, extra=expires(600, "uac"))
    peer.methods()
    peer.wait(299)
    assert peer.methods() == []
    peer.wait(2)
    assert peer.last().method == "UPDATE"


def test_we_confirm_by_reinvite_where_update_is_not_taken() -> None:
    peer = talking(expires(600, "uac"))
    peer.wait(300)
    again = peer.last()
    assert (again.method, again.cseq, again.to_tag) == ("INVITE", 2, "pt")
    assert again.body == Peer().last().body
    for _ in range(2):
        peer.answer(200, to=again, extra=expires(600, "uac"), body=SDP)
        ack = peer.last()
        assert (ack.method, ack.cseq) == ("ACK", 2)
    assert not any(isinstance(each, Renegotiated) for each in peer.news)
    peer.wait(300)
    peer.answer(200, to=peer.last(), extra=expires(600, "uac"), body=SDP.replace(b"6000", b"6002"))
    news = peer.news[-1]
    assert isinstance(news, Renegotiated)
    assert news.media.port == 6002


def test_an_update_that_is_refused_is_followed_by_a_reinvite() -> None:
    peer = talking(expires(600, "uac", ALLOW))
    peer.wait(300)
    peer.answer(501, to=peer.last())
    assert (peer.last().method, peer.last().cseq) == ("INVITE", 3)


def test_a_challenged_refresh_is_sent_again_with_credentials() -> None:
    peer = Peer(user="u", max_length_s=100_000.0)
    peer.pick_up(expires(600, "uac"))
    peer.wait(300)
    first = peer.last()
    peer.answer(401, to=first, extra='WWW-Authenticate: Digest realm="r", nonce="n"\r\n')
    ack, again = (peer.sent[-2][1], peer.last())
    assert (ack.method, ack.branch) == ("ACK", first.branch)
    assert (again.method, again.cseq) == ("INVITE", 3)
    assert again.first("authorization")


def test_glare_is_tried_again_after_a_while() -> None:
    peer = talking(expires(600, "uac"))
    peer.wait(300)
    ours = peer.last()
    peer.ask("INVITE", 9, body=SDP)
    assert peer.reply().status == 491
    peer.answer(491, to=ours)
    assert peer.last().method == "ACK"
    peer.methods()
    peer.wait(2)
    assert peer.methods() == []
    peer.wait(2)
    assert peer.last().method == "INVITE"


@pytest.mark.parametrize("status", [408, 481])
@pytest.mark.parametrize("allow", [ALLOW, ""])
def test_a_call_they_know_nothing_of_is_hung_up(status: int, allow: str) -> None:
    peer = talking(expires(600, "uac", allow))
    peer.wait(300)
    peer.answer(status, to=peer.last())
    assert peer.last().method == "BYE"
    assert peer.last().first("reason") == "Q.850;cause=102"
    peer.answer(481, to=peer.last())
    assert peer.ended() == Ended(How.SESSION_LOST)


@pytest.mark.parametrize("extra", [expires(600, "uas"), expires(600, "uac", ALLOW)])
def test_a_session_that_nobody_confirms_is_hung_up(extra: str) -> None:
    peer = talking(extra)
    peer.wait(600 - 33)
    if "uas" in extra:
        assert peer.methods() == []
    peer.wait(1)
    assert peer.last().method == "BYE"
    peer.answer(200, to=peer.last())
    assert peer.ended() == Ended(How.SESSION_LOST)
    peer.wait(100)
    assert peer.call.is_over


def test_the_other_end_confirms_by_update_or_reinvite() -> None:
    peer = talking(expires(600, "uas"))
    peer.wait(500)
    peer.ask("UPDATE", 5, extra="Supported: timer\r\n" + expires(600, "uac"))
    reply = peer.reply()
    assert reply.first("session-expires") == "600;refresher=uac"
    assert reply.listed("require") == ["timer"]
    peer.wait(500)
    peer.ask("INVITE", 6, extra=expires(600, "uas"), body=SDP)
    assert peer.reply().first("session-expires") == "600;refresher=uas"
    peer.ask("ACK", 6)
    peer.methods()
    peer.wait(301)
    assert peer.last().method == "INVITE"  # now it is ours to confirm


def test_an_answer_without_an_interval_ends_the_timer() -> None:
    peer = talking(expires(600, "uac", ALLOW))
    peer.wait(300)
    peer.answer(200, to=peer.last())
    peer.methods()
    peer.wait(5000)
    assert peer.methods() == []
    assert peer.ended() is None


@pytest.mark.parametrize("value", ["", "x", "-5", "1e9", "99999999999999", ";refresher=uac"])
def test_an_interval_that_cannot_be_read_is_none(value: str) -> None:
    peer = talking(f"Session-Expires: {value}\r\n")
    peer.wait(5000)
    assert peer.methods() == []


def test_an_interval_below_the_minimum_does_not_make_us_send_without_end() -> None:
    peer = talking(expires(1, "uac", ALLOW))
    peer.wait(44)
    assert peer.methods() == []
