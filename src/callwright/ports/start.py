"""What a start asks before it dials: how new the store is, and who ran on it last.

A store that was restored from a backup knows nothing of what was dialled since. So it counts
its heartbeats, and the count is noted outside of it as well: a store that is behind its note
is an older copy.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Nothing is dialled until a person says so."""

    at: datetime
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMark:
    """What the store remembers of the servers that ran on it."""

    generation: int
    """Starts and heartbeats so far; 0 = no server ever ran."""
    beat_at: datetime | None
    """The last of them."""
    held: Held | None


class StartQuestions(Protocol):
    def server_mark(self) -> ServerMark: ...

    def count_due_calls(self, now: datetime, most: int) -> int:
        """How many calls could be claimed now, or `most` if there are more."""
        ...


class StartChanges(Protocol):
    def next_generation(self, now: datetime, above: int = 0) -> int:
        """Count one start or heartbeat more; the count, which is above `above`."""
        ...

    def written_elsewhere(self) -> bool:
        """Whether another process has committed anything since this was asked last."""
        ...

    def hold(self, held: Held) -> None:
        """Let every start from now on be held, until `end_hold`."""
        ...

    def end_hold(self) -> None: ...


class OutsideNote(Protocol):
    """Where the generation is noted outside the store."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    async def read(self) -> int | None:
        """What was noted last; None: nothing that can be read."""
        ...

    async def write(self, generation: int) -> None:
        """Note a generation that is on the store's disk.

        Raises:
            OSError: it could not be noted.
        """
        ...
