"""Conversations as Fuse's call logs tell them.

A detailed log has an entry for each thing that is known to have happened, in the vendor's
shape: a line for people and data for programs. North American numbers have ten digits, as
in the vendor's examples; all others are E.164.

Source: Fuse "Get Call Logs" and "Get Call Logs With Details"; wire contract, section 1.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from callwright.dialects.details import unix_seconds
from callwright.domain.phone import PhoneNumber
from callwright.domain.visit import LoggedVisit, Visit

DETAILS_KEPT = timedelta(days=5)
"""How old a conversation may be for a log to tell its details."""

_SOURCE = "Outbound"
_NORTH_AMERICAN = re.compile(r"\+1([0-9]{10})\Z")


def encode_call_log(visits: Sequence[Visit], total: int, now: datetime) -> dict[str, object]:
    """The reply of `GET /api/calls`; `total` counts the entries of all pages."""
    oldest = now - DETAILS_KEPT
    calls: list[dict[str, object]] = [
        {
            "dest": _shown(visit.number),
            "src": _SOURCE,
            "start": unix_seconds(visit.answered_at),
            "end": unix_seconds(visit.ended_at),
            "session_id": _session_of(visit),
            "type": "outbound",
            "log": visit.answered_at >= oldest,
        }
        for visit in visits
    ]
    return {"calls": calls, "total_calls": total}


def encode_detailed_log(logged: Sequence[LoggedVisit]) -> dict[str, object]:
    """The reply of `GET /api/all_logs`."""
    calls: list[dict[str, object]] = [
        {
            "dest": _shown(entry.visit.number),
            "src": _SOURCE,
            "start": str(unix_seconds(entry.visit.answered_at)),
            "end": str(unix_seconds(entry.visit.ended_at)),
            "session_id": _session_of(entry.visit),
            "detail": list(_details(entry)),
        }
        for entry in logged
    ]
    return {"calls": calls}


def _shown(number: PhoneNumber) -> str:
    match = _NORTH_AMERICAN.match(number.e164)
    return match[1] if match else number.e164


def _session_of(visit: Visit) -> str:
    """The id of one conversation: call, attempt, and when that began."""
    return f"{visit.call_id};{visit.attempt:03};{unix_seconds(visit.started_at)}"


def _details(entry: LoggedVisit) -> Iterator[dict[str, object]]:
    visit = entry.visit
    yield _detail(visit.queued_at, "Queued", event="queued")
    yield _detail(visit.started_at, f"Dialing {_shown(visit.number)}", event="dialing")
    if visit.rang_at is not None:
        yield _detail(visit.rang_at, "Ringing", event="ringing")
    yield _detail(visit.answered_at, "Connected", event="connected")
    version = f' version "{entry.label}"' if entry.label else ""
    running = f'Executing application "{entry.program_name}"{version}'
    yield _detail(visit.answered_at, running, module_type="start", result_variable="start")
    for keyed in visit.keyed:
        if keyed.name in entry.asked:
            line, kind = f"User input: {keyed.value} (dtmf)", "event"
        else:
            line, kind = f"Set {keyed.name}: {keyed.value}", "info"
        yield _detail(keyed.at, line, kind, result_variable=keyed.name, value=keyed.value)
    yield _detail(visit.ended_at, "Disconnected", event="disconnected")


def _detail(at: datetime, line: str, kind: str = "info", **data: str) -> dict[str, object]:
    return {"event": {"line": line, "data": data}, "class": kind, "timestamp": unix_seconds(at)}
