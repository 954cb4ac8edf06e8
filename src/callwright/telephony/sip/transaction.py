"""Client transactions of RFC 3261, as pure machines.

A machine is told what came and what time it is; it says what to send and whether its user
should hear of it. `wakes_at` is its timer as a value: call `on_timer` once that monotonic
time has come. What a response means for the call is the business of `call`; a 2xx to
INVITE ends the transaction here and its ACK is the dialog's.

By a connection nothing is repeated, and nothing repeated is waited for: timers A and E do not
run, D and K are zero.

Source: RFC 3261, section 17.1 and table 4 (timers A, B, D, E, F, K).
"""

from collections.abc import Callable
from enum import Enum, auto
from math import inf

from callwright.telephony.sip.fields import Address, StreamAddress
from callwright.telephony.sip.requests import CallSetup, ack_to_failure

T1_S = 0.5
T2_S = 4.0
T4_S = 5.0
GIVE_UP_S = 64 * T1_S
"""Timers B and F, and how long a repeated 2xx may still arrive."""
TIMER_D_S = 32.0


class Phase(Enum):
    """Where a client transaction stands; the names are RFC 3261's."""

    CALLING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    TERMINATED = auto()


class InviteTransaction:
    """One INVITE: repeated until anything is heard (A), given up after 32 s (B), and every
    non-2xx answer acknowledged as often as it comes (D).

    One inside a dialog goes `to` another place than its call's first, and `make_ack` makes its
    ACKs from the To value of what they acknowledge.
    """

    __slots__ = (
        "_ack",
        "_expires_at",
        "_interval",
        "_make_ack",
        "branch",
        "cseq",
        "data",
        "phase",
        "setup",
        "to",
        "wakes_at",
        "was_said_again",
    )

    def __init__(
        self,
        setup: CallSetup,
        *,
        data: bytes,
        branch: str,
        cseq: int,
        to: Address | None = None,
        make_ack: Callable[[str], bytes] | None = None,
    ) -> None:
        self.setup = setup
        self.to = setup.target if to is None else to
        self._make_ack = make_ack
        self.data = data
        self.branch = branch
        self.cseq = cseq
        self.phase = Phase.CALLING
        self.wakes_at = inf
        self._interval = T1_S
        self._expires_at = inf
        self._ack = b""
        self.was_said_again = False
        """Whoever was asked first may have heard it, and be ringing somebody."""

    def start(self, now: float) -> bytes:
        """The INVITE to send now; starts timers A and B."""
        self._expires_at = now + GIVE_UP_S
        self.wakes_at = self._expires_at if type(self.to) is StreamAddress else now + T1_S
        return self.data

    def on_response(self, status: int, to: str, now: float) -> tuple[bytes, bool]:
        """What to send (b"" = nothing), and whether the call should hear this response.

        `to` is the response's To value: the ACK repeats it.
        """
        if self.phase is Phase.TERMINATED:
            return b"", False
        if self.phase is Phase.COMPLETED:
            return (self._ack if status >= 300 else b""), False
        if status < 200:
            self.phase = Phase.PROCEEDING
            self.wakes_at = inf
            return b"", True
        if status < 300:
            self._end()
            return b"", True
        self.phase = Phase.COMPLETED
        self.wakes_at = now + TIMER_D_S
        self.data = b""
        self._ack = (
            ack_to_failure(self.setup, branch=self.branch, cseq=self.cseq, to=to)
            if self._make_ack is None
            else self._make_ack(to)
        )
        if type(self.to) is StreamAddress:
            self._end()
        return self._ack, True

    def on_timer(self, now: float) -> tuple[bytes, bool]:
        """What to send again (b"" = nothing), and whether the INVITE has been given up."""
        if now < self.wakes_at:
            return b"", False
        if self.phase is not Phase.CALLING:
            self._end()
            return b"", False
        if now >= self._expires_at:
            self._end()
            return b"", True
        self._interval *= 2
        self.wakes_at = min(now + self._interval, self._expires_at)
        return self.data, False

    def say_again(self) -> bytes:
        """The INVITE once more, under the same branch and so as a repeat, if nothing was heard
        of it; b"" = something was, or this was done before."""
        if self.phase is not Phase.CALLING or self.was_said_again:
            return b""
        self.was_said_again = True
        return self.data

    def hush(self) -> None:
        """Send no more INVITEs, but go on listening until timer B: nobody wants it answered."""
        if self.phase is Phase.CALLING:
            self.data = b""
            self.wakes_at = self._expires_at

    def give_up(self) -> None:
        """Nothing more is expected: an answer came on another branch, or nobody listens."""
        if self.phase in (Phase.CALLING, Phase.PROCEEDING):
            self._end()

    def _end(self) -> None:
        self.phase = Phase.TERMINATED
        self.wakes_at = inf
        self.data = b""


class RequestTransaction:
    """One request that is not INVITE or ACK: repeated (E), given up after 32 s (F)."""

    __slots__ = (
        "_again",
        "_expires_at",
        "_interval",
        "branch",
        "cseq",
        "data",
        "method",
        "phase",
        "to",
        "wakes_at",
    )

    def __init__(self, *, method: str, data: bytes, branch: str, cseq: int, to: Address) -> None:
        self.method = method
        self.data = data
        self._again = data
        self.branch = branch
        self.cseq = cseq
        self.to = to
        self.phase = Phase.CALLING
        self.wakes_at = inf
        self._interval = T1_S
        self._expires_at = inf

    def start(self, now: float) -> bytes:
        """The request to send now; starts timers E and F."""
        self._expires_at = now + GIVE_UP_S
        self.wakes_at = self._expires_at if type(self.to) is StreamAddress else now + T1_S
        return self.data

    def on_response(self, status: int, now: float) -> bool:
        """Whether this is the first final response. Repeats are swallowed for 5 s (K)."""
        if self.phase in (Phase.COMPLETED, Phase.TERMINATED):
            return False
        if status < 200:
            self.phase = Phase.PROCEEDING
            return False
        self.phase = Phase.COMPLETED
        self.wakes_at = now + T4_S
        self.data = self._again = b""
        if type(self.to) is StreamAddress:
            self.stop()
        return True

    def on_timer(self, now: float) -> tuple[bytes, bool]:
        """What to send again (b"" = nothing), and whether the request has been given up."""
        if now < self.wakes_at:
            return b"", False
        if self.phase is Phase.COMPLETED:
            self.stop()
            return b"", False
        if now >= self._expires_at:
            self.stop()
            return b"", True
        self._interval = T2_S if self.phase is Phase.PROCEEDING else min(self._interval * 2, T2_S)
        self.wakes_at = min(now + self._interval, self._expires_at)
        return self.data, False

    def say_again(self) -> bytes:
        """The request once more, unless it was answered; b"" = it was, or this was done before."""
        data, self._again = self._again, b""
        return data if self.phase in (Phase.CALLING, Phase.PROCEEDING) else b""

    def stop(self) -> None:
        """Forget it: nothing is sent any more."""
        self.phase = Phase.TERMINATED
        self.wakes_at = inf
        self.data = b""
