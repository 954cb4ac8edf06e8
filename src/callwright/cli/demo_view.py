"""The demo as a table: one row a call, redrawn while calls are under way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from callwright.cli.demo_calls import PlannedCall
from callwright.dialects.details import STATUS_WORDS
from callwright.domain.call import CallDetails
from callwright.domain.lifecycle import CallState

_STYLES = {
    "queued": "dim",
    "dialing": "cyan",
    "connected": "bold green",
    "completed": "green",
    "canceled": "magenta",
    "failed": "red",
    "rejected": "red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One call, as far as it is known."""

    planned: PlannedCall
    details: CallDetails
    callback: Mapping[str, object] | None
    """The body that was received, or None so far."""


def picture(rows: Sequence[Row], *, now: datetime, headline: str) -> RenderableType:
    """The table with its headline and, below, how many have come to what."""
    table = Table(
        title=headline, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0)
    )
    for header in ("call", "the phone", "status", "tries"):
        table.add_column(header, no_wrap=True)
    table.add_column("what happened")
    table.add_column("told", no_wrap=True)
    for row in rows:
        status = STATUS_WORDS[row.details.state]
        table.add_row(
            f"{row.planned.number} {row.planned.name}",
            row.planned.behaviour,
            Text(status, style=_STYLES[status]),
            f"{row.details.attempts_made}/{row.details.schedule.retry.max_attempts}",
            _story(row.details, now),
            _callback(row),
        )
    return Group(table, _counts(rows))


def _story(details: CallDetails, now: datetime) -> str:
    """The latest thing worth knowing, in a few words."""
    if details.state is CallState.QUEUED:
        opens_at = details.schedule.window.opens_at
        return "waits for its start" if opens_at > now else "waits for its turn"
    attempt = details.attempts[-1] if details.attempts else None
    if attempt is None:
        return ""
    if details.state is CallState.WAITING and attempt.ended_at is not None:
        wait_s = details.schedule.retry.wait.total_seconds() if attempt.counts else 5
        left_s = max(0, wait_s - (now - attempt.ended_at).total_seconds())
        return f"{attempt.reason}; again in {left_s:.0f} s"
    if details.state is CallState.CONNECTED and attempt.answered_at is not None:
        return f"talking {(now - attempt.answered_at).total_seconds():.0f} s{_keyed(details)}"
    if attempt.answered_at is not None and attempt.ended_at is not None:
        talked_s = (attempt.ended_at - attempt.answered_at).total_seconds()
        return f"talked {talked_s:.0f} s{_keyed(details)}"
    if attempt.ended_at is None:
        return "ringing" if attempt.rang_at else "dialling"
    return attempt.reason


def _keyed(details: CallDetails) -> str:
    answers = details.attempts[-1].answers or {}
    return "".join(f", {name} = {value}" for name, value in answers.items())


def _callback(row: Row) -> Text:
    """Whether the result arrived at the result_url, and was the expected one."""
    if row.callback is None:
        return Text("")
    status = str(row.callback.get("status", "?"))
    if status == row.planned.expected:
        return Text("✓", style="green")
    return Text(f"✗ {status}", style="bold red")


def _counts(rows: Sequence[Row]) -> Text:
    ended = Counter(STATUS_WORDS[row.details.state] for row in rows if row.details.state.is_final)
    words = ", ".join(f"{count} {status}" for status, count in ended.items())
    told = sum(row.callback is not None for row in rows)
    return Text(
        f"{ended.total()} of {len(rows)} over: {words or 'none yet'}; {told} callbacks received",
        style="dim",
    )
