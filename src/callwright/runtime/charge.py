"""An attempt of which this process is in charge, from its commit to its end on disk."""

from dataclasses import dataclass, field

from callwright.domain.ids import AccountId
from callwright.domain.limits import Limited
from callwright.domain.phone import PhoneNumber
from callwright.ports.motion import Hold
from callwright.runtime.leg_times import LegTimes


@dataclass(slots=True)
class Charge:
    """Where it stands."""

    hold: Hold
    trunk: str
    number: PhoneNumber
    limited_by: tuple[Limited, ...]
    placed_at: float
    """Monotonic."""
    overdue_at: float
    """Monotonic: by then its line must have said that it ended."""
    times: LegTimes = field(default_factory=LegTimes)
    has_left: bool = False
    """Its line has said that the INVITE left, or anything that comes after."""
    is_over: bool = False
    """Its end is known, and on its way to the disk."""

    @property
    def name(self) -> str:
        return f"{self.hold.call_id}.{self.hold.attempt}"

    @property
    def account_id(self) -> AccountId:
        return AccountId(self.limited_by[0].id)
