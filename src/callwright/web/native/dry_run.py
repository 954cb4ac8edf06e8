"""What a queueing request is aimed at, and the answer to one that only asks."""

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from callwright.domain.account import Deployment
from callwright.domain.call import Schedule
from callwright.domain.ids import DeploymentId
from callwright.ports.store import ReadTx
from callwright.service.find_owned import find_deployment_by_id
from callwright.web.native.desk import Desk, answer
from callwright.web.native.models.calls import DryRun


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


def dry_run_reply(target: Target, schedule: Schedule, *, calls: int, rejected: int = 0) -> Response:
    """What would happen."""
    value = DryRun(
        calls=calls,
        rejected=rejected,
        deployment_id=target.deployment.id,
        opens_at=schedule.window.opens_at,
        closes_at=schedule.window.closes_at,
        max_attempts=schedule.retry.max_attempts,
        retry_wait_s=round(schedule.retry.wait.total_seconds()),
        is_paused=target.is_paused,
        trunk=target.deployment.trunk,
    )
    return answer(value, 200, {"X-Dry-Run": "true"})
