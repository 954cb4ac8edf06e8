"""Whom OPTIONS asks, when, and what its silence says."""

import random

from sip_peer import Driven

from callwright.telephony.sip.actions import Action, TargetFailed
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.pinging import PROBE_EVERY_S, Pinging
from callwright.telephony.sip.requests import CallSetup
from callwright.telephony.sip.targets import HOLD_S, Located, Targets

A: Address = ("192.0.2.1", 5060)
B: Address = ("192.0.2.2", 5060)


class Servers(Driven):
    def __init__(self, every_s: float) -> None:
        self.targets = Targets(random.Random(1))
        self.targets.replace((Located(A, 1), Located(B, 2)))
        setup = CallSetup(
            call_id="p@x",
            from_tag="ft",
            branch="z9hG4bKp",
            cseq=1,
            request_uri="sip:trunk.example",
            from_value="<sip:trunk.example>;tag=ft",
            to_value="<sip:trunk.example>",
            contact="<sip:callwright@192.0.2.9:5060>",
            sent_by="192.0.2.9:5060",
            target=A,
        )
        self.pinging = Pinging(setup, self.targets, every_s=every_s)
        super().__init__(self.pinging)
        self.take(self.pinging.plan(0.0))

    def take(self, actions: list[Action]) -> None:
        super().take(actions)
        for action in actions:
            if isinstance(action, TargetFailed):
                self.fail(action.target, is_there=action.is_there)

    def fail(self, address: Address, *, is_there: bool = False) -> None:
        """As an endpoint does."""
        self.targets.failed(address, self.now, "it failed", refused=is_there)
        self.take(self.pinging.plan(self.now))

    def refuse(self, address: Address) -> None:
        """The network says that nobody listens there."""
        asked = [message for _, message, to in self.sent if to == address][-1]
        self.take(self.pinging.on_not_listening(self.now, asked.branch, "connection refused"))

    def answer(self, status: int) -> None:
        _, request, to = self.sent[-1]
        if status != 503:
            self.targets.answered(to)
        self.reply_to(request, status)


def test_without_an_interval_nobody_is_asked_while_all_is_well() -> None:
    servers = Servers(0.0)
    servers.wait(1000.0)
    assert servers.sent == []


def test_one_that_failed_is_asked_after_its_rest_and_called_again_once_it_answers() -> None:
    servers = Servers(0.0)
    servers.fail(A)
    servers.wait(HOLD_S - 1)
    assert servers.sent == []
    servers.wait(1.0)
    assert [(at, to) for at, _, to in servers.sent] == [(HOLD_S, A)]
    assert servers.targets.in_turn() == [B, A]
    servers.answer(404)
    assert servers.targets.in_turn() == [A, B]
    servers.wait(1000.0)
    assert len(servers.sent) == 1


def test_while_it_is_silent_it_rests_and_is_asked_again() -> None:
    servers = Servers(0.0)
    servers.fail(A)
    servers.wait(300.0)
    asked = {message.cseq for _, message, _ in servers.sent}
    assert 3 <= len(asked) <= 6
    assert servers.targets.in_turn() == [B, A]


def test_at_an_interval_silence_is_noticed_before_a_call_meets_it() -> None:
    servers = Servers(10.0)
    assert {to for _, _, to in servers.sent} == {A, B}
    servers.answer(200)
    servers.wait(33.0)
    assert servers.targets.in_turn() == [B, A]
    assert len({m.cseq for _, m, to in servers.sent if to == B}) >= 2


def test_where_nobody_is_left_they_are_asked_at_once_and_every_few_seconds() -> None:
    servers = Servers(0.0)
    servers.fail(A)
    assert servers.sent == []
    servers.fail(B)
    assert {to for _, _, to in servers.sent} == {A, B}
    for address in (A, B):
        servers.refuse(address)
    servers.wait(PROBE_EVERY_S)
    assert [(at, to) for at, _, to in servers.sent[2:]] == [(PROBE_EVERY_S, A), (PROBE_EVERY_S, B)]
    servers.answer(404)
    assert servers.targets.in_turn() == [B, A]


def test_one_that_asked_to_be_left_alone_is_though_nobody_else_is_there() -> None:
    servers = Servers(0.0)
    servers.fail(B)
    servers.targets.failed(A, servers.now, "503", 60.0, refused=True)
    servers.take(servers.pinging.plan(servers.now))
    servers.wait(59.0)
    assert A not in {to for _, _, to in servers.sent}
    servers.wait(1.0)
    assert A in {to for _, _, to in servers.sent}
