"""`stress clock` and `stress iofault` at small sizes, and every break that they have to notice."""

import pytest
from stress_run import stress

NOTICED = {
    "local-clock": ("America/New_York", "I5"),
    # It shows where the step comes while the dispatcher has more than a second to sleep.
    "sleeps-through": ("hour-forward", "DRIFT"),
    "late-send": ("stopped", "I5"),
}
"""By break: the scenario that shows it, and what is seen."""


def test_setting_the_clock_breaks_no_promise() -> None:
    only = ("hour", "five", "2038", "Australia", "stopped")
    code, figures = stress("clock", "--deaths", "--only", *only)
    assert (code, figures["faults"]) == (0, 0)
    assert figures["worlds"] == 10
    assert figures["legs"] > 100  # type: ignore[operator]


@pytest.mark.parametrize("name", sorted(NOTICED))
def test_a_clock_that_is_kept_badly_is_noticed(name: str) -> None:
    scenario, seen = NOTICED[name]
    code, figures = stress("clock", "--only", scenario, "--seeds", 12, "--break", name)
    assert code == 0
    assert seen in figures["promises_broken"]  # type: ignore[operator]


def test_a_disk_that_fails_breaks_no_promise() -> None:
    code, figures = stress("iofault", "--nth", "1-41", "--every", 10)
    assert (code, figures["faults"]) == (0, 0)
    assert figures["failed"] >= 10  # type: ignore[operator]


def test_a_commit_that_failed_and_was_taken_for_done_is_noticed() -> None:
    size = ("--nth", "1-1", "--random", 0.2, "--full", 0)
    code, figures = stress("iofault", *size, "--break", "answers-before-commit")
    assert code == 0
    assert figures["faults"] != 0
