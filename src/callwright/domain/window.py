"""When a call may be dialled: from `opens_at` on, and never at or after `closes_at`."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Half open: an attempt may start at `opens_at`, none at `closes_at` (None = never shuts)."""

    opens_at: datetime
    closes_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.closes_at is not None and self.closes_at <= self.opens_at:
            raise ValueError(f"window closes at {self.closes_at}, not after {self.opens_at}")

    def is_open(self, now: datetime) -> bool:
        """Whether an attempt may start this very moment."""
        return now >= self.opens_at and not self.is_over(now)

    def is_over(self, now: datetime) -> bool:
        """Whether no attempt may start any more."""
        return self.closes_at is not None and now >= self.closes_at
