"""The called side of one INVITE: what is answered, repeated, and when repeating ends.

Pure, like the client's transactions. A final answer is repeated until its ACK comes, be it
a refusal (the transaction's timer G) or a 2xx (the user agent's own duty): both double from
T1 to T2 and give up after 64 T1, so one machine serves both.

Source: RFC 3261 sections 13.3.1.4 and 17.2.1 (timers G, H, I); RFC 6026 (timer L).
"""

from enum import Enum, auto
from math import inf

from callwright.telephony.sip.transaction import GIVE_UP_S, T1_S, T2_S, T4_S


class Phase(Enum):
    """Where it stands; the names are RFC 3261's, for a 2xx too."""

    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class InviteReply:
    """Our answers to one INVITE, whose repeats are told to `on_repeat`."""

    __slots__ = ("_expires_at", "_interval", "_last", "phase", "status", "wakes_at")

    def __init__(self) -> None:
        self.phase = Phase.PROCEEDING
        self.status = 0
        """Of the final answer; 0 = none yet."""
        self.wakes_at = inf
        self._last = b""
        self._interval = T1_S
        self._expires_at = inf

    def provisional(self, data: bytes) -> bytes:
        """A 1xx to send; repeated INVITEs get it again."""
        if self.phase is not Phase.PROCEEDING:
            return b""
        self._last = data
        return data

    def final(self, data: bytes, status: int, now: float) -> bytes:
        """The final answer to send; b"" if one has been sent already."""
        if self.phase is not Phase.PROCEEDING:
            return b""
        self.phase = Phase.COMPLETED
        self.status = status
        self._last = data
        self.wakes_at = now + T1_S
        self._expires_at = now + GIVE_UP_S
        return data

    def on_repeat(self) -> bytes:
        """What a repeated INVITE gets; b"" = nothing (not answered yet, or acknowledged)."""
        return self._last if self.phase in (Phase.PROCEEDING, Phase.COMPLETED) else b""

    def on_ack(self, now: float) -> bool:
        """Whether this is the first ACK of the final answer."""
        if self.phase is not Phase.COMPLETED:
            return False
        self.phase = Phase.CONFIRMED
        self.wakes_at = now + T4_S
        return True

    def on_timer(self, now: float) -> tuple[bytes, bool]:
        """What to send again (b"" = nothing), and whether the ACK has been given up."""
        if now < self.wakes_at:
            return b"", False
        if self.phase is not Phase.COMPLETED or now >= self._expires_at:
            gave_up = self.phase is Phase.COMPLETED
            self.phase = Phase.TERMINATED
            self.wakes_at = inf
            return b"", gave_up
        self._interval = min(self._interval * 2, T2_S)
        self.wakes_at = min(now + self._interval, self._expires_at)
        return self._last, False
