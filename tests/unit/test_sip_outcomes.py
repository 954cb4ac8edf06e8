"""Which outcome the end of a SIP call comes to."""

import pytest

from callwright.domain.outcome import Outcome
from callwright.telephony.sip.actions import Ended, How
from callwright.telephony.sip.outcomes import outcome_of, read_q850

TABLE = [
    (486, 0, Outcome.BUSY),
    (600, 0, Outcome.BUSY),
    (408, 0, Outcome.NO_ANSWER),
    (480, 0, Outcome.NO_ANSWER),
    (487, 0, Outcome.NO_ANSWER),
    (403, 0, Outcome.REJECTED),
    (603, 0, Outcome.REJECTED),
    (607, 0, Outcome.REJECTED),
    (608, 0, Outcome.REJECTED),
    (699, 0, Outcome.REJECTED),
    (404, 0, Outcome.UNREACHABLE),
    (410, 0, Outcome.UNREACHABLE),
    (484, 0, Outcome.UNREACHABLE),
    (604, 0, Outcome.UNREACHABLE),
    (302, 0, Outcome.UNREACHABLE),
    (500, 0, Outcome.TRUNK_TROUBLE),
    (503, 0, Outcome.TRUNK_TROUBLE),
    (400, 0, Outcome.TRUNK_TROUBLE),
    (401, 0, Outcome.TRUNK_MISCONFIGURED),
    (407, 0, Outcome.TRUNK_MISCONFIGURED),
    (488, 0, Outcome.TRUNK_MISCONFIGURED),
    # A gateway's real cause outweighs a code used for anything, not one that is specific.
    (480, 17, Outcome.BUSY),
    (500, 1, Outcome.UNREACHABLE),
    (403, 28, Outcome.UNREACHABLE),
    (480, 21, Outcome.REJECTED),
    (480, 34, Outcome.TRUNK_TROUBLE),
    (503, 19, Outcome.NO_ANSWER),
    (486, 34, Outcome.BUSY),
    (404, 17, Outcome.UNREACHABLE),
    (480, 99, Outcome.NO_ANSWER),
]


@pytest.mark.parametrize(("code", "q850", "outcome"), TABLE)
def test_a_refusal_has_the_outcome_of_its_code_and_cause(
    code: int, q850: int, outcome: Outcome
) -> None:
    assert outcome_of(Ended(How.REFUSED, code, "Phrase", q850)) == (outcome, f"{code} Phrase")


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (Ended(How.REFUSED, 404, "", 0), Outcome.UNREACHABLE),
        (Ended(How.REFUSED, 480, "", 18), Outcome.NO_ANSWER),
        (Ended(How.REFUSED, 480, "", 0), Outcome.BUSY),
        (Ended(How.REFUSED, 500, "", 0), Outcome.BUSY),
        (Ended(How.RING_TIMEOUT, 487), Outcome.BUSY),
        (Ended(How.PEER_HUNG_UP), Outcome.ANSWERED),
    ],
)
def test_tones_count_after_a_code_of_meaning_and_a_cause(ended: Ended, outcome: Outcome) -> None:
    assert outcome_of(ended, Outcome.BUSY)[0] is outcome


def test_what_we_did_ourselves_needs_no_code() -> None:
    assert outcome_of(Ended(How.RING_TIMEOUT, 487)) == (Outcome.NO_ANSWER, "ring timeout")
    assert outcome_of(Ended(How.NO_REPLY)) == (Outcome.TRUNK_TROUBLE, "no reply")
    assert outcome_of(Ended(How.NOT_LISTENING)) == (Outcome.TRUNK_TROUBLE, "connection refused")
    assert outcome_of(Ended(How.PEER_HUNG_UP))[0] is Outcome.ANSWERED


def test_every_end_has_an_outcome() -> None:
    assert all(outcome_of(Ended(how))[1] for how in How)


def test_the_cause_is_found_among_reasons() -> None:
    assert read_q850(['SIP ;cause=200 ;text="x"', 'q.850 ; Cause = 17 ;text="User busy"']) == 17
    assert read_q850(["Q.850;cause=x", "Q.850"]) == 0
