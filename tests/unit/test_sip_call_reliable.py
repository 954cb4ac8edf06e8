"""Provisionals that want to be acknowledged (RFC 3262), and what comes in early dialogs."""

import pytest
from sip_peer import SDP, Peer

from callwright.telephony.sip.actions import Answered, Ended, How, Rang


def reliably(number: int) -> str:
    return f"Require: 100rel\r\nRSeq: {number}\r\nContact: <sip:gw@192.0.2.8:5062>\r\n"


def test_the_invite_says_that_it_understands_reliable_provisionals() -> None:
    assert "100rel" in Peer().last().listed("supported")


def test_a_reliable_provisional_is_acknowledged_in_its_early_dialog() -> None:
    peer = Peer()
    peer.answer(180, extra=reliably(77) + "Record-Route: <sip:192.0.2.9;lr>\r\n")
    prack = peer.last()
    assert (prack.method, prack.cseq, prack.to_tag) == ("PRACK", 2, "pt")
    assert prack.first("rack") == "77 1 INVITE"
    assert prack.uri == "sip:gw@192.0.2.8:5062"
    assert prack.listed("route") == ["<sip:192.0.2.9;lr>"]
    assert peer.sent[-1][2] == ("192.0.2.9", 5060)
    assert peer.news == [Rang(180, "pt")]


def test_a_prack_is_repeated_until_it_is_answered_and_repeats_get_no_other() -> None:
    peer = Peer()
    peer.answer(183, extra=reliably(1), body=SDP)
    prack = peer.last()
    peer.wait(1.6)
    peer.answer(183, extra=reliably(1), body=SDP)
    assert peer.methods() == ["INVITE", "PRACK", "PRACK", "PRACK"]
    peer.answer(200, to=prack)
    peer.wait(20)
    assert peer.methods() == []


def test_provisionals_out_of_order_wait_for_their_turn() -> None:
    peer = Peer()
    peer.answer(183, extra=reliably(10))
    peer.answer(183, extra=reliably(12))
    peer.answer(183, extra=reliably(11))
    peer.answer(183, extra=reliably(12))
    racks = [m.first("rack") for _, m, _ in peer.sent if m.method == "PRACK"]
    assert racks == ["10 1 INVITE", "11 1 INVITE", "12 1 INVITE"]


@pytest.mark.parametrize("number", ["0", "", "x", "4294967296", "-1", "9" * 400])
def test_a_provisional_without_a_usable_number_is_passed_over(number: str) -> None:
    peer = Peer()
    peer.answer(183, extra=f"Require: 100rel\r\nRSeq: {number}\r\n")
    assert peer.methods() == ["INVITE"]
    assert peer.news == []


def test_the_answer_in_a_reliable_provisional_is_the_answer() -> None:
    peer = Peer()
    peer.answer(183, extra=reliably(1), body=SDP)
    peer.answer(200, body=SDP.replace(b"6000", b"6100"))
    answered = peer.news[-1]
    assert isinstance(answered, Answered)
    assert answered.sdp == SDP


def test_forks_count_on_by_themselves() -> None:
    peer = Peer()
    peer.answer(183, tag="one", extra=reliably(5))
    peer.answer(183, tag="two", extra=reliably(900))
    peer.answer(183, tag="one", extra=reliably(6))
    pracks = [(m.to_tag, m.cseq) for _, m, _ in peer.sent if m.method == "PRACK"]
    assert pracks == [("one", 2), ("two", 2), ("one", 3)]
    assert len({m.branch for _, m, _ in peer.sent}) == 4
    peer.pick_up(tag="one")
    peer.pick_up(tag="two")
    byes = [(m.to_tag, m.cseq) for _, m, _ in peer.sent if m.method == "BYE"]
    assert byes == [("two", 3)]
    peer.take(peer.call.hang_up(peer.now))
    assert (peer.last().to_tag, peer.last().cseq) == ("one", 4)


def test_a_challenged_prack_is_sent_again_with_credentials() -> None:
    peer = Peer(user="u")
    peer.answer(183, extra=reliably(1))
    peer.answer(407, to=peer.last(), extra='Proxy-Authenticate: Digest realm="r", nonce="n"\r\n')
    again = peer.last()
    assert (again.method, again.cseq, again.first("rack")) == ("PRACK", 3, "1 1 INVITE")
    assert again.first("proxy-authorization")


def test_an_update_before_the_answer_moves_the_audio() -> None:
    peer = Peer()
    peer.answer(183, extra=reliably(1), body=SDP)
    moved = SDP.replace(b"6000", b"6002")
    peer.ask("UPDATE", 3, body=moved)
    assert peer.reply().status == 200
    assert b"m=audio 30000" in peer.reply().body
    peer.answer(200)
    answered = peer.news[-1]
    assert isinstance(answered, Answered)
    assert answered.sdp == moved
    # What it asks next counts on from there.
    peer.ask("OPTIONS", 2)
    assert peer.reply().status == 500


def test_an_update_that_crosses_our_offer_has_to_wait() -> None:
    peer = Peer()
    peer.answer(180)
    peer.ask("UPDATE", 3, body=SDP)
    assert peer.reply().status == 491
    peer.ask("OPTIONS", 4)
    assert peer.reply().status == 200
    peer.ask("INVITE", 5, body=SDP)
    assert peer.reply().status == 491


def test_nobody_hangs_up_before_the_answer() -> None:
    peer = Peer()
    peer.answer(180)
    peer.ask("BYE", 3)
    assert peer.reply().status == 481
    assert peer.ended() is None


def test_an_end_stops_what_was_repeated() -> None:
    peer = Peer()
    peer.answer(183, extra=reliably(1))
    peer.answer(486)
    peer.methods()
    peer.wait(40)
    assert peer.methods() == []
    assert peer.call.is_over
    assert peer.ended() == Ended(How.REFUSED, 486, "Phrase")
