"""Digest challenges to the requests of one outgoing call."""

import pytest
from sip_peer import Peer

from callwright.telephony.sip.actions import How

CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="{}", qop="auth", algorithm=SHA-256{}\r\n'


def test_a_challenge_is_answered_once() -> None:
    peer = Peer(user="acct")
    peer.answer(401, extra=CHALLENGE.format("n1", ""))
    again = peer.last()
    assert (again.method, again.branch, again.cseq) == ("INVITE", "z9hG4bKb.2", 2)
    assert 'username="acct"' in again.first("authorization")
    assert again.first("call-id") == "c1@example"
    assert again.from_tag == "ft"
    peer.answer(401, extra=CHALLENGE.format("n2", ""))
    assert peer.methods() == ["INVITE", "ACK", "INVITE", "ACK"]
    end = peer.ended()
    assert end is not None
    assert (end.how, end.code) == (How.REFUSED, 401)


def test_a_stale_nonce_is_answered_once_more() -> None:
    peer = Peer(user="acct")
    peer.answer(401, extra=CHALLENGE.format("n1", ""))
    peer.answer(401, extra=CHALLENGE.format("n2", ", stale=true"))
    assert (peer.last().branch, peer.last().cseq) == ("z9hG4bKb.3", 3)
    peer.answer(401, extra=CHALLENGE.format("n3", ", stale=true"))
    assert peer.ended() is not None


def test_the_dialog_goes_on_from_the_last_invites_number() -> None:
    peer = Peer(user="acct")
    peer.answer(401, extra=CHALLENGE.format("n1", ""))
    peer.pick_up()
    assert (peer.last().method, peer.last().cseq) == ("ACK", 2)
    peer.take(peer.call.hang_up(peer.now))
    assert peer.last().cseq == 3


def test_without_credentials_a_challenge_is_final() -> None:
    peer = Peer()
    peer.answer(407, extra='Proxy-Authenticate: Digest realm="r", nonce="n"\r\n')
    end = peer.ended()
    assert end is not None
    assert end.code == 407


def test_a_challenged_bye_is_said_again_with_credentials() -> None:
    peer = Peer(user="u")
    peer.pick_up()
    peer.take(peer.call.hang_up(peer.now))
    for _ in range(2):
        peer.answer(407, to=peer.last(), extra='Proxy-Authenticate: Digest realm="r",nonce="n"\r\n')
    assert peer.methods() == ["INVITE", "ACK", "BYE", "BYE"]
    assert peer.ended() is not None


def test_a_proxy_and_then_the_callee_are_both_answered() -> None:
    peer = Peer(user="acct")
    peer.answer(407, extra='Proxy-Authenticate: Digest realm="p", nonce="np", qop="auth"\r\n')
    peer.answer(401, extra=CHALLENGE.format("n1", ""))
    again = peer.last()
    assert (again.branch, again.cseq) == ("z9hG4bKb.3", 3)
    assert 'realm="r"' in again.first("authorization")
    assert 'nonce="np"' in again.first("proxy-authorization")
    # The same nonce a second time (RFC 7616 section 3.4).
    assert "nc=00000002" in again.first("proxy-authorization")
    assert "nc=00000001" in again.first("authorization")
    peer.pick_up()
    ack = peer.last()
    assert ack.method == "ACK"
    assert ack.first("authorization") == again.first("authorization")
    assert ack.first("proxy-authorization") == again.first("proxy-authorization")


def test_several_proxies_that_ask_at_once_are_all_answered() -> None:
    peer = Peer(user="acct")
    peer.answer(
        407,
        extra='Proxy-Authenticate: Digest realm="one", nonce="n1", algorithm=MD5\r\n'
        'Proxy-Authenticate: Digest realm="one", nonce="n2", algorithm=SHA-256\r\n'
        'Proxy-Authenticate: Digest realm="two", nonce="n3"\r\n'
        'WWW-Authenticate: Digest realm="three", nonce="n4"\r\n',
    )
    again = peer.last()
    proxies = again.headers["proxy-authorization"]
    assert [line.partition("nonce=")[2][:4] for line in proxies] == ['"n2"', '"n3"']
    assert 'nonce="n4"' in again.first("authorization")


def test_a_nonce_used_before_in_the_call_is_counted_on() -> None:
    peer = Peer(user="acct")
    peer.answer(401, extra=CHALLENGE.format("n1", ""))
    peer.pick_up()
    peer.take(peer.call.hang_up(peer.now))
    peer.answer(401, to=peer.last(), extra=CHALLENGE.format("n1", ""))
    assert peer.last().method == "BYE"
    assert "nc=00000002" in peer.last().first("authorization")


def test_a_challenge_that_protects_the_body_is_answered_for_it() -> None:
    peer = Peer(user="acct")
    offer = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="{}"\r\n'
    peer.answer(401, extra=offer.format("auth-int"))
    assert "qop=auth-int" in peer.last().first("authorization")
    both = Peer(user="acct")
    both.answer(401, extra=offer.format("auth-int, auth"))
    assert "qop=auth," in both.last().first("authorization")


@pytest.mark.parametrize(
    "value", ["Basic realm=x", 'Digest realm="r", nonce="n", algorithm=TOKEN', "Digest ", '"']
)
def test_a_challenge_that_we_cannot_answer_is_final(value: str) -> None:
    peer = Peer(user="acct")
    peer.answer(401, extra=f"WWW-Authenticate: {value}\r\n")
    assert peer.methods() == ["INVITE", "ACK"]
    assert peer.ended() is not None


def test_nobody_collects_passwords_for_more_realms_than_a_call_meets() -> None:
    peer = Peer(user="acct")
    for number in range(9):
        if peer.ended() is None:
            header = f'Digest realm="r{number}", nonce="n{number}"'
            peer.answer(407, extra=f"Proxy-Authenticate: {header}\r\n")
    assert peer.methods().count("INVITE") == 5
    assert peer.ended() is not None
