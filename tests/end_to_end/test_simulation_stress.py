"""The stress commands at their small size, and every break that they have to notice."""

from importlib.util import module_from_spec, spec_from_file_location

import pytest
from stress_run import STRESS, stress

NOTICED = {
    "intent-after-invite": (1, "I3"),
    "rescue-by-age": (1, "I4"),
    "blind-requeue": (1, "I4"),
    "redial-answered": (3, "I7"),
    "notice-outside-transaction": (1, "I1"),
    "no-guard": (1, "I5"),
    "key-outside-transaction": (14, "I4"),
    "out-of-turn": (67, "I12"),
    "orphans-left": (1, "I4"),
    "claims-forgotten": (8, "I1"),
    "told-once": (1, "I6"),
    "silent-expiry": (2, "I1"),
    "no-quarantine": (217, "I13"),
    "no-optout-check": (7, "I9"),
}
"""By break: a seed whose world shows it, and a promise that is seen to be broken."""

NOTICED_BY_OPTOUT = {"no-optout-check", "optout-at-the-end"}


def test_simulated_worlds_break_no_promise_and_have_one_history_each() -> None:
    code, figures = stress("sim", "--seeds", 4, "--seed", 100, "--twice")
    assert (code, figures["faults"]) == (0, 0)
    assert figures["calls"] == 160


@pytest.mark.parametrize("name", sorted(NOTICED))
def test_a_broken_promise_is_noticed(name: str) -> None:
    seed, promise = NOTICED[name]
    code, figures = stress("sim", "--seeds", 1, "--seed", seed, "--most-hours", 4, "--break", name)
    assert code == 0
    assert promise in figures["promises_broken"]  # type: ignore[operator]


def test_every_break_there_is_is_tried() -> None:
    spec = spec_from_file_location("breaks", STRESS / "_breaks.py")
    assert spec is not None
    assert spec.loader is not None
    breaks = module_from_spec(spec)
    spec.loader.exec_module(breaks)
    assert breaks.BREAKS.keys() == NOTICED.keys() | NOTICED_BY_OPTOUT


def test_a_death_at_any_crash_point_breaks_no_promise() -> None:
    code, figures = stress("crashpoints", "--every", 7)
    assert (code, figures["faults"]) == (0, 0)
    assert figures["points"] >= 100  # type: ignore[operator]


@pytest.mark.parametrize(
    "name", ["intent-after-invite", "blind-requeue", "key-outside-transaction"]
)
def test_a_death_at_a_crash_point_shows_a_broken_promise(name: str) -> None:
    code, figures = stress("crashpoints", "--every", 7, "--break", name)
    assert code == 0
    assert figures["faults"] != 0


def test_who_opts_out_of_several_lists_is_not_called_again_whatever_dies() -> None:
    code, figures = stress("optout", "--people", 100)
    assert (code, figures["faults"], figures["deaths"]) == (0, 0, 20)
    assert figures["keyed"] >= 50  # type: ignore[operator]
    assert figures["rejected"] >= 150  # type: ignore[operator]


@pytest.mark.parametrize("name", sorted(NOTICED_BY_OPTOUT))
def test_a_call_after_an_opt_out_is_noticed(name: str) -> None:
    code, figures = stress("optout", "--break", name)
    assert (code, figures["promises_broken"]) == (0, ["I9"])
