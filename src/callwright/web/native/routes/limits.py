"""`/v1/limits` and `/limits` of deployments and batches: calls a second, calls at once."""

from fastapi import APIRouter
from starlette.responses import Response

from callwright.domain.limits import Limited, LimitKind
from callwright.service.limit_calls import change_limits, read_limits
from callwright.web.native.desk import Controller, Desk, Reader, answer
from callwright.web.native.models.limits import Limits, LimitsChange, limits_of
from callwright.web.native.wire import PREFIX, PathId

router = APIRouter(prefix=PREFIX, tags=["Limits"])


@router.get("/limits", response_model=Limits, summary="Show the limits of the account")
async def show_account(desk: Reader) -> Response:
    return await _show(desk, LimitKind.ACCOUNT, desk.user.account_id)


@router.patch("/limits", response_model=Limits, summary="Limit the account")
async def change_account(order: LimitsChange, desk: Controller) -> Response:
    """For admins. They hold over all deployments and trunks together, from the next call on."""
    return await _change(desk, LimitKind.ACCOUNT, desk.user.account_id, order)


@router.get(
    "/deployments/{deployment_id}/limits",
    response_model=Limits,
    summary="Show the limits of a deployment",
)
async def show_deployment(deployment_id: PathId, desk: Reader) -> Response:
    return await _show(desk, LimitKind.DEPLOYMENT, deployment_id)


@router.patch(
    "/deployments/{deployment_id}/limits", response_model=Limits, summary="Limit a deployment"
)
async def change_deployment(
    deployment_id: PathId, order: LimitsChange, desk: Controller
) -> Response:
    """From the next call on, for what waits already too. Nobody is hung up."""
    return await _change(desk, LimitKind.DEPLOYMENT, deployment_id, order)


@router.get(
    "/batches/{batch_id}/limits", response_model=Limits, summary="Show the limits of a batch"
)
async def show_batch(batch_id: PathId, desk: Reader) -> Response:
    return await _show(desk, LimitKind.BATCH, batch_id)


@router.patch("/batches/{batch_id}/limits", response_model=Limits, summary="Limit a batch")
async def change_batch(batch_id: PathId, order: LimitsChange, desk: Controller) -> Response:
    """From the next call on, its retries too; while it is loading as well. Other calls of its
    deployment pass it by."""
    return await _change(desk, LimitKind.BATCH, batch_id, order)


async def _show(desk: Desk, kind: LimitKind, number: int) -> Response:
    limited = Limited(kind, number)
    return desk.show(limits_of(await desk.read(lambda tx: read_limits(tx, desk.user, limited))))


async def _change(desk: Desk, kind: LimitKind, number: int, order: LimitsChange) -> Response:
    limited, now = Limited(kind, number), desk.now
    changed = await desk.write(lambda tx: change_limits(tx, desk.user, limited, order.of, now))
    return answer(limits_of(changed))
