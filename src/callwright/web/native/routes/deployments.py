"""`/v1/deployments`: see them, and cancel, pause or resume all that waits on one."""

from fastapi import APIRouter
from starlette.responses import Response

from callwright.domain.account import Product
from callwright.domain.ids import DeploymentId
from callwright.ports.store import ReadTx, WriteTx
from callwright.service.cancel_calls import cancel_calls
from callwright.service.find_owned import (
    find_deployment_by_id,
    find_own_program,
    may_see_program,
    see_deployment,
)
from callwright.service.pause_calls import pause_deployment, resume_deployment, settle_pauses
from callwright.web.native.desk import Controller, Desk, Maker, Reader, answer
from callwright.web.native.models.lists import Page
from callwright.web.native.models.programs import Deployment, deployment_of
from callwright.web.native.wire import (
    PREFIX,
    Cursor,
    Limit,
    PathId,
    QueryId,
    read_cursor,
    write_cursor,
)

router = APIRouter(prefix=PREFIX, tags=["Deployments"])


@router.get("/deployments", response_model=Page[Deployment], summary="Look through deployments")
async def look_through(
    desk: Reader, program_id: QueryId = None, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """The deployments of every application and survey you may use; newest first."""
    below = read_cursor("deployment", cursor)

    def look(tx: ReadTx) -> list[Deployment]:
        programs = [
            program
            for product in Product
            for program in tx.programs(product)
            if may_see_program(desk.user, program) and program_id in (None, program.id)
        ]
        found = [
            deployment
            for program in programs
            for deployment in tx.deployments(program.id)
            if below is None or deployment.id < below
        ]
        found.sort(key=lambda deployment: deployment.id, reverse=True)
        return [deployment_of(d, tx.deployment_paused_at(d.id)) for d in found[: limit + 1]]

    found = await desk.read(look)
    more = len(found) > limit
    return desk.show(
        Page[Deployment](
            items=found[:limit],
            next=write_cursor("deployment", found[limit - 1].id) if more else None,
        )
    )


@router.get("/deployments/{deployment_id}", response_model=Deployment, summary="Show a deployment")
async def show(deployment_id: PathId, desk: Reader) -> Response:
    """A deployment, and since when it is paused if it is."""
    return desk.show(await desk.read(lambda tx: _whole(tx, desk, DeploymentId(deployment_id))))


@router.delete(
    "/deployments/{deployment_id}", response_model=Deployment, summary="Delete a deployment"
)
async def delete(deployment_id: PathId, desk: Maker) -> Response:
    """Nothing more can be queued on it, and what waits is rejected when its turn comes. The
    other deployments stay as they are; the latest of a survey stays the latest."""
    now = desk.now

    def work(tx: WriteTx) -> Deployment:
        found = see_deployment(tx, desk.user, DeploymentId(deployment_id))
        find_own_program(tx, desk.user, found.program.product, found.program.id)
        tx.delete_deployment(found.id, now)
        return _whole(tx, desk, found.id)

    return answer(await desk.write(work))


@router.post(
    "/deployments/{deployment_id}/cancel", response_model=Deployment, summary="Cancel all calls"
)
async def cancel(deployment_id: PathId, desk: Controller) -> Response:
    """End every call that waits on the deployment now. Those being dialled or talking finish
    as they are. Repeating it is harmless."""
    now = desk.now

    def work(tx: WriteTx) -> Deployment:
        deployment = find_deployment_by_id(tx, desk.user, DeploymentId(deployment_id), now)
        cancel_calls(tx, deployment, now)
        return _whole(tx, desk, deployment.id)

    return answer(await desk.write(work))


@router.post(
    "/deployments/{deployment_id}/pause", response_model=Deployment, summary="Pause a deployment"
)
async def pause(deployment_id: PathId, desk: Controller) -> Response:
    """Dial no further call on the deployment until it is resumed, nor any that is queued
    meanwhile. Windows go on running."""
    now = desk.now

    def work(tx: WriteTx) -> Deployment:
        pause_deployment(tx, desk.user, DeploymentId(deployment_id), now)
        return _whole(tx, desk, DeploymentId(deployment_id))

    value = await desk.write(work)
    await settle_pauses(desk.parts.store)
    return answer(value)


@router.post(
    "/deployments/{deployment_id}/resume", response_model=Deployment, summary="Resume a deployment"
)
async def resume(deployment_id: PathId, desk: Controller) -> Response:
    """Go on with the deployment, except for lists that are paused themselves."""
    now = desk.now

    def work(tx: WriteTx) -> Deployment:
        resume_deployment(tx, desk.user, DeploymentId(deployment_id), now)
        return _whole(tx, desk, DeploymentId(deployment_id))

    value = await desk.write(work)
    await settle_pauses(desk.parts.store)
    desk.parts.on_change()
    return answer(value)


def _whole(tx: ReadTx, desk: Desk, deployment_id: DeploymentId) -> Deployment:
    deployment = see_deployment(tx, desk.user, deployment_id)
    return deployment_of(deployment, tx.deployment_paused_at(deployment_id))
