"""What strangers and hostile lists send: `go stress sip` at its small size, and its breaks."""

import pytest
from stress_run import stress

NOTICED = {
    "any-source": "S2-strangers",
    "any-tag": "S2-strangers",
    "answers-everybody": "S2-strangers",
    "unchecked-values": "S2-values",
    "falls-over": "S2-mutants",
}
TRUNKS = {
    "never-second-target": "S2-failover",
    "dials-when-out": "S2-trunk-held",
    "never-back": "S2-trunk-back",
}


def test_nothing_that_is_sent_to_a_line_hurts_it() -> None:
    code, figures = stress("sip")
    assert (code, figures["faults"]) == (0, 0)
    assert 0 < int(str(figures["values_taken"])) < int(str(figures["values"]))


@pytest.mark.parametrize("name", sorted(NOTICED))
def test_a_line_that_can_be_hurt_is_noticed(name: str) -> None:
    code, figures = stress(
        "sip", "--values", 200, "--forged", 200, "--mutants", 300, "--break", name
    )
    assert code == 0
    assert NOTICED[name] in figures["promises_broken"]  # type: ignore[operator]


@pytest.mark.parametrize("name", sorted(TRUNKS))
def test_calls_lost_or_left_waiting_when_servers_are_away_are_noticed(name: str) -> None:
    code, figures = stress("sip", "--values", 0, "--forged", 0, "--mutants", 0, "--break", name)
    assert code == 0
    assert TRUNKS[name] in figures["promises_broken"]  # type: ignore[operator]
