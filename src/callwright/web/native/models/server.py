"""The server itself, as it is told."""

from enum import StrEnum

from pydantic import BaseModel, Field

from callwright.web.health import Vitals
from callwright.web.native.wire import Told


class ServerState(StrEnum):
    DIALLING = "dialling"
    HELD = "held"
    """Nothing is dialled since its start, until somebody resumes it."""
    DRAINING = "draining"
    """It finishes what it has and will stop."""


class ServerStanding(BaseModel):
    """Whether the server dials, and if not, why."""

    state: ServerState
    held_at: Told | None = Field(description="Since when nothing is dialled")
    held_because: str | None = Field(description="What to look into before it is resumed")


def server_standing(vitals: Vitals) -> ServerStanding:
    held = vitals.held()
    state = ServerState.DIALLING if held is None else ServerState.HELD
    return ServerStanding(
        state=ServerState.DRAINING if vitals.is_draining() else state,
        held_at=None if held is None else held.at,
        held_because=None if held is None else held.because,
    )
