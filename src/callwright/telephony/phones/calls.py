"""What the phones remember: one record a call, and what happened on it as it happens."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(kw_only=True, slots=True)
class PhoneCall:
    """One call as the called phone saw it; grows while the call lasts."""

    number: str
    """What was dialled."""
    caller: str
    """The user of the From; "anonymous" and the like as they came."""
    call_id: str
    began_at: datetime
    behaviour: str
    """Which behaviour the number stood for, by name."""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    digits: str = ""
    """Keys heard from the caller."""
    keyed: str = ""
    """Keys this phone pressed."""
    prompts: int = 0
    """How many prompts were heard to their end."""
    heard_s: float = 0.0
    """How long something was audible."""
    lost_packets: int = 0
    code: int = 0
    """The final SIP code of our answer."""
    ending: str = ""
    """How it ended, e.g. `caller hung up`; "" while it lasts."""


class PhoneEvent(NamedTuple):
    """Something happened on a call.

    `kind` is one of `called`, `challenged`, `ringing`, `answered`, `digit`, `prompt`,
    `keyed`, `beeped`, `ended`; `detail` says which digit, what was keyed, or how it ended.
    """

    kind: str
    call: PhoneCall
    detail: str = ""
