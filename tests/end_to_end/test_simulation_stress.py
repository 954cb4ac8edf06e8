"""The stress commands at their small size, and every break that they have to notice."""

import shlex
import signal
import subprocess
import sys
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
    "claims-forgotten": (11, "I1"),
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


def test_the_first_broken_promise_ends_it_and_can_be_seen_again() -> None:
    whole = ["--seeds", "5000", "--seed", "3", "--most-hours", "4", "--break", "told-once"]
    code, told = finished(started("sim", whole))
    assert code == 0
    [again] = [line for line in told if line.startswith("again: ")]
    _, python, go, stress, name, *same = shlex.split(again)
    assert (python, go, stress) == ("python3", "go", "stress")
    code, told_again = finished(started(name, same))
    assert code == 0
    assert [line for line in told if line.startswith("I6 ")]
    assert told_again[1:] == told[1:]


def test_it_can_be_stopped_and_says_how_to_go_on() -> None:
    under_way = started("sim", ["--seeds", "5000", "--seed", "3"])
    assert under_way.stderr is not None
    assert under_way.stderr.readline().startswith("5000 worlds from number 3 on")
    under_way.send_signal(signal.SIGINT)
    code, told = finished(under_way)
    assert code == 130
    [go_on] = [line for line in told if line.startswith("to go on: ")]
    words = shlex.split(go_on)
    first, count = (int(words[words.index(option) + 1]) for option in ("--seed", "--seeds"))
    assert first >= 3
    assert first + count == 5003


def started(name: str, arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, STRESS / f"{name}.py", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(program: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Exit code, and what it said on stderr since."""
    _, told = program.communicate(timeout=240)
    return program.returncode, told.splitlines()


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
