"""How the running half of a server stands at this moment, for whoever explains it.

Read-only: what is in flight and when the next call may start live in its memory, not in the
database. A picture is taken in the event loop and may then be looked at anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from callwright.domain.limits import Limited
from callwright.domain.pace import LimitStanding, ServerStanding, TrunkStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingPicture:
    """How everything stood when it was taken."""

    server: ServerStanding
    trunks: Mapping[str, TrunkStanding] = field(default_factory=dict)
    """By each name under which calls wait for one."""
    limited: Mapping[Limited, LimitStanding] = field(default_factory=dict)
    """Those who have limits, or calls under way."""


class PacingView(Protocol):
    """The running half of a server."""

    def picture(self) -> PacingPicture: ...


class _NothingRuns:
    def picture(self) -> PacingPicture:
        return PacingPicture(server=ServerStanding(not_dialling_because="its loops do not run"))


NOTHING_RUNS: PacingView = _NothingRuns()
"""For an API without the half that dials."""
