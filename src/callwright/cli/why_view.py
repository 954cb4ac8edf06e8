"""Why something waits, in words: for `trace` and `watch`."""

from collections.abc import Iterator, Mapping
from typing import Any

from callwright.cli.moments import clock_time

Facts = Mapping[str, Any]

WAITING_STATES = frozenset({"queued", "waiting"})


def describe_why(why: Facts) -> Iterator[tuple[str, str]]:
    """Names and texts: what holds it, what else does, and when it can go."""
    first, *others = why["reasons"]
    yield "held by", f"{first['text']} ({first['rule']})"
    for reason in others:
        yield "also by", f"{reason['text']} ({reason['rule']})"
    late = ", when its window has shut" if why["comes_too_late"] else ""
    yield "can go", describe_when(why) + late


def describe_when(why: Facts) -> str:
    """When it can go, as well as that is known."""
    if why["next_at"] is None:
        return {"never": "never", "now": "now"}.get(why["when"], "when a person acts")
    about = "at" if why["when"] == "exact" else "about"
    return f"{about} {clock_time(why['next_at'])}"
