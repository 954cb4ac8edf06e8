"""The SIP messages of a call, as they are told."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field

from callwright.ports.control import AttemptFacts
from callwright.ports.sip_messages import SipMessageSeen
from callwright.web.native.wire import Told


class SipMessage(BaseModel):
    """One message as it went over the wire."""

    at: Told
    attempt: int
    direction: Literal["sent", "received"]
    source: str = Field(description="host:port")
    target: str
    text: str = Field(description="With answers to challenges, media keys and digits masked")


class SipLadder(BaseModel):
    """What a call's attempts and their trunks said to each other, oldest first."""

    call_id: int
    messages: list[SipMessage] = Field(
        description="Empty when none was sent, or none is kept any more: see lines.keep_sip"
    )


def ladder_of(
    call_id: int, attempts: Sequence[AttemptFacts], seen: Sequence[SipMessageSeen]
) -> SipLadder:
    """`seen` with the attempts it belongs to."""
    by_sip_id = {attempt.sip_call_id: attempt for attempt in attempts}
    messages = []
    for message in seen:
        attempt = by_sip_id[message.sip_call_id]
        messages.append(
            SipMessage(
                at=datetime.fromtimestamp(message.at, UTC),
                attempt=attempt.number,
                direction="sent" if message.source == attempt.local_address else "received",
                source=message.source,
                target=message.target,
                text=message.data.decode("utf-8", "replace"),
            )
        )
    return SipLadder(call_id=call_id, messages=messages)
