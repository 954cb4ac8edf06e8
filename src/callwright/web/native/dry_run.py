"""What a queueing request is aimed at, and the answer to one that only asks."""

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from callwright.domain.account import Deployment
from callwright.domain.call import Schedule
from callwright.domain.ids import DeploymentId
from callwright.ports.store import ReadTx
from callwright.service.find_owned import find_deployment_by_id
from callwright.service.foretell_batch import foretell_new
from callwright.web.native.desk import Desk, answer
from callwright.web.native.models.calls import DryRun
from callwright.web.native.models.forecast import forecast_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A deployment that calls may be queued on now."""

    deployment: Deployment
    is_paused: bool


def find_target(tx: ReadTx, desk: Desk, deployment_id: DeploymentId, now: datetime) -> Target:
    """The deployment to queue on.

    Raises:
        NotFound, NotPermitted, Conflict: as `find_deployment_by_id`.
    """
    deployment = find_deployment_by_id(
        tx, desk.user, deployment_id, now, to_queue=True, can_speak=desk.parts.can_speak
    )
    paused_at = tx.deployment_paused_at(deployment_id)
    return Target(deployment=deployment, is_paused=paused_at is not None)


async def dry_run_reply(
    desk: Desk, target: Target, schedule: Schedule, *, calls: int, rejected: int = 0
) -> Response:
    """What would happen."""
    deployment, picture, now = target.deployment, desk.parts.pacing.picture(), desk.now
    foretold = await desk.read(
        lambda tx: foretell_new(tx, deployment, schedule, calls, picture, now)
    )
    value = DryRun(
        calls=calls,
        rejected=rejected,
        deployment_id=deployment.id,
        opens_at=schedule.window.opens_at,
        closes_at=schedule.window.closes_at,
        max_attempts=schedule.retry.max_attempts,
        retry_wait_s=round(schedule.retry.wait.total_seconds()),
        is_paused=target.is_paused,
        trunk=deployment.trunk,
        forecast=None if foretold is None else forecast_of(foretold),
    )
    return answer(value, 200, {"X-Dry-Run": "true"})
