"""The recordings of a call, as they are told."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from callwright.ports.control import AttemptFacts
from callwright.ports.recordings import Recording
from callwright.web.native.wire import Told


class RecordingSummary(BaseModel):
    """One attempt's audio."""

    attempt: int
    ended_at: Told
    duration_s: float
    bytes: int


class CallRecordings(BaseModel):
    """What is kept of a call, oldest first."""

    call_id: int
    recordings: list[RecordingSummary] = Field(
        description="Empty when none was made, or none is kept any more: see"
        " lines.keep_recordings_for"
    )


def recordings_of(
    call_id: int, attempts: Sequence[AttemptFacts], kept: Sequence[Recording]
) -> CallRecordings:
    """`kept` with the attempts it belongs to."""
    numbers = {attempt.sip_call_id: attempt.number for attempt in attempts}
    return CallRecordings(
        call_id=call_id,
        recordings=[
            RecordingSummary(
                attempt=numbers[each.sip_call_id],
                ended_at=each.ended_at,
                duration_s=round(each.duration_s, 2),
                bytes=each.bytes,
            )
            for each in kept
        ],
    )
