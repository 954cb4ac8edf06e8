"""What may be concluded from an outcome."""

from callwright.domain.outcome import TRAITS, Fault, Outcome


def test_every_outcome_has_its_traits() -> None:
    assert set(TRAITS) == set(Outcome)


def test_whoever_was_reached_is_not_tried_again() -> None:
    assert {o for o, t in TRAITS.items() if t.reached} == {
        Outcome.ANSWERED,
        Outcome.INTERRUPTED_TALKING,
    }
    assert not any(t.reached and t.retryable for t in TRAITS.values())


def test_every_failure_of_the_wire_contract_is_retryable() -> None:
    # Section 6: busy, no answer, unreachable, refused by the network, media failure, or an
    # attempt whose outcome was lost in a crash.
    assert {o for o, t in TRAITS.items() if t.retryable} == {
        Outcome.BUSY,
        Outcome.NO_ANSWER,
        Outcome.UNREACHABLE,
        Outcome.REJECTED,
        Outcome.CARRIER_BLOCKED,
        Outcome.TRUNK_TROUBLE,
        Outcome.TRUNK_MISCONFIGURED,
        Outcome.MEDIA_FAILED,
        Outcome.INTERRUPTED,
        Outcome.NOT_REACHED,  # ours: the script says so of a machine
    }


def test_only_what_is_not_the_callee_s_doing_is_given_back() -> None:
    given_back = [t for t in TRAITS.values() if t.may_be_given_back]
    assert given_back
    assert all(t.retryable and t.fault in (Fault.CARRIER, Fault.US) for t in given_back)


def test_nobody_is_at_fault_exactly_when_the_call_was_answered_and_over() -> None:
    assert [o for o, t in TRAITS.items() if t.fault is Fault.NONE] == [Outcome.ANSWERED]
