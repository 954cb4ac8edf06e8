"""Holding back a list or a deployment, and letting it go on.

The pause holds from its commit on: no call is claimed that it covers. Calls that were
claimed before finish as they are. A window that shuts meanwhile ends its calls all the same.
"""

from datetime import datetime

from callwright.domain.account import Deployment, User
from callwright.domain.ids import BatchId, DeploymentId
from callwright.ports.control import Batch
from callwright.ports.store import Lane, Store, WriteTx
from callwright.service.find_owned import find_batch, find_deployment_by_id
from callwright.service.stop_calls import require_live


def pause_batch(tx: WriteTx, user: User, batch_id: BatchId, now: datetime) -> Batch:
    """The batch, held back. Pausing it again is harmless.

    Raises:
        NotFound, NotPermitted: as `find_batch`.
        Conflict: it is still being loaded.
    """
    require_live(find_batch(tx, user, batch_id))
    tx.pause_batch(batch_id, user.id, now)
    return find_batch(tx, user, batch_id)


def resume_batch(tx: WriteTx, user: User, batch_id: BatchId) -> Batch:
    """The batch, which its own pause holds no more; its deployment's may still.

    Raises:
        NotFound, NotPermitted: as `find_batch`.
        Conflict: it is still being loaded.
    """
    require_live(find_batch(tx, user, batch_id))
    tx.resume_batch(batch_id)
    return find_batch(tx, user, batch_id)


def pause_deployment(
    tx: WriteTx, user: User, deployment_id: DeploymentId, now: datetime
) -> Deployment:
    """The deployment, held back with what is queued on it later.

    Raises:
        NotFound, NotPermitted, Conflict: as `find_deployment_by_id`.
    """
    deployment = find_deployment_by_id(tx, user, deployment_id, now)
    tx.pause_deployment(deployment_id, user.id, now)
    return deployment


def resume_deployment(
    tx: WriteTx, user: User, deployment_id: DeploymentId, now: datetime
) -> Deployment:
    """The deployment, which goes on, except for lists that are paused themselves.

    Raises:
        NotFound, NotPermitted, Conflict: as `find_deployment_by_id`.
    """
    deployment = find_deployment_by_id(tx, user, deployment_id, now)
    tx.resume_deployment(deployment_id)
    return deployment


async def settle_pauses(store: Store) -> None:
    """Do what pausing or resuming left to do, slice by slice, between everybody else's work.

    Nothing depends on it but speed: claiming does the rest if this is cut short.
    """
    while not await store.write(lambda tx: tx.settle_pauses(), lane=Lane.IMPORT):
        pass
