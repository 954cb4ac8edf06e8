"""Calls as lines of an export; no cell of them is run by a spreadsheet.

Source: RFC 4180.
"""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime

from callwright.dialects.formulas import guard
from callwright.domain.call import CallDetails

COLUMNS = (
    "call_id",
    "batch_id",
    "deployment_id",
    "phone_number",
    "number",
    "state",
    "queued_at",
    "opens_at",
    "closes_at",
    "attempts",
    "max_attempts",
    "last_outcome",
    "sip_code",
    "reason",
    "connected_at",
    "disconnected_at",
    "ended_at",
    "answers",
    "variables",
)


def csv_lines(calls: Sequence[CallDetails]) -> bytes:
    """A CSV line for each call; answers and variables are JSON in one cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for call in calls:
        writer.writerow([_cell(value) for value in _row(call).values()])
    return text.getvalue().encode("utf-8", "replace")


def json_lines(calls: Sequence[CallDetails]) -> bytes:
    """A JSON object and a line feed for each call."""
    lines = [json.dumps(_row(call), ensure_ascii=False, separators=(",", ":")) for call in calls]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _row(call: CallDetails) -> dict[str, object]:
    ended = [attempt for attempt in call.attempts if attempt.outcome is not None]
    last = ended[-1] if ended else None
    answers: dict[str, str] = {}
    for attempt in call.attempts:
        answers.update(attempt.answers or {})
    values = (
        call.id,
        call.batch_id,
        call.deployment_id,
        call.contact.dial.sent,
        call.contact.dial.number.e164,
        call.state.value,
        _moment(call.queued_at),
        _moment(call.schedule.window.opens_at),
        _moment(call.schedule.window.closes_at),
        call.attempts_made,
        call.schedule.retry.max_attempts,
        None if last is None or last.outcome is None else last.outcome.value,
        None if last is None else last.sip_code or None,
        None if last is None else last.reason,
        _moment(call.connected_at),
        _moment(call.disconnected_at),
        _moment(call.history[-1].at) if call.state.is_final else None,
        answers,
        dict(call.contact.variables),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
    return guard(str(value))


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


CSV_HEADER = (",".join(COLUMNS) + "\r\n").encode("ascii")
