"""Batches under way: a table that is redrawn on a terminal, else a line now and then."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from callwright.cli.follow import FINAL_STATES
from callwright.cli.moments import clock_time
from callwright.cli.output import counted, tell

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

Item = Mapping[str, Any]

CALLS_SHOWN = 20
"""A batch of up to so many calls is shown call by call."""

LINE_EVERY_S = 5.0
BAR_WIDTH = 30
_ORDER = (
    "connected",
    "dialing",
    "claimed",
    "waiting",
    "queued",
    "completed",
    "exhausted",
    "expired",
    "canceled",
    "rejected",
)
_STYLES = {
    "connected": "bold green",
    "dialing": "cyan",
    "completed": "green",
    "exhausted": "red",
    "expired": "red",
    "rejected": "red",
    "canceled": "magenta",
}


def describe_counts(counts: Mapping[str, int]) -> str:
    """How many calls are in which state, in words."""
    return ", ".join(f"{counts[state]} {state}" for state in _ORDER if counts.get(state))


class View(Protocol):
    """Where batches are shown."""

    is_live: bool
    """Whether it is worth while to look at single calls."""

    def draw(self, batches: Sequence[Item], calls: Sequence[Item]) -> None:
        """Show how they stand now."""
        ...


@contextmanager
def open_view() -> Iterator[View]:
    """What fits stderr: a table on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:
        yield _Table(live)


class _Lines:
    """A line for each batch that has changed, but not too often."""

    is_live = False

    def __init__(self) -> None:
        self._told: dict[int, tuple[float, str]] = {}

    def draw(self, batches: Sequence[Item], calls: Sequence[Item]) -> None:
        now = time.monotonic()
        for batch in batches:
            told_at, told = self._told.get(batch["id"], (0.0, ""))
            text = _line(batch)
            if text != told and (batch["is_over"] or now - told_at >= LINE_EVERY_S):
                tell(text)
                self._told[batch["id"]] = (now, text)


class _Table:
    """All batches as a table with bars, and the calls below."""

    is_live = True

    def __init__(self, live: "Live") -> None:
        self._live = live

    def draw(self, batches: Sequence[Item], calls: Sequence[Item]) -> None:
        self._live.update(picture(batches, calls), refresh=True)


def picture(batches: Sequence[Item], calls: Sequence[Item]) -> "RenderableType":
    """The batches with a bar each, and their calls if there are few."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    overview = Table("batch", "over", "", "", box=None, padding=(0, 2, 0, 0))
    for batch in batches:
        over = _over(batch)
        bar = ProgressBar(total=max(batch["calls"], 1), completed=over, width=BAR_WIDTH)
        overview.add_row(str(batch["id"]), f"{over}/{batch['calls']}", bar, _standing(batch))
    if not calls:
        return overview
    table = Table("call", "number", "state", "tries", "latest", box=None, padding=(0, 2, 0, 0))
    for call in reversed(calls):
        table.add_row(
            str(call["id"]),
            call["number"],
            Text(call["state"], style=_STYLES.get(call["state"], "dim")),
            f"{call['attempts']}/{call['max_attempts']}",
            str(call["last_outcome"] or "").replace("_", " "),
        )
    return Group(overview, "", table)


def _line(batch: Item) -> str:
    if batch["state"] == "loading":
        return f"batch {batch['id']}: loading, {batch['calls']} calls stored"
    return f"batch {batch['id']}: {_over(batch)} of {batch['calls']} over; {_standing(batch)}"


def _standing(batch: Item) -> str:
    words = [describe_counts(batch["counts"]) or batch["state"]]
    if batch["paused_at"] and not batch["is_over"]:
        words.append("paused")
    return "; ".join([*words, *_foretold(batch.get("forecast"))])


def _foretold(forecast: Item | None) -> Iterator[str]:
    if forecast is None or forecast["ends_at"] is None:
        return
    yield f"over about {clock_time(forecast['ends_at'])}"
    if forecast["will_not_fit"]:
        yield f"{counted(forecast['will_not_fit'], 'call')} will not fit"
    for rule in forecast["assumes"]:
        yield f"held by {rule}"


def _over(batch: Item) -> int:
    return sum(count for state, count in batch["counts"].items() if state in FINAL_STATES)
