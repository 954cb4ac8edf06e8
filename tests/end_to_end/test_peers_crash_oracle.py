"""The judge of killed servers finds each broken promise, in logs that are made to hold it."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from callwright.testing.peers.crash_oracle import Evidence, Kill, Submission, judge
from callwright.testing.peers.sink import Delivered
from callwright.testing.peers.sip_log import SipCall, SipSeen

NUMBER = "+16175550100"
KILLED_AT = 100.0


def seen(at: float, what: str, *, call_id: str, branch: str = "z9hG4bK1") -> SipSeen:
    """`INVITE` received, or `200 INVITE` sent."""
    status, _, method = what.rpartition(" ")
    return SipSeen(
        at=at,
        sent=bool(status),
        lost=False,
        start=f"SIP/2.0 {status} X" if status else f"{method} sip:x SIP/2.0",
        headers={
            "call-id": call_id,
            "cseq": f"1 {method}",
            "via": f"SIP/2.0/UDP x;branch={branch}",
            "from": "<sip:+12125551234@x>;tag=t",
            "to": f"<sip:{NUMBER}@x>",
        },
        body="",
    )


def leg(call_id: str, *messages: tuple[float, str]) -> SipCall:
    return SipCall(call_id, [seen(at, what, call_id=call_id) for at, what in messages])


def told(status: str = "failed", attempts: str = "1", **changes: object) -> Delivered:
    details = {"status": status, "attempts": attempts, "phone_number": NUMBER[2:], **changes}
    return Delivered(
        at=120.0,
        method="POST",
        path="/",
        headers={"webhook-id": "m1"},
        body=json.dumps(details).encode(),
        answered=200,
    )


RINGING = leg("a-7-1", (99.0, "INVITE"), (99.1, "180 INVITE"), (100.2, "CANCEL"),
              (100.2, "487 INVITE"))  # fmt: skip
TALKING = leg("a-7-1", (98.0, "INVITE"), (98.5, "200 INVITE"), (98.5, "ACK"), (100.1, "BYE"))
GOOD = Evidence(
    submissions=[Submission(number=NUMBER, at=90.0, acknowledged=True)],
    kills=[Kill(at=KILLED_AT, lines_too=False)],
    calls=[RINGING],
    delivered=[told()],
)


def test_a_good_run_has_no_fault() -> None:
    verdict = judge(GOOD)
    assert verdict.faults == []
    assert verdict.figures["legs_left_behind"] == 1
    assert verdict.figures["slowest_hang_up_by_line_s"] == pytest.approx(0.2)
    talked = replace(GOOD, calls=[TALKING], delivered=[told("completed")])
    assert judge(talked).faults == []


def test_who_answered_as_the_server_died_may_be_dialled_again() -> None:
    late = leg("a-7-1", (99.0, "INVITE"), (100.1, "200 INVITE"), (100.1, "ACK"), (100.1, "BYE"))
    second = leg("b-7-2", (170.0, "INVITE"), (170.1, "200 INVITE"), (170.1, "ACK"), (171.0, "BYE"))
    run = replace(GOOD, calls=[late, second], delivered=[told("completed", "2")], max_attempts=2)
    assert judge(run).faults == []


def test_who_was_left_to_the_next_start_is_hung_up_ten_seconds_after_it_at_the_latest() -> None:
    def hung_up_at(at: float, *, lines_too: bool) -> list[str]:
        left = leg("a-7-1", (99.0, "INVITE"), (at, "CANCEL"), (at, "487 INVITE"))
        kill = Kill(at=KILLED_AT, lines_too=lines_too, up_again_at=KILLED_AT + 20)
        return judge(replace(GOOD, calls=[left], kills=[kill])).faults

    assert hung_up_at(KILLED_AT + 29, lines_too=True) == []
    assert hung_up_at(KILLED_AT + 31, lines_too=True) != []
    # A line that lives needs no start.
    assert hung_up_at(KILLED_AT + 11, lines_too=False) != []


def again(call_id: str, at: float = 105.0) -> SipCall:
    return leg(call_id, (at, "INVITE"), (at + 0.1, "486 INVITE"))


@pytest.mark.parametrize(
    ("doctored", "fault"),
    [
        (lambda g: replace(g, calls=[RINGING, again("b-7-1")], max_attempts=2), "dialled twice"),
        (lambda g: replace(g, calls=[RINGING, again("b-7-2")]), "dialled 2 times"),
        (
            lambda g: replace(g, calls=[RINGING, again("b-7-2")], max_attempts=2, wait_s=60),
            "before its wait was over",
        ),
        (
            lambda g: replace(
                g, calls=[TALKING, again("b-7-2")], delivered=[told("completed", "2")],
                max_attempts=2,
            ),
            "though it had been answered",
        ),
        (
            lambda g: replace(g, calls=[SipCall("a-7-1", [
                *RINGING.messages,
                seen(99.5, "INVITE", call_id="a-7-1", branch="z9hG4bK2"),
            ])]),
            "two different INVITEs",
        ),
        (lambda g: replace(g, delivered=[]), "acknowledged and its result never told"),
        (
            lambda g: replace(g, delivered=[replace(told(), answered=500)]),
            "acknowledged and its result never told",
        ),
        (
            lambda g: replace(
                g, submissions=[replace(g.submissions[0], acknowledged=False)], delivered=[]
            ),
            "dialled and its result never told",
        ),
        (lambda g: replace(g, delivered=[told(), told(duration=1)]), "two different results"),
        (
            lambda g: replace(g, delivered=[told(), replace(told(), headers={"webhook-id": "m2"})]),
            "two different results",
        ),
        (lambda g: replace(g, delivered=[told("queued")]), "which is no end"),
        (lambda g: replace(g, delivered=[told("completed")]), "never answered"),
        (lambda g: replace(g, delivered=[told(attempts="0")]), "and told as 0"),
        (lambda g: replace(g, submissions=[]), "never asked for"),
        (
            lambda g: replace(g, calls=[leg("a-7-1", (99.0, "INVITE"), (99.1, "180 INVITE"))]),
            "hung up never",
        ),
        (
            lambda g: replace(g, calls=[leg("a-7-1", (99.0, "INVITE"), (110.5, "CANCEL"),
                                            (110.5, "487 INVITE"))]),
            "hung up after 10.5 s",
        ),
        (
            lambda g: replace(g, kills=[], calls=[leg("a-7-1", (99.0, "INVITE"))]),
            "never came to an end",
        ),
    ],
)  # fmt: skip
def test_each_broken_promise_is_a_fault(
    doctored: Callable[[Evidence], Evidence], fault: str
) -> None:
    faults = judge(doctored(GOOD)).faults
    assert any(fault in found for found in faults), faults
