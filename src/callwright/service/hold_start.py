"""Whether a start may dial, or has to be held because the store may be older than the world.

From an old copy of the store, everything would be dialled again that was dialled since it was
made. Nobody but a person can tell whether that is wanted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callwright.ports.start import Held, ServerMark
from callwright.ports.store import WriteTx


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRules:
    """When a start without a heartbeat for long is held."""

    after: timedelta = timedelta(minutes=15)
    more_than: int = 100
    """Calls that are due."""


def begin_start(
    tx: WriteTx, noted: int | None, note_name: str, now: datetime, rules: HoldRules, *, resume: bool
) -> tuple[int, Held | None]:
    """The generation of this start, to be noted outside, and whether it is held.

    `noted` is what stood outside the store, None = nothing; `resume` lifts any hold.
    """
    mark = tx.server_mark()
    generation = tx.next_generation(now, above=noted or 0)
    if resume:
        tx.end_hold()
        return generation, None
    if mark.held is not None:
        return generation, mark.held
    because = _doubt(tx, mark, noted, note_name, now, rules)
    if not because:
        return generation, None
    held = Held(at=now, because=because)
    tx.hold(held)
    return generation, held


def _doubt(
    tx: WriteTx,
    mark: ServerMark,
    noted: int | None,
    note_name: str,
    now: datetime,
    rules: HoldRules,
) -> str:
    """Why the store may be an old copy; "" = it is not, or nothing hangs on it."""
    counts = tx.queue_counts()
    if not counts.waiting + counts.active:
        return ""
    if noted is not None and noted > mark.generation:
        return (
            f"the store is an older copy: it counts {mark.generation} heartbeats, and {note_name} "
            f"says {noted}; what was dialled in between would be dialled again"
        )
    # A first start may have died between its commit and its note.
    if noted is None and mark.generation > 1:
        return (
            f"a server ran on this store before, and {note_name} is missing: it may be a copy of a "
            "store that lives elsewhere, or an older one"
        )
    if mark.beat_at is None or abs(now - mark.beat_at) <= rules.after:
        return ""
    due = tx.count_due_calls(now, rules.more_than + 1)
    if due <= rules.more_than:
        return ""
    ago = now - mark.beat_at
    when = f"{ago} ago" if ago > timedelta(0) else f"{-ago} ahead of this clock"
    return (
        f"the last heartbeat of a server was {when}, and more than {rules.more_than} calls are due "
        "at once: the store may be an old copy, or the calls may come too late"
    )
