"""What a call asks for when something happened to it, and what an endpoint asks of a call.

Calls return actions; the endpoint sends what is to be sent and hands the rest to the leg.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from callwright.telephony.sip.dialog import Dialog
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipRequest, SipResponse
from callwright.telephony.sip.sdp import MediaAnswer


class Send(msgspec.Struct, frozen=True, gc=False):
    """Put these bytes on the wire to this address."""

    data: bytes
    to: Address


class TargetFailed(msgspec.Struct, frozen=True, gc=False):
    """Nobody was there to take the INVITE, or it was not taken by whoever is there."""

    target: Address
    why: str
    retry_after_s: float = 0.0
    is_there: bool = False
    """It answered, if only to refuse."""
    is_silent: bool = False
    """Nothing came at all, neither an answer nor news that nobody listens there."""


class MovedOn(msgspec.Struct, frozen=True, gc=False):
    """The INVITE failed where nobody can have been rung for it, and goes elsewhere."""

    target: Address
    number: int
    """How many targets that makes."""


class Registered(msgspec.Struct, frozen=True, gc=False):
    """The trunk knows where to find us, for so long."""

    expires_s: float


class NotRegistered(msgspec.Struct, frozen=True, gc=False):
    """The trunk did not take our registration, or an earlier one has run out meanwhile; it is
    tried again in so many seconds."""

    why: str
    again_in_s: float


class Rang(msgspec.Struct, frozen=True, gc=False):
    """The first 18x came."""

    code: int
    to_tag: str = ""


class EarlyMedia(msgspec.Struct, frozen=True, gc=False):
    """An 18x described audio: there may be something to hear before the answer."""

    sdp: bytes


class Answered(msgspec.Struct, frozen=True):
    """The first 2xx came and was acknowledged. `sdp` is b"" if no answer ever came."""

    dialog: Dialog
    sdp: bytes


class Renegotiated(msgspec.Struct, frozen=True, gc=False):
    """The other end moved its audio by re-INVITE or UPDATE, and we agreed."""

    media: MediaAnswer


class KeyedByInfo(msgspec.Struct, frozen=True, gc=False):
    """The other end pressed a key and said so by SIP INFO."""

    digit: str


class How(StrEnum):
    """How a call came to its end, as SIP saw it."""

    REFUSED = "refused"  # a final answer of 300 or more
    NO_REPLY = "no reply"  # timer B
    NOT_LISTENING = "not listening"  # the network says that nobody listens there
    RING_TIMEOUT = "ring timeout"  # nobody answered in time, and we cancelled
    HUNG_UP_RINGING = "hung up ringing"  # we were told to hang up before the answer
    HUNG_UP_TALKING = "hung up talking"  # we said goodbye
    MAX_LENGTH = "max length"  # we ended it because it took too long
    SESSION_LOST = "session lost"  # the other end did not confirm that it is still there
    PEER_HUNG_UP = "peer hung up"
    BROKEN = "broken"  # a fault in this program ended it; it is in the log


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The call is over. Said exactly once; repeats and stragglers are still answered."""

    how: How
    code: int = 0
    """The final SIP code of the INVITE, 0 if there was none."""
    phrase: str = ""
    """What came with the code; where nobody was reached, why, if more is known than that."""
    q850: int = 0
    """The cause of a `Reason: Q.850` header, 0 if there was none."""
    retry_after_s: float = 0.0


Action = (
    Send
    | TargetFailed
    | MovedOn
    | Registered
    | NotRegistered
    | Rang
    | EarlyMedia
    | Answered
    | Renegotiated
    | KeyedByInfo
    | Ended
)


class SipCall(Protocol):
    """What an endpoint carries: `OutgoingCall`, or the remains of one in `orphan`."""

    wakes_at: float

    @property
    def call_id(self) -> str:
        """By which its messages are known."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether it may be forgotten."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether `Ended` was said."""
        ...

    def on_response(self, response: SipResponse, now: float) -> list[Action]:
        """A response came."""
        ...

    def on_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """A request came."""
        ...

    def on_not_listening(self, now: float, branch: str = "", why: str = "") -> list[Action]:
        """What it sent under that branch, "" = last, found nobody. `why` for people, "" = that."""
        ...

    def on_connection_lost(self, now: float, to: Address) -> list[Action]:
        """What it sent there may have been heard, or not; nothing more comes this way."""
        ...

    def on_timer(self, now: float) -> list[Action]:
        """`wakes_at` has come."""
        ...

    def hang_up(self, now: float) -> list[Action]:
        """It is not wanted any more."""
        ...
