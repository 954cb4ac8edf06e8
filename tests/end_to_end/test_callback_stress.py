"""The stress commands for callbacks at their small size, and every break they have to notice."""

import importlib
import sys
from pathlib import Path

import pytest
from test_simulation_stress import STRESS, stress

DOWN = ("--only", "down", "--calls", 100, "--down", "6h", "--deaths", 2)
FLAKY = ("--only", "flaky", "--count", 150)
HANGING = ("--only", "hanging", "--hosts", 8, "--seconds", 2, "--backlog", 400, "--rate", 30)

CALLBACKS_NOTICED: dict[str, tuple[tuple[object, ...], str]] = {
    "no-host-slots": (HANGING, "LATE"),
    "no-rests": (("--only", "down", "--calls", 1000, "--down", "4h", "--deaths", 0), "REST"),
    "rest-for-ever": (DOWN, "LOST"),
    "give-up-early": (DOWN, "LOST"),
    "told-once": (DOWN, "LOST"),
    "new-body-each-try": (FLAKY, "BODY"),
    "new-id-each-try": (DOWN, "ID"),
}
SMALL = ("--forms", 100, "--redirects", 5, "--rebinds", 60)
REBINDING = (*SMALL, "--only", "rebinding")
SSRF_NOTICED: dict[str, tuple[tuple[object, ...], str]] = {
    "guard-asleep": (REBINDING, "CONNECTED"),
    "check-strings": (REBINDING, "CONNECTED"),
    "check-first-address-only": (REBINDING, "CONNECTED"),
    "resolve-again": (REBINDING, "CONNECTED"),
    "follow-redirects": ((*SMALL, "--only", "redirect"), "CONNECTED"),
    "own-door-open": ((*SMALL, "--only", "server"), "OWN"),
}
"""By break: a run that shows it, and a promise that is seen to be broken."""


@pytest.mark.parametrize("part", [DOWN, FLAKY, HANGING], ids=lambda part: part[1])
def test_callbacks_arrive(part: tuple[object, ...]) -> None:
    code, figures = stress("callbacks", *part)
    assert (code, figures["faults"]) == (0, 0)


@pytest.mark.parametrize("name", sorted(CALLBACKS_NOTICED))
def test_callbacks_that_do_not_arrive_are_noticed(name: str) -> None:
    run, promise = CALLBACKS_NOTICED[name]
    code, figures = stress("callbacks", *run, "--break", name)
    assert code == 0
    assert promise in figures["promises_broken"]  # type: ignore[operator]


def test_no_url_makes_the_server_talk_to_itself() -> None:
    code, figures = stress("ssrf", "--rebinds", 200, "--redirects", 10)
    assert (code, figures["faults"]) == (0, 0)
    assert figures["sender"]["forms"] >= 200  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(SSRF_NOTICED))
def test_a_server_that_talks_to_itself_is_noticed(name: str) -> None:
    run, promise = SSRF_NOTICED[name]
    code, figures = stress("ssrf", *run, "--break", name)
    assert code == 0
    assert promise in figures["promises_broken"]  # type: ignore[operator]


def test_every_break_of_callbacks_there_is_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STRESS))
    assert Path(STRESS, "_callback_breaks.py").exists()
    breaks = importlib.import_module("_callback_breaks")
    monkeypatch.delitem(sys.modules, "_callback_breaks")
    assert breaks.CALLBACK_BREAKS.keys() == CALLBACKS_NOTICED.keys()
    assert breaks.SSRF_BREAKS.keys() == SSRF_NOTICED.keys()
