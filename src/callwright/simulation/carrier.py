"""The simulated network: legs as it saw them, whoever sent them and whatever became of him.

It outlives every death of the server, and its log is what an oracle judges by. A leg whose
server died goes on ringing or talking until it ends by itself or is hung up.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from callwright.domain.outcome import Outcome
from callwright.simulation.callees import Callees, Fate
from callwright.simulation.faults import Outage, Trouble
from callwright.simulation.history import History

REFUSED_S = 0.1
NO_REPLY_S = 32.0
"""64 * T1: how long an INVITE is sent again before nobody is taken to be there."""


@dataclass(slots=True, kw_only=True)
class CarrierLeg:
    """One INVITE, with all that the network saw of it. Seconds are true ones."""

    sip_call_id: str
    number: str
    life: int
    """Which life of the server sent it."""
    invited_s: float
    invited_at: datetime
    """The same moment on the server's wall clock."""
    fate: Fate
    answered_s: float | None = None
    ended_s: float | None = None
    left_s: float | None = None
    """When the line that placed it was gone; the brain hears no more of it."""
    opted_out_s: float | None = None
    """When the callee pressed the key for no more calls."""
    hung_up: bool = False
    """The server's side ended it."""

    @property
    def attempt(self) -> tuple[int, int]:
        """Call and attempt, as the Call-ID on the wire names them."""
        _, call, attempt = self.sip_call_id.rsplit("-", 2)
        return int(call), int(attempt)

    @property
    def burns_no_attempt(self) -> bool:
        """The trunk refused or kept silent before anything rang."""
        return self.fate.outcome is Outcome.TRUNK_TROUBLE

    def is_over(self, now_s: float) -> bool:
        return self.ended_s is not None and self.ended_s <= now_s


class Carrier:
    """Takes INVITEs, and remembers."""

    def __init__(
        self,
        callees: Callees,
        history: History,
        outages: Sequence[Outage] = (),
        *,
        on_invite: Callable[[CarrierLeg], None] | None = None,
    ) -> None:
        """`on_invite` is told of each leg, which is then not kept in `legs`."""
        self.legs: list[CarrierLeg] = []
        self._note = on_invite or self.legs.append
        self._open: dict[str, CarrierLeg] = {}
        self._callees = callees
        self._history = history
        self._outages = outages
        self._times_called: defaultdict[str, int] = defaultdict(int)

    def invite(
        self,
        *,
        sip_call_id: str,
        number: str,
        ring_timeout_s: float,
        max_length_s: float,
        life: int,
        now_s: float,
        now_at: datetime,
    ) -> CarrierLeg:
        """A new leg; its ends are set, for the case that nobody is there to hear of them."""
        fate = self._fate(number, ring_timeout_s, now_s)
        leg = CarrierLeg(
            sip_call_id=sip_call_id,
            number=number,
            life=life,
            invited_s=now_s,
            invited_at=now_at,
            fate=fate,
        )
        leg.ended_s = now_s + fate.rings_s
        if fate.outcome is Outcome.ANSWERED:
            leg.answered_s = leg.ended_s
            leg.ended_s += min(fate.talks_s, max_length_s)
        self._note(leg)
        self._open[sip_call_id] = leg
        call, attempt = leg.attempt
        self._history.add(now_s, "invite", call, attempt, number, fate.outcome.value)
        return leg

    def hang_up(self, leg: CarrierLeg, now_s: float) -> None:
        """CANCEL or BYE arrived."""
        if leg.is_over(now_s):
            return
        leg.hung_up = True
        leg.ended_s = now_s
        if leg.answered_s is not None and leg.answered_s > now_s:
            leg.answered_s = None
        self._history.add(now_s, "hang up", *leg.attempt)

    def find_open(self, sip_call_id: str, now_s: float) -> CarrierLeg | None:
        """The leg of that name, if it still rings or talks."""
        leg = self._open.get(sip_call_id)
        return None if leg is None or leg.is_over(now_s) else leg

    def forget(self, leg: CarrierLeg) -> None:
        """The leg is over for both sides; it stays in the log."""
        self._open.pop(leg.sip_call_id, None)

    def _fate(self, number: str, ring_timeout_s: float, now_s: float) -> Fate:
        for outage in self._outages:
            if outage.start_s <= now_s < outage.end_s:
                refuses = outage.trouble is Trouble.REFUSES
                silent = outage.trouble is Trouble.SILENT
                return Fate(
                    outcome=Outcome.TRUNK_TROUBLE,
                    sip_code=503 if refuses else 0,
                    rings_s=NO_REPLY_S if silent else REFUSED_S,
                    rings=False,
                    retry_after_s=outage.retry_after_s if refuses else 0.0,
                )
        self._times_called[number] += 1
        return self._callees.fate(number, self._times_called[number], ring_timeout_s)
