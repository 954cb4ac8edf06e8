"""An account that is kept registered, against a trunk made of the bytes it would send."""

import pytest
from sip_peer import Driven

from callwright.telephony.sip.actions import (
    Ended,
    NotRegistered,
    Registered,
    TargetFailed,
)
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipRequest
from callwright.telephony.sip.registration import LONGEST_AGAIN_S, Registration
from callwright.telephony.sip.requests import CallSetup

FIRST: Address = ("192.0.2.7", 5060)
SECOND: Address = ("192.0.2.8", 5060)
ASKS = 'WWW-Authenticate: Digest realm="r", nonce="{}"{}\r\n'


class Trunk(Driven):
    """Hears what is registered, and answers as told."""

    def __init__(self) -> None:
        setup = CallSetup(
            call_id="r@x",
            from_tag="ft",
            branch="z9hG4bKr",
            cseq=1,
            request_uri="sip:trunk.example",
            from_value="<sip:us@trunk.example>;tag=ft",
            to_value="<sip:us@trunk.example>",
            contact="",
            sent_by="192.0.2.1:5070",
            target=FIRST,
            credentials=Credentials(user="us", password="secret"),
        )
        self.server = FIRST
        self.account = Registration(setup, expires_s=3600, choose=lambda: self.server)
        super().__init__(self.account)
        self.take(self.account.start(self.now))

    @property
    def last(self) -> SipRequest:
        return self.sent[-1][1]

    def answer(self, status: int, extra: str = "") -> None:
        self.reply_to(self.last, status, extra=extra)

    def accept(self, expires_s: int) -> None:
        self.answer(200, f"Contact: {self.last.first('contact')};expires={expires_s}\r\n")


def test_it_says_who_we_are_and_where_and_for_how_long() -> None:
    trunk = Trunk()
    assert trunk.last.uri == "sip:trunk.example"
    assert trunk.last.first("to") == "<sip:us@trunk.example>"
    assert trunk.last.first("contact") == "<sip:callwright@192.0.2.1:5070>"
    assert trunk.last.first("expires") == "3600"
    trunk.accept(1800)
    assert trunk.news == [Registered(1800.0)]


@pytest.mark.parametrize("granted_s", [60, 300, 3600])
def test_it_is_refreshed_before_it_runs_out_with_room_for_a_silence(granted_s: int) -> None:
    trunk = Trunk()
    trunk.accept(granted_s)
    for _ in range(3):
        before, registered_at = len(trunk.sent), trunk.now
        while len(trunk.sent) == before:
            trunk.wait(trunk.account.wakes_at - trunk.now)
        at = trunk.sent[-1][0]
        assert granted_s * 0.4 < at - registered_at <= granted_s - 30
        trunk.accept(granted_s)
    assert len({message.call_id for _, message, _ in trunk.sent}) == 1
    numbers = [message.cseq for _, message, _ in trunk.sent]
    assert numbers == sorted(numbers)


def test_a_challenge_is_answered_and_a_stale_nonce_believed_once() -> None:
    trunk = Trunk()
    trunk.answer(401, ASKS.format("n1", ""))
    assert 'nonce="n1"' in trunk.last.first("authorization")
    trunk.answer(401, ASKS.format("n2", ", stale=true"))
    assert 'nonce="n2"' in trunk.last.first("authorization")
    trunk.accept(3600)
    assert trunk.news == [Registered(3600.0)]


def test_a_wrong_password_is_told_and_not_tried_at_once_again() -> None:
    trunk = Trunk()
    trunk.answer(401, ASKS.format("n1", ""))
    trunk.answer(401, ASKS.format("n2", ""))
    assert trunk.news == [NotRegistered("401 Phrase", 30.0)]
    sent = len(trunk.sent)
    trunk.wait(29.0)
    assert len(trunk.sent) == sent
    trunk.wait(2.0)
    assert len(trunk.sent) > sent


def test_where_the_trunk_wants_longer_it_gets_it_from_then_on() -> None:
    trunk = Trunk()
    trunk.answer(423, "Min-Expires: 7200\r\n")
    assert trunk.last.first("expires") == "7200"
    trunk.answer(423, "Min-Expires: 60\r\n")
    assert isinstance(trunk.news[-1], NotRegistered)


def test_it_is_tried_ever_more_seldom_and_at_another_server() -> None:
    trunk = Trunk()
    waits = []
    for _ in range(9):
        trunk.wait(32.1)
        failed, told = trunk.news[-2:]
        assert failed == TargetFailed(trunk.server, "no reply", is_silent=True)
        assert isinstance(told, NotRegistered)
        waits.append(told.again_in_s)
        trunk.server = SECOND
        trunk.wait(told.again_in_s)
        assert trunk.sent[-1][2] == SECOND
    assert waits[:3] == [30.0, 60.0, 120.0]
    assert waits[-1] == LONGEST_AGAIN_S


def test_retry_after_is_obeyed() -> None:
    trunk = Trunk()
    trunk.answer(503, "Retry-After: 400 (busy)\r\n".replace(" (busy)", ";duration=9"))
    assert trunk.news[-1] == NotRegistered("503 Phrase", 400.0)


def test_a_refresh_that_is_refused_leaves_what_was_granted_until_that_runs_out() -> None:
    trunk = Trunk()
    trunk.accept(40)
    trunk.wait(20.0)
    trunk.answer(403)
    assert trunk.news[-1] == NotRegistered("403 Phrase", 30.0)
    assert trunk.account.is_registered
    trunk.wait(20.0)
    assert not trunk.account.is_registered
    assert trunk.news[-1] == NotRegistered("403 Phrase", 10.0)


def test_silence_is_not_waited_out_once_servers_answer_again_but_a_refusal_is() -> None:
    trunk = Trunk()
    trunk.wait(32.1)
    before = len(trunk.sent)
    trunk.take(trunk.account.try_now(trunk.now))
    trunk.take(trunk.account.try_now(trunk.now))
    assert len(trunk.sent) == before + 1
    trunk.answer(403)
    trunk.take(trunk.account.try_now(trunk.now))
    assert len(trunk.sent) == before + 1


def test_it_is_taken_back_at_the_end() -> None:
    trunk = Trunk()
    trunk.accept(3600)
    trunk.take(trunk.account.hang_up(trunk.now))
    assert trunk.last.first("expires") == "0"
    trunk.answer(401, ASKS.format("n1", ""))
    assert trunk.last.first("expires") == "0"
    trunk.answer(200)
    assert isinstance(trunk.news[-1], Ended)
    assert trunk.account.is_over


def test_what_was_never_registered_is_not_taken_back() -> None:
    trunk = Trunk()
    trunk.take(trunk.account.hang_up(trunk.now))
    assert len(trunk.sent) == 1
    assert isinstance(trunk.news[-1], Ended)
