"""Trunks: what each may do at this moment, and how it stands."""

from datetime import datetime

from pydantic import BaseModel, Field

from callwright.domain.trunk_health import (
    LookupHealth,
    RegistrationHealth,
    ServerHealth,
    TrunkHealth,
    TrunkState,
)
from callwright.web.native.models.limits import TrunkLimits


class TrunkServer(BaseModel):
    """One server of a trunk, as the line process finds it that finds it worst."""

    address: str = Field(
        description="`host:port`, then `;transport=tcp` or `;transport=tls` if not by UDP"
    )
    is_up: bool = Field(description="As far as is known")
    since: datetime = Field(description="When it came to be so, or was first heard of")
    last_error: str | None = Field(description="Why it is not up")
    next_probe_at: datetime | None = Field(
        description="When it is asked next whether it works again; null: it works"
    )


class TrunkRegistration(BaseModel):
    """Our registration, as the line process finds it that finds it worst."""

    is_registered: bool
    expires_at: datetime | None = Field(
        description="When it runs out unless it is renewed, or ran out; null: there was none"
    )
    last_error: str | None = Field(description="Why it was refused last")
    next_try_at: datetime | None = Field(
        description="When it is tried again; null: it was not refused"
    )


class TrunkLookup(BaseModel):
    """A lookup of its servers that failed. What an earlier one found is still used."""

    last_error: str
    next_try_at: datetime


class Trunk(TrunkLimits):
    """A trunk."""

    state: TrunkState = Field(
        description="`degraded`: calls go, but not all of it works; `down`: no call has a chance,"
        " and calls wait; `unknown`: nothing has been told of it, and calls go"
    )
    servers: list[TrunkServer]
    registration: TrunkRegistration | None = Field(description="null: it wants none")
    lookup: TrunkLookup | None = Field(description="null: it did not fail")


class Trunks(BaseModel):
    """All trunks, in the order of the settings: the first is everybody's who names none."""

    items: list[Trunk]


def trunk_of(may: TrunkLimits, health: TrunkHealth) -> Trunk:
    wanted, lookup = health.registration, health.lookup
    return Trunk(
        **dict(may),
        state=health.state,
        servers=[_server(each) for each in health.servers],
        registration=None if wanted is None else _registration(wanted),
        lookup=None if lookup is None else _lookup(lookup),
    )


def _server(server: ServerHealth) -> TrunkServer:
    return TrunkServer(
        address=server.address,
        is_up=server.is_up,
        since=server.since,
        last_error=server.why or None,
        next_probe_at=server.probe_at,
    )


def _lookup(lookup: LookupHealth) -> TrunkLookup:
    return TrunkLookup(last_error=lookup.why, next_try_at=lookup.again_at)


def _registration(registration: RegistrationHealth) -> TrunkRegistration:
    return TrunkRegistration(
        is_registered=registration.is_registered,
        expires_at=registration.until,
        last_error=registration.why or None,
        next_try_at=registration.again_at,
    )
