"""The stress commands about pacing at their small size, and every break they have to notice."""

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STRESS = ROOT / "stress"

SMALL_OUTAGE = ("--calls", 400, "--minutes", 1)
OUTAGE_NOTICED = {
    "no-ramp": (*SMALL_OUTAGE, "--way", "closed"),
    "no-give-back": (*SMALL_OUTAGE, "--way", "silent"),
    "no-breaker": (*SMALL_OUTAGE, "--way", "503"),
    "deaf-to-retry-after": (*SMALL_OUTAGE, "--way", "retry-after"),
    # It takes a while until the same few calls have paid for every probe.
    "given-back-first": ("--calls", 300, "--minutes", 5, "--way", "closed"),
}
"""By break: the size and the way to die at which it shows."""

HERD_NOTICED = {
    "no-smoothing": (600, "I8"),
    "no-span": (600, "I8"),
    "unfair": (1800, "R8"),
}
"""By break: calls, and the promise that is seen to be broken."""

PATIENT = ("--api-p99-ms", 5000)
"""The machine that runs tests may be busy with others; by hand the limit is 250 ms."""


def stress(name: str, *arguments: object) -> tuple[int, dict[str, object]]:
    """Exit code and figures of one run."""
    ended = subprocess.run(
        [sys.executable, STRESS / f"{name}.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ended.stdout, ended.stderr
    figures: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return ended.returncode, {**figures, "said": ended.stderr}


def test_a_dead_carrier_costs_no_attempts_and_is_called_again_slowly() -> None:
    code, figures = stress("outage", *SMALL_OUTAGE)
    assert (code, figures["faults"]) == (0, 0), figures["said"]
    assert figures["calls_that_lost_an_attempt"] == 0


@pytest.mark.parametrize("name", sorted(OUTAGE_NOTICED))
def test_whoever_handles_an_outage_badly_is_noticed(name: str) -> None:
    code, figures = stress("outage", *OUTAGE_NOTICED[name], "--break", name)
    assert code == 0
    assert "R7" in figures["promises_broken"]  # type: ignore[operator]


def test_a_herd_leaves_evenly_and_holds_up_nobody() -> None:
    code, figures = stress("herd", "--calls", 1200, *PATIENT)
    assert (code, figures["faults"]) == (0, 0), figures["said"]
    assert figures["most_in_a_second"] <= 200  # type: ignore[operator]
    assert figures["singles"] != 0


@pytest.mark.parametrize("name", sorted(HERD_NOTICED))
def test_whoever_lets_a_herd_go_is_noticed(name: str) -> None:
    calls, promise = HERD_NOTICED[name]
    code, figures = stress("herd", "--calls", calls, *PATIENT, "--break", name)
    assert code == 0
    assert promise in figures["promises_broken"]  # type: ignore[operator]


def test_limits_hold_on_the_wire_while_they_are_changed() -> None:
    code, figures = stress("limits")
    assert (code, figures["faults"]) == (0, 0), figures["said"]
    # The brain ordered twice as many.
    assert figures["gate_most_in_a_second"] == 20
    assert figures["trunk_most_at_once"] == 1


def test_whoever_does_not_hold_to_limits_is_noticed() -> None:
    code, figures = stress("limits", "--every-break")
    assert code == 0, figures["said"]


def test_every_break_there_is_is_tried() -> None:
    sys.path.insert(0, str(STRESS))
    try:
        spec = spec_from_file_location("pacing_breaks", STRESS / "_pacing_breaks.py")
        assert spec is not None
        assert spec.loader is not None
        breaks = module_from_spec(spec)
        spec.loader.exec_module(breaks)
    finally:
        sys.path.remove(str(STRESS))
    assert breaks.OUTAGE_BREAKS.keys() == OUTAGE_NOTICED.keys()
    assert breaks.HERD_BREAKS.keys() == HERD_NOTICED.keys()
