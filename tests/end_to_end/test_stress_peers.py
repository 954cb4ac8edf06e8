"""The stress commands with a real server and SIPp at their small sizes, and what they notice."""

import pytest
from stress_run import stress

from callwright.testing.programs import require

require("sipp")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("orphans", ("--ringing", 5, "--talking", 5)),
        ("drain", ("--talking", 3, "--talk", 3)),
        ("restore", ("--calls", 6, "--quick", "--schemas", 1)),
        ("kill9", ("--calls", 8, "--kills", 1)),
        ("restart", ("--stored", 400, "--restarts", 1, "--within", 60)),
        # The lag is the machine's own while other tests run beside.
        ("soak", ("--minutes", 0.1, "--warm-up", 4, "--lag", 5)),
    ],
)
def test_no_promise_is_broken(name: str, size: tuple[object, ...]) -> None:
    code, figures = stress(name, *size)
    assert (code, figures["faults"]) == (0, 0)


@pytest.mark.parametrize(
    ("name", "broken", "size", "seen"),
    [
        ("orphans", "orphans-left", ("--ringing", 2, "--talking", 2), "ORPHAN"),
        ("drain", "cut-at-once", ("--talking", 2, "--talk", 4), "DRAIN"),
        ("drain", "dials-on", ("--talking", 2, "--talk", 3), "DRAIN"),
        ("restore", "starts-unheld", ("--calls", 6), "HELD"),
        ("restart", "starts-late", ("--stored", 400, "--restarts", 1), "RESTART"),
        (
            "soak",
            "keeps-everything",
            ("--minutes", 0.15, "--warm-up", 3, "--rate", 8),
            "FILES MEMORY",
        ),
    ],
)
def test_a_broken_promise_is_noticed(
    name: str, broken: str, size: tuple[object, ...], seen: str
) -> None:
    code, figures = stress(name, *size, "--break", broken)
    assert code == 0
    assert set(seen.split()) <= set(figures["promises_broken"])  # type: ignore[call-overload]
