"""`/why` of calls, batches and deployments: the rule that holds them, and when it lets go; and
`/forecast` of a batch."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import Response

from callwright.domain.ids import BatchId, CallId, DeploymentId
from callwright.ports.pacing_view import PacingPicture
from callwright.ports.store import ReadTx
from callwright.service.foretell_batch import foretell_batch
from callwright.service.why_waiting import Waits, why_batch, why_call, why_deployment
from callwright.web.native.desk import Desk, Reader
from callwright.web.native.models.forecast import Forecast, forecast_of
from callwright.web.native.models.why import Why, why_of
from callwright.web.native.wire import PREFIX, PathId

router = APIRouter(prefix=PREFIX, tags=["Why not yet"])


@router.get("/calls/{call_id}/why", response_model=Why, summary="Why a call is not dialled yet")
async def explain_call(call_id: PathId, desk: Reader) -> Response:
    """Every rule that holds the call, the one that does so for longest first, and the next
    moment it can go. Of a call that is over or in motion it says that."""
    user, now = desk.user, desk.now
    return await _show(desk, lambda tx, picture: why_call(tx, user, CallId(call_id), picture, now))


@router.get("/batches/{batch_id}/why", response_model=Why, summary="Why a batch does not go on yet")
async def explain_batch(batch_id: PathId, desk: Reader) -> Response:
    """What holds the call of the batch that goes next."""
    user, now = desk.user, desk.now
    return await _show(
        desk, lambda tx, picture: why_batch(tx, user, BatchId(batch_id), picture, now)
    )


@router.get(
    "/deployments/{deployment_id}/why",
    response_model=Why,
    summary="Why nothing of a deployment is dialled yet",
)
async def explain_deployment(deployment_id: PathId, desk: Reader) -> Response:
    """What holds the call that goes next of all that waits on the deployment."""
    user, now = desk.user, desk.now
    aim = DeploymentId(deployment_id)
    return await _show(desk, lambda tx, picture: why_deployment(tx, user, aim, picture, now))


@router.get(
    "/batches/{batch_id}/forecast", response_model=Forecast, summary="When a batch will be over"
)
async def forecast(batch_id: PathId, desk: Reader) -> Response:
    """When the batch will be over at the limits of this moment, after all that can go before
    it, and how many calls will not fit into their window. An estimate."""
    picture, user, now = desk.parts.pacing.picture(), desk.user, desk.now
    foretold = await desk.read(lambda tx: foretell_batch(tx, user, BatchId(batch_id), picture, now))
    return desk.show(forecast_of(foretold))


async def _show(desk: Desk, find: Callable[[ReadTx, PacingPicture], Waits]) -> Response:
    picture = desk.parts.pacing.picture()
    return desk.show(why_of(await desk.read(lambda tx: find(tx, picture))))
