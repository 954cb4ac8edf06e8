"""`stress clock` at its small size, and every break that it has to notice."""

import pytest
from stress_run import stress

NOTICED = {
    "local-clock": ("America/New_York", "I5"),
    "sleeps-through": ("day-forward", "DRIFT"),
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
    code, figures = stress("clock", "--only", scenario, "--break", name)
    assert code == 0
    assert seen in figures["promises_broken"]  # type: ignore[operator]
