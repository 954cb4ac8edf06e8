"""`/v1/trunks`: what each trunk may do at this moment, how it stands, and changing its limits."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from callwright.domain import limits, trunk_health
from callwright.errors import NotFound
from callwright.service.limit_calls import change_trunk_limits
from callwright.web.native.desk import Controller, Desk, Reader, answer
from callwright.web.native.models.limits import (
    TrunkLimits,
    TrunkLimitsChange,
    trunk_limits_of,
)
from callwright.web.native.models.trunks import Trunk, Trunks, trunk_of
from callwright.web.native.wire import PREFIX

router = APIRouter(prefix=PREFIX, tags=["Limits"])

TrunkName = Annotated[str, Path(max_length=200, description="As the settings call it")]


@router.get("/trunks", response_model=Trunks, summary="Show every trunk and its limits")
async def show_all(desk: Reader) -> Response:
    """Also whether its servers answer and we are registered, as the line processes find it."""
    changed = await desk.read(lambda tx: tx.trunk_limits())
    names = desk.parts.config.trunks_in_use
    told = [_trunk(desk, name, changed.get(name, limits.UNLIMITED)) for name in names]
    return desk.show(Trunks(items=told))


@router.get(
    "/trunks/{trunk}/limits", response_model=TrunkLimits, summary="Show the limits of a trunk"
)
async def show(trunk: TrunkName, desk: Reader) -> Response:
    _must_exist(desk, trunk)
    changed = await desk.read(lambda tx: tx.trunk_limits())
    return desk.show(_told(desk, trunk, changed.get(trunk, limits.UNLIMITED)))


@router.patch("/trunks/{trunk}/limits", response_model=TrunkLimits, summary="Limit a trunk")
async def change(trunk: TrunkName, order: TrunkLimitsChange, desk: Controller) -> Response:
    """For admins of the server's own account. Holds by the time of the answer, on the wire too,
    and across restarts. Nobody is hung up; what waits goes out as there is room."""
    _must_exist(desk, trunk)
    changed = await desk.write(lambda tx: change_trunk_limits(tx, desk.user, trunk, order.of))
    await desk.parts.limits_changed()
    return answer(_told(desk, trunk, changed))


def _must_exist(desk: Desk, trunk: str) -> None:
    if trunk not in desk.parts.config.trunks_in_use:
        raise NotFound("trunk")


def _trunk(desk: Desk, trunk: str, changed: limits.Limits) -> Trunk:
    standing = desk.parts.pacing.picture().trunks.get(trunk)
    return trunk_of(
        _told(desk, trunk, changed), trunk_health.UNKNOWN if standing is None else standing.health
    )


def _told(desk: Desk, trunk: str, changed: limits.Limits) -> TrunkLimits:
    standing = desk.parts.pacing.picture().trunks.get(trunk)
    settings = desk.parts.config.trunks_in_use[trunk]
    return trunk_limits_of(
        trunk, changed, settings, in_flight=0 if standing is None else standing.in_flight
    )
