"""How a trunk stands, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from callwright.cli.moments import clock_time


def describe_trunk(trunk: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a trunk as `/v1/trunks` shows it; nothing where all is well."""
    if trunk["state"] == "down":
        yield "down: its calls wait"
    for server in trunk["servers"]:
        if not server["is_up"]:
            since = clock_time(server["since"])
            probe = _moment(", asked again at", server["next_probe_at"])
            yield f"{server['address']} fails since {since}: {server['last_error']}{probe}"
    if (lookup := trunk["lookup"]) is not None:
        again = _moment(", again at", lookup["next_try_at"])
        yield f"its servers cannot be looked up: {lookup['last_error']}{again}"
    registration = trunk["registration"]
    if registration is not None and not (
        registration["is_registered"] and registration["last_error"] is None
    ):
        word = "registered" if registration["is_registered"] else "not registered"
        until = _moment(" until", registration["expires_at"])
        why = registration["last_error"] or "not answered yet"
        again = _moment(", tried again at", registration["next_try_at"])
        yield f"{word}{until}: {why}{again}"


def _moment(words: str, at: str | None) -> str:
    return "" if at is None else f"{words} {clock_time(at)}"
