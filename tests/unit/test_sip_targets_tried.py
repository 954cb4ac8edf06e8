"""One INVITE, several targets: when the next is asked, and when on no account."""

import pytest
from sip_peer import Driven, a_setup

from callwright.telephony.sip.actions import (
    Answered,
    Ended,
    How,
    MovedOn,
    TargetFailed,
)
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import Address, StreamAddress
from callwright.telephony.sip.message import SipRequest
from callwright.telephony.sip.sdp import build_offer

FIRST: Address = ("192.0.2.7", 5060)
SECOND: Address = ("192.0.2.8", 5060)
BY_TCP = StreamAddress("192.0.2.9", 5060, "TCP")
SDP = build_offer("192.0.2.7", 6000, 9)


class Targets(Driven):
    """A call that may go to several."""

    def __init__(self, *targets: Address) -> None:
        setup = a_setup(
            trunk_host="trunk.example",
            target=targets[0],
            others=targets[1:],
            credentials=Credentials(user="u", password="secret"),
        )
        self.call = OutgoingCall(setup, ring_timeout_s=100.0, max_length_s=100.0)
        super().__init__(self.call)
        self.take(self.call.start(self.now))

    def invites(self) -> list[tuple[str, int, Address]]:
        return [(m.branch, m.cseq, to) for _, m, to in self.sent if m.method == "INVITE"]

    def answer(self, status: int, to: SipRequest, extra: str = "", body: bytes = b"") -> None:
        self.reply_to(to, status, tag=f"t{to.branch}", extra=extra, body=body)

    def fail(self, how: str) -> None:
        invite = self.requests("INVITE")[-1]
        if how == "503":
            self.answer(503, invite, "Retry-After: 7\r\n")
        elif how == "refused":
            self.take(self.call.on_not_listening(self.now, invite.branch))
        else:
            self.wait(32.1)


@pytest.mark.parametrize(
    ("how", "why"),
    [("503", "503 Phrase"), ("refused", "connection refused"), ("silent", "no reply")],
)
def test_a_target_that_cannot_have_rung_anybody_is_followed_by_the_next(how: str, why: str) -> None:
    call = Targets(FIRST, SECOND)
    call.fail(how)
    assert call.news[0] == TargetFailed(
        FIRST,
        why,
        7.0 if how == "503" else 0.0,
        is_there=how == "503",
        is_silent=how == "silent",
    )
    assert call.news[1] == MovedOn(SECOND, 2)
    assert [s for s in call.invites() if s[2] == SECOND] == [("z9hG4bKb.t2", 1, SECOND)]
    assert len({m.call_id + m.from_tag for _, m, _ in call.sent}) == 1
    call.answer(200, call.sent[-1][1], body=SDP)
    assert isinstance(call.news[-1], Answered)
    assert call.sent[-1][1].method == "ACK"
    assert call.sent[-1][2] == SECOND


@pytest.mark.parametrize("how", ["503", "refused", "silent"])
def test_the_last_target_ends_the_call(how: str) -> None:
    call = Targets(FIRST, SECOND)
    call.fail("503")
    call.fail(how)
    assert isinstance(call.news[-1], Ended)
    assert {to for _, _, to in call.invites()} == {FIRST, SECOND}


@pytest.mark.parametrize("status", [486, 404, 480, 500, 603])
def test_what_the_callee_may_have_said_is_not_asked_again_elsewhere(status: int) -> None:
    call = Targets(FIRST, SECOND)
    call.answer(status, call.sent[0][1])
    assert isinstance(call.news[-1], Ended)
    assert {to for _, _, to in call.invites()} == {FIRST}


def test_after_ringing_a_503_ends_the_call() -> None:
    call = Targets(FIRST, SECOND)
    call.answer(183, call.sent[0][1])
    call.fail("503")
    assert isinstance(call.news[-1], Ended)
    assert {to for _, _, to in call.invites()} == {FIRST}


def test_one_that_is_being_hung_up_is_not_sent_elsewhere() -> None:
    call = Targets(FIRST, SECOND)
    call.take(call.call.hang_up(call.now))
    call.fail("silent")
    assert call.news[-1] == Ended(How.HUNG_UP_RINGING)
    assert {to for _, _, to in call.invites()} == {FIRST}


def test_an_answer_of_a_target_given_up_is_acknowledged_and_ended() -> None:
    call = Targets(FIRST, SECOND)
    first = call.sent[0][1]
    call.fail("silent")
    call.answer(180, call.sent[-1][1])
    call.answer(200, call.sent[-1][1], body=SDP)
    del call.sent[:]
    call.answer(200, first, body=SDP)
    assert [(m.method, to) for _, m, to in call.sent] == [("ACK", FIRST), ("BYE", FIRST)]


