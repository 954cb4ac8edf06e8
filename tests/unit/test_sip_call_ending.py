"""How one outgoing call comes to its end, whoever ends it."""

import pytest
from sip_peer import Peer

from callwright.telephony.sip.actions import Answered, Ended, How


def test_we_hang_up_with_bye_repeated_until_it_is_answered() -> None:
    peer = Peer()
    peer.pick_up()
    peer.methods()
    peer.take(peer.call.hang_up(peer.now))
    bye = peer.last()
    assert (bye.method, bye.cseq, bye.to_tag, bye.uri) == ("BYE", 2, "pt", "sip:u@192.0.2.7:5060")
    peer.wait(1.6)
    assert peer.methods() == ["BYE", "BYE", "BYE"]
    assert peer.ended() is None
    peer.answer(200, to=bye)
    assert peer.ended() == Ended(How.HUNG_UP_TALKING)
    peer.wait(40)
    assert peer.methods() == []
    assert peer.call.is_over


@pytest.mark.parametrize(("talks_s", "kept_s"), [(10, 22), (60, 5)])
def test_a_call_is_kept_while_a_2xx_may_come_again_and_not_much_longer(
    talks_s: float, kept_s: float
) -> None:
    peer = Peer()
    peer.pick_up()
    peer.wait(talks_s)
    peer.methods()
    peer.take(peer.call.hang_up(peer.now))
    peer.answer(200, to=peer.last())
    peer.wait(kept_s - 1)
    assert not peer.call.is_over
    peer.pick_up()
    assert peer.methods()[-1] == "ACK"
    peer.wait(1.5)
    assert peer.call.is_over


def test_an_unanswered_bye_does_not_hold_the_end_up() -> None:
    peer = Peer()
    peer.pick_up()
    peer.take(peer.call.hang_up(peer.now))
    peer.wait(5)
    assert peer.ended() is not None
    assert not peer.call.is_over
    peer.wait(60)
    assert peer.methods().count("BYE") == 11  # timer E up to timer F
    assert peer.call.is_over


def test_the_peer_hangs_up() -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("BYE", 5)
    peer.ask("BYE", 5)
    assert peer.methods() == ["INVITE", "ACK", "200", "200"]
    assert peer.ended() == Ended(How.PEER_HUNG_UP)


def test_both_hang_up_at_once() -> None:
    peer = Peer()
    peer.pick_up()
    peer.take(peer.call.hang_up(peer.now))
    bye = peer.last()
    peer.ask("BYE", 5)
    peer.answer(481, to=bye)
    assert peer.ended() == Ended(How.PEER_HUNG_UP)


@pytest.mark.parametrize("tags", [("other", "ft"), ("pt", "other")])
def test_a_request_with_a_wrong_tag_ends_nothing(tags: tuple[str, str]) -> None:
    peer = Peer()
    peer.pick_up()
    peer.ask("BYE", 5, tag=tags[0], to_tag=tags[1])
    assert peer.methods()[-1] == "481"
    assert peer.ended() is None


def test_a_cancel_waits_for_a_provisional() -> None:
    peer = Peer()
    peer.take(peer.call.hang_up(peer.now))
    peer.wait(3)
    assert peer.methods() == ["INVITE"]  # not even repeated: nobody wants it answered
    peer.answer(100)
    cancel = peer.last()
    assert (cancel.method, cancel.branch, cancel.cseq) == ("CANCEL", "z9hG4bKb", 1)
    assert cancel.to_tag == ""
    peer.answer(200, to=cancel)
    assert peer.ended() is None
    peer.answer(487)
    assert peer.methods() == ["CANCEL", "ACK"]
    end = peer.ended()
    assert end is not None
    assert end.how is How.HUNG_UP_RINGING


def test_an_unwanted_call_that_nobody_answers_ends_by_timer_b() -> None:
    peer = Peer()
    peer.take(peer.call.hang_up(peer.now))
    peer.wait(33)
    assert peer.ended() == Ended(How.HUNG_UP_RINGING)


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() -> None:
    peer = Peer()
    peer.answer(180)
    peer.take(peer.call.hang_up(peer.now))
    cancel = peer.last()
    peer.pick_up()
    assert peer.methods() == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert not any(isinstance(each, Answered) for each in peer.news)
    peer.answer(481, to=cancel)
    peer.wait(0.6)
    peer.answer(200, to=peer.last())
    assert peer.ended() == Ended(How.HUNG_UP_RINGING)


def test_a_phone_that_rings_too_long_is_cancelled() -> None:
    peer = Peer(ring_timeout_s=20)
    peer.answer(180)
    peer.wait(20)
    assert peer.last().method == "CANCEL"
    peer.answer(487)
    end = peer.ended()
    assert end is not None
    assert end.how is How.RING_TIMEOUT


def test_a_busy_that_crosses_our_ring_timeout_is_busy() -> None:
    peer = Peer(ring_timeout_s=20)
    peer.answer(180)
    peer.wait(20)
    peer.answer(486)
    end = peer.ended()
    assert end is not None
    assert (end.how, end.code) == (How.REFUSED, 486)


def test_a_cancel_that_nobody_confirms_ends_the_call_all_the_same() -> None:
    peer = Peer(ring_timeout_s=20)
    peer.answer(180)
    peer.wait(55)
    assert peer.ended() == Ended(How.RING_TIMEOUT)
    peer.methods()
    peer.pick_up()  # and then somebody answers
    assert peer.methods() == ["ACK", "BYE"]


def test_the_longest_length_ends_a_call() -> None:
    peer = Peer()
    peer.pick_up()
    peer.wait(100)
    assert peer.last().method == "BYE"
    peer.answer(200, to=peer.last())
    assert peer.ended() == Ended(How.MAX_LENGTH)


@pytest.mark.parametrize("method", ["BYE", "CANCEL", "INVITE", "UPDATE", "INFO", "OPTIONS"])
@pytest.mark.parametrize("tags", [("other", "ft"), ("pt", "other"), ("", ""), ("FT", "pt")])
def test_a_stranger_who_guesses_is_not_even_answered(method: str, tags: tuple[str, str]) -> None:
    peer = Peer()
    peer.pick_up()
    peer.methods()
    peer.ask(method, 5, tag=tags[0], to_tag=tags[1], source=("192.0.2.7", 5999))
    assert peer.methods() == []
    assert peer.ended() is None


def test_our_goodbyes_say_why() -> None:
    talking, ringing, late = Peer(), Peer(), Peer(ring_timeout_s=20)
    talking.pick_up()
    talking.take(talking.call.hang_up(talking.now))
    assert talking.last().first("reason") == "Q.850;cause=16"
    ringing.answer(180)
    ringing.take(ringing.call.hang_up(ringing.now))
    assert ringing.last().first("reason") == "Q.850;cause=16"
    late.answer(180)
    late.wait(20)
    assert late.last().first("reason") == "Q.850;cause=19"
