"""How the remains of a call are ended, against a peer made of the bytes it would send."""

from typing import Any

import msgspec
from sip_peer import TRUNK, Driven, a_setup

from callwright.ports.line import LegIdentity, Orphan
from callwright.telephony.sip.actions import Ended, How
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.orphan import OrphanedCall

IDENTITY = LegIdentity(call_id="c1@example", from_tag="ft", branch="z9hG4bKb")
RINGING = Orphan(
    attempt="1", trunk="main", number="+15551230100", caller_id="+1555", identity=IDENTITY
)
TALKING = msgspec.structs.replace(
    RINGING,
    to_tag="pt",
    remote_target="sip:u@192.0.2.8:5090;transport=UDP",
    route_set=("<sip:192.0.2.9;lr>",),
    cseq=4,
)


class Peer(Driven):
    def __init__(self, orphan: Orphan, *, user: str = "", hears: bool = True) -> None:
        setup = a_setup(number=orphan.number, caller_id=orphan.caller_id)
        if user:
            setup = msgspec.structs.replace(setup, credentials=Credentials(user=user, password="p"))
        self.call = OrphanedCall(orphan, setup, hears_answers=hears)
        super().__init__(self.call, 50.0)
        self.take(self.call.start(self.now))

    @property
    def ended(self) -> list[Ended]:
        return [each for each in self.news if isinstance(each, Ended)]

    def answer(self, status: int, index: int = -1, **changes: Any) -> None:
        """A response to what was sent; `cseq` makes it one to the dead line's INVITE."""
        contact = "Contact: <sip:u@192.0.2.7>\r\n"
        self.reply_to(self.requests()[index], status, extra=contact, **changes)

    def methods(self) -> list[str]:
        return [each.method for each in self.requests()]


def test_a_cancel_is_the_dead_lines_own() -> None:
    peer = Peer(RINGING)
    _, cancel, to = peer.sent[0]
    assert (cancel.method, cancel.branch, cancel.cseq, cancel.from_tag) == (
        "CANCEL",
        "z9hG4bKb",
        1,
        "ft",
    )
    assert cancel.first("via").startswith("SIP/2.0/UDP 192.0.2.1:5070;")
    assert to == TRUNK
    peer.answer(200)
    peer.answer(487, cseq="1 INVITE")
    assert peer.methods() == ["CANCEL", "ACK"]
    assert peer.ended == [Ended(How.PEER_HUNG_UP)]


def test_both_possible_invites_are_cancelled_where_there_are_credentials() -> None:
    peer = Peer(RINGING, user="u")
    assert [(m.branch, m.cseq) for _, m, _ in peer.sent] == [("z9hG4bKb", 1), ("z9hG4bKb.2", 2)]
    peer.answer(481, 0)
    peer.wait(1.9)
    assert not peer.ended
    peer.answer(200, 1)
    peer.wait(2)
    assert peer.ended == [Ended(How.PEER_HUNG_UP)]


def test_an_invite_answered_after_all_gets_ack_and_bye() -> None:
    peer = Peer(RINGING)
    peer.answer(481)
    assert not peer.ended
    peer.wait(4)
    peer.answer(200, 0, cseq="1 INVITE")
    peer.answer(200, 0, cseq="1 INVITE")
    assert peer.methods()[-3:] == ["ACK", "BYE", "ACK"]
    bye = next(i for i, (_, m, _) in enumerate(peer.sent) if m.method == "BYE")
    peer.answer(200, bye)
    assert peer.ended == [Ended(How.PEER_HUNG_UP)]


def test_an_answer_that_was_acknowledged_but_never_stored_is_hung_up() -> None:
    """Nothing more comes for its INVITE; the 200 to the CANCEL tells the tag for a BYE."""
    peer = Peer(RINGING, user="u")
    peer.answer(200, 0)
    peer.answer(481, 1)
    peer.wait(2.1)
    assert peer.ended == [Ended(How.PEER_HUNG_UP)]
    _, bye, to = peer.sent[-1]
    assert (bye.method, bye.cseq, bye.to_tag, to) == ("BYE", 102, "pt", TRUNK)
    assert bye.uri == peer.sent[0][1].uri
    count = len(peer.sent)
    peer.answer(200)
    peer.wait(60)
    assert len(peer.sent) == count
    assert peer.call.is_over


def test_a_callee_that_knows_no_invite_to_cancel_is_hung_up_by_the_tag_of_its_ringing() -> None:
    peer = Peer(msgspec.structs.replace(RINGING, early_tag="early"))
    peer.answer(481)
    assert peer.methods() == ["CANCEL"]
    peer.wait(5)
    _, bye, to = peer.sent[-1]
    assert (bye.method, bye.to_tag, bye.from_tag, bye.cseq, to) == (
        "BYE",
        "early",
        "ft",
        102,
        TRUNK,
    )
    assert peer.ended == [Ended(How.PEER_HUNG_UP)]


def test_no_bye_goes_where_nobody_answered_the_cancel() -> None:
    peer = Peer(msgspec.structs.replace(RINGING, early_tag="early"))
    peer.wait(8)
    assert "BYE" not in peer.methods()
    assert peer.ended == [Ended(How.NO_REPLY)]


def test_where_the_invite_is_heard_to_have_ended_no_bye_is_sent() -> None:
    peer = Peer(RINGING)
    peer.answer(200)
    peer.answer(487, 0, cseq="1 INVITE")
    peer.wait(60)
    assert peer.methods() == ["CANCEL", "ACK"]


def test_where_no_late_answer_can_be_heard_nobody_waits_for_one() -> None:
    peer = Peer(RINGING, hears=False)
    peer.answer(481)
    peer.wait(0.01)
    assert peer.ended == [Ended(How.PEER_HUNG_UP)]


def test_a_talking_orphan_gets_a_bye_along_its_route() -> None:
    peer = Peer(TALKING)
    _, bye, to = peer.sent[0]
    assert (bye.method, bye.cseq, bye.to_tag) == ("BYE", 105, "pt")
    assert bye.uri == "sip:u@192.0.2.8:5090;transport=UDP"
    assert bye.listed("route") == ["<sip:192.0.2.9;lr>"]
    assert to == ("192.0.2.9", 5060)
    peer.answer(481)
    assert peer.ended == [Ended(How.PEER_HUNG_UP)]


def test_nobody_there_is_told_within_eight_seconds() -> None:
    peer = Peer(TALKING)
    peer.wait(7)
    assert peer.ended == [Ended(How.NO_REPLY)]
    peer.wait(60)
    assert peer.call.is_over
    refused = Peer(RINGING)
    refused.take(refused.call.on_not_listening(refused.now))
    assert refused.ended == [Ended(How.NOT_LISTENING)]