def test_a_refusal_of_a_target_given_up_says_nothing_of_the_next() -> None:
    call = Targets(FIRST, SECOND)
    first = call.sent[0][1]
    call.fail("silent")
    call.answer(486, first)
    assert not any(isinstance(each, Ended) for each in call.news)


def test_the_password_is_asked_anew_by_the_next_target() -> None:
    call = Targets(FIRST, SECOND)
    ask = 'WWW-Authenticate: Digest realm="r", nonce="n1"\r\n'
    call.answer(401, call.sent[0][1], ask)
    call.fail("503")
    call.answer(401, call.sent[-1][1], ask.replace("n1", "n2"))
    names = [(branch, cseq) for branch, cseq, _ in call.invites()]
    assert names == [("z9hG4bKb", 1), ("z9hG4bKb.2", 2), ("z9hG4bKb.t2", 2), ("z9hG4bKb.t2.2", 3)]
    assert 'nonce="n2"' in call.sent[-1][1].first("authorization")


def test_by_a_connection_nothing_is_repeated_and_via_and_contact_say_so() -> None:
    call = Targets(BY_TCP)
    call.wait(31.0)
    assert len(call.sent) == 1
    invite = call.sent[0][1]
    assert invite.first("via").startswith("SIP/2.0/TCP 192.0.2.1:5070;rport;")
    assert invite.first("contact") == "<sip:callwright@192.0.2.1:5070;transport=tcp>"
    call.wait(2.0)
    assert call.news[-1] == Ended(How.NO_REPLY)


def test_after_a_refusal_by_a_connection_nothing_is_waited_for() -> None:
    call = Targets(BY_TCP)
    call.answer(486, call.sent[0][1])
    call.answer(486, call.sent[0][1])
    assert [m.method for _, m, _ in call.sent] == ["INVITE", "ACK"]


@pytest.mark.parametrize("how", ["refused", "lost"])
def test_what_was_lost_with_its_connection_is_said_again_once_and_nowhere_else(how: str) -> None:
    call = Targets(BY_TCP, SECOND)
    call.take(call.call.on_connection_lost(call.now, BY_TCP))
    assert call.invites() == [("z9hG4bKb", 1, BY_TCP)] * 2
    call.fail("refused") if how == "refused" else call.take(
        call.call.on_connection_lost(call.now, BY_TCP)
    )
    assert len(call.invites()) == 2
    assert isinstance(call.news[-1], Ended)
    assert {to for _, _, to in call.invites()} == {BY_TCP}


def test_a_bye_lost_with_its_connection_is_said_again() -> None:
    call = Targets(BY_TCP)
    call.answer(200, call.sent[0][1], body=SDP)
    call.take(call.call.hang_up(call.now))
    call.take(call.call.on_connection_lost(call.now, BY_TCP))
    assert [m.method for _, m, _ in call.sent] == ["INVITE", "ACK", "BYE", "BYE"]
    assert call.sent[-1][1].branch == call.sent[-2][1].branch


@pytest.mark.parametrize(
    ("invited_by", "contact", "goes_to"),
    [
        (BY_TCP, "<sip:bob@192.0.2.5:5070>", StreamAddress("192.0.2.5", 5070, "TCP")),
        (BY_TCP, "<sip:bob@192.0.2.5:5070;transport=UDP>", ("192.0.2.5", 5070)),
        (FIRST, "<sip:bob@192.0.2.5;transport=TCP>", StreamAddress("192.0.2.5", 5060, "TCP")),
        (FIRST, "<sip:bob@192.0.2.5;transport=tls>", ("192.0.2.5", 5060)),
        (BY_TCP, "<sip:bob@pbx.example>", BY_TCP),
        (
            StreamAddress("192.0.2.9", 5061, "TLS"),
            "<sip:bob@192.0.2.5;transport=udp>",
            StreamAddress("192.0.2.5", 5061, "TLS"),
        ),
        (FIRST, "<sip:bob@[2001:db8::5]:5070;TRANSPORT=tcp>",
         StreamAddress("2001:db8::5", 5070, "TCP")),
    ],
)  # fmt: skip
def test_inside_the_call_requests_go_as_the_contact_says_but_never_out_of_tls(
    invited_by: Address, contact: str, goes_to: Address
) -> None:
    call = Targets(invited_by)
    call.answer(200, call.sent[0][1], f"Contact: {contact}\r\n", SDP)
    call.take(call.call.hang_up(call.now))
    (_, _, ack_to), (_, bye, bye_to) = call.sent[1:]
    assert [ack_to, bye_to] == [goes_to, goes_to]
    transport = goes_to.transport if isinstance(goes_to, StreamAddress) else "UDP"
    assert bye.first("via").startswith(f"SIP/2.0/{transport} ")
