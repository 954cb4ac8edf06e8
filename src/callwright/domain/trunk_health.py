"""Whether a trunk can be called through, as far as its servers and our registration tell.

Several line processes use a trunk and need not find it the same: what is shown of a server, or
of the registration, is what the one says that finds it worst; calls go wherever one can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TrunkState(StrEnum):
    """A trunk in one word."""

    UP = "up"
    DEGRADED = "degraded"
    """Calls go, but not all of it works."""
    DOWN = "down"
    """No call has a chance: they wait."""
    UNKNOWN = "unknown"
    """Nobody has told anything of it; calls go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHealth:
    """One server of a trunk."""

    address: str
    """`host:port`, then `;transport=tcp` or `tls` if not by UDP."""
    since: datetime
    """When it came to be so, or was first heard of."""
    why: str = ""
    """It failed, and so; "" = it works as far as is known."""
    is_away: bool = False
    """It is certain that a call would find nobody there."""
    probe_at: datetime | None = None
    """When it is asked next whether it works; None = it works."""

    @property
    def is_up(self) -> bool:
        return not self.why


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationHealth:
    """Our registration at a trunk that wants one."""

    is_registered: bool
    until: datetime | None = None
    """When the last one runs out or ran out; None: there was none."""
    why: str = ""
    """It was refused last, and so."""
    again_at: datetime | None = None
    """When it is tried again; None: it is not refused, or is being tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupHealth:
    """A lookup of a trunk's servers that failed; what an earlier one found is still used."""

    why: str
    again_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkHealth:
    """How a trunk is found by the line processes that have told of it."""

    lines: int = 0
    """So many have."""
    lines_out: int = 0
    """So many of them find that no call has a chance."""
    is_out: bool = False
    """No line process has another finding: nothing is dialled."""
    servers: Sequence[ServerHealth] = ()
    registration: RegistrationHealth | None = None
    """None: it wants none."""
    lookup: LookupHealth | None = None
    """None: DNS said of all that was asked where they are."""

    @property
    def state(self) -> TrunkState:
        if not self.lines:
            return TrunkState.UNKNOWN
        if self.is_out:
            return TrunkState.DOWN
        is_whole = not self.lines_out and not self.has_failed
        return TrunkState.UP if is_whole else TrunkState.DEGRADED

    @property
    def problem(self) -> str:
        """Why no call has a chance, in a few words that name nobody; "" = some has."""
        if not self.is_out:
            return ""
        if self.are_servers_away:
            return "none of its servers answers"
        if not self.servers and self.lookup is not None:
            return "no server of it is known"
        return "we are not registered"

    @property
    def has_failed(self) -> bool:
        """Whether something of it failed; else what does not work has not been answered yet."""
        is_refused = self.registration is not None and bool(self.registration.why)
        is_whole = self.lookup is None and all(each.is_up for each in self.servers)
        return is_refused or not is_whole

    @property
    def are_servers_away(self) -> bool:
        """Whether a call would find nobody at any of them."""
        return bool(self.servers) and all(each.is_away for each in self.servers)


UNKNOWN = TrunkHealth()
