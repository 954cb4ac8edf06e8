"""One outgoing call against a peer made of the bytes it would send."""

from math import inf

import pytest

from callwright.telephony.sip.actions import (
    Action,
    Answered,
    Ended,
    How,
    KeyedByInfo,
    Rang,
    Renegotiated,
    Send,
)
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.message import SipRequest, SipResponse, parse_message
from callwright.telephony.sip.requests import make_setup
from callwright.telephony.sip.sdp import build_offer

TRUNK = ("192.0.2.7", 5060)
SDP = build_offer("192.0.2.7", 6000, 9)


class Peer:
    """Keeps the call's clock and what it sent, and answers as told."""

    def __init__(self, *, user: str = "", ring_timeout_s: float = 60.0) -> None:
        setup = make_setup(
            call_id="c1@example",
            from_tag="ft",
            branch="z9hG4bKb",
            cseq=1,
            number="+15551230100",
            caller_id="+15550000",
            trunk_host="192.0.2.7:5060",
            from_host="192.0.2.1",
            sent_by="192.0.2.1:5070",
            target=TRUNK,
            credentials=Credentials(user=user, password="secret") if user else None,
            offer=build_offer("192.0.2.1", 30000, 1),
        )
        self.call = OutgoingCall(setup, ring_timeout_s=ring_timeout_s, max_length_s=100.0)
        self.call.set_local_media("192.0.2.1", 30000)
        self.now = 1000.0
        self.sent: list[tuple[float, SipRequest | SipResponse, tuple[str, int]]] = []
        self.news: list[Action] = []
        self.invite: SipRequest
        self.take(self.call.start(self.now))

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                message = parse_message(action.data)
                self.sent.append((self.now, message, action.to))
                if isinstance(message, SipRequest) and message.method == "INVITE":
                    self.invite = message
            else:
                self.news.append(action)

    def methods(self) -> list[str]:
        """What was sent since the last look: methods of requests, codes of responses."""
        seen = [str(m.status) if isinstance(m, SipResponse) else m.method for _, m, _ in self.sent]
        self.sent.clear()
        return seen

    def last(self) -> SipRequest:
        message = self.sent[-1][1]
        assert isinstance(message, SipRequest)
        return message

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.call.wakes_at <= until:
            self.now = max(self.now, self.call.wakes_at)
            self.take(self.call.on_timer(self.now))
        self.now = until

    def answer(
        self,
        status: int,
        *,
        tag: str = "pt",
        to: SipRequest | None = None,
        extra: str = "",
        body: bytes = b"",
    ) -> None:
        """A response to `to`, or to the last INVITE sent."""
        request = to or self.invite
        to_value = request.first("to")
        if status > 100 and not request.to_tag:
            to_value += f";tag={tag}"
        head = (
            f"SIP/2.0 {status} Phrase\r\nVia: {request.first('via')}\r\n"
            f"From: {request.first('from')}\r\nTo: {to_value}\r\n"
            f"Call-ID: {request.call_id}\r\nCSeq: {request.cseq} {request.method}\r\n"
            f"{extra}Content-Length: {len(body)}\r\n\r\n"
        )
        message = parse_message(head.encode() + body)
        assert isinstance(message, SipResponse)
        self.take(self.call.on_response(message, self.now))

    def ask(
        self,
        method: str,
        cseq: int,
        *,
        tag: str = "pt",
        to_tag: str = "ft",
        extra: str = "",
        body: bytes = b"",
    ) -> None:
        head = (
            f"{method} sip:callwright@192.0.2.1:5070 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKp{cseq};rport\r\n"
            f"From: <sip:+15551230100@192.0.2.7>;tag={tag}\r\nTo: <sip:x@y>;tag={to_tag}\r\n"
            f"Call-ID: c1@example\r\nCSeq: {cseq} {method}\r\n"
            f"{extra}Content-Length: {len(body)}\r\n\r\n"
        )
        message = parse_message(head.encode() + body)
        assert isinstance(message, SipRequest)
        self.take(self.call.on_request(message, TRUNK, self.now))

    def pick_up(self, extra: str = "", tag: str = "pt") -> None:
        self.answer(200, tag=tag, extra=f"Contact: <sip:u@192.0.2.7:5060>\r\n{extra}", body=SDP)

    def ended(self) -> Ended | None:
        ends = [each for each in self.news if isinstance(each, Ended)]
        assert len(ends) <= 1
        return ends[0] if ends else None


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
    assert peer.news[0] == Rang(183, "pt")
    answered = peer.news[1]
    assert isinstance(answered, Answered)
    assert answered.sdp == SDP


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


def test_a_challenged_bye_is_said_again_with_credentials() -> None:
    peer = Peer(user="u")
    peer.pick_up()
    peer.take(peer.call.hang_up(peer.now))
    for _ in range(2):
        peer.answer(407, to=peer.last(), extra='Proxy-Authenticate: Digest realm="r",nonce="n"\r\n')
    assert peer.methods() == ["INVITE", "ACK", "BYE", "BYE"]
    assert peer.ended() is not None


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


def test_the_longest_length_ends_a_call() -> None:
    peer = Peer()
    peer.pick_up()
    peer.wait(100)
    assert peer.last().method == "BYE"
    peer.answer(200, to=peer.last())
    assert peer.ended() == Ended(How.MAX_LENGTH)


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
