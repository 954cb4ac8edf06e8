"""How those stand who let calls go: the server, its trunks, and whoever is limited.

Values that the running half tells of itself, and what follows from them: how many calls a
second can start at most. Pure: spans count from the moment at which they were told.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from callwright.domain.limits import Limited, Limits
from callwright.domain.trunk_health import UNKNOWN, TrunkHealth

ENOUGH = 20
"""Attempts that must have ended before what they came to says anything of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What attempts came to so far."""

    attempts: int = 0
    """How many that was; 0 = nothing was measured, and the rest is what is assumed."""
    mean_s: float = 30.0
    """How long each kept its place on the trunk, from the INVITE to the end."""
    done_share: float = 0.5
    """After how many of them, 0 to 1, no further attempt was wanted: mostly, because somebody
    answered."""

    @property
    def is_enough(self) -> bool:
        return self.attempts >= ENOUGH


ASSUMED = Measured()
"""Half a minute for each attempt, and every other one answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStanding:
    """Whether the server dials at all."""

    not_dialling_because: str = ""
    """"" = it does, or would if it were not held."""
    held_at: datetime | None = None
    """Since when a start waits for a person."""
    held_because: str = ""
    lines: int = 0
    """Line processes that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkStanding:
    """What a trunk lets go."""

    name: str
    names: tuple[str, ...]
    """Those under which calls wait for it."""
    calls_per_second: float
    """When nothing is wrong with it."""
    share: float = 1.0
    """How much of that it gets while it recovers from an outage."""
    max_calls: int
    in_flight: int = 0
    retries_first: bool = True
    wait_s: float = 0.0
    """Until the rate lets another call start."""
    closed_for_s: float = 0.0
    """For how long nothing starts, as it asked (Retry-After) or because it refuses us."""
    probe_in_s: float | None = None
    """It failed several times in a row and is probed, next in so many seconds; None = it works."""
    measured: Measured = field(default=ASSUMED)
    health: TrunkHealth = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStanding:
    """How an account, a deployment or a batch stands with its limits."""

    limited: Limited
    limits: Limits
    in_flight: int = 0
    wait_s: float = 0.0

    @property
    def is_full(self) -> bool:
        """As many calls as may be are under way."""
        return self.limits.max_calls is not None and self.in_flight >= self.limits.max_calls

    @property
    def has_room(self) -> bool:
        return not self.is_full and not self.wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """One of the limits that hold for a call, and what they leave at this moment."""

    limits: Limits
    in_flight: int

    def seconds_for(self, count: float, measured: Measured) -> float:
        seconds = 0.0
        if self.limits.calls_per_second is not None:
            seconds = count / self.limits.calls_per_second
        if self.limits.max_calls is not None:
            # Free places are taken at once; from then on each start waits for an end.
            waiting = count - max(0, self.limits.max_calls - self.in_flight)
            seconds = max(seconds, waiting * measured.mean_s / self.limits.max_calls)
        return seconds


def seconds_to_start(
    count: float, trunk: TrunkStanding, standings: Iterable[LimitStanding], measured: Measured
) -> float:
    """How long it takes to start so many calls, as the rates allow, and the places, each of
    which is taken for as long as was measured."""
    limits = Limits(calls_per_second=trunk.calls_per_second, max_calls=trunk.max_calls)
    bounds = [
        _Bound(limits=limits, in_flight=trunk.in_flight),
        *(_Bound(limits=each.limits, in_flight=each.in_flight) for each in standings),
    ]
    return max(bound.seconds_for(count, measured) for bound in bounds)
