"""How many calls an account, a deployment, a list or a trunk may start, and changing it while
calls go on.

What is set holds from the next claim on, for calls that wait already too. Calls that are being
dialled or talk are nobody's business here: lowering a limit hangs up nobody.
"""

from collections.abc import Callable
from datetime import datetime

from callwright.domain.account import User
from callwright.domain.ids import BatchId, DeploymentId
from callwright.domain.limits import UNLIMITED, Limited, LimitKind, Limits
from callwright.errors import Conflict, NotPermitted
from callwright.ports.store import ReadTx, WriteTx
from callwright.service import administer
from callwright.service.find_owned import find_batch, find_deployment_by_id, see_deployment

Change = Callable[[Limits], Limits]
"""What limits become of those that hold."""


def read_limits(tx: ReadTx, user: User, limited: Limited) -> Limits:
    """The limits of the asker's account, or of a deployment or batch that the asker may see.

    Raises:
        NotFound, NotPermitted: as `find_batch` and `see_deployment`.
    """
    if limited.kind is LimitKind.DEPLOYMENT:
        see_deployment(tx, user, DeploymentId(limited.id))
    elif limited.kind is LimitKind.BATCH:
        find_batch(tx, user, BatchId(limited.id))
    return tx.limits_of(limited)


def change_limits(
    tx: WriteTx, user: User, limited: Limited, change: Change, now: datetime
) -> Limits:
    """What the limits are now. Of an account an admin may change them.

    Raises:
        NotFound, NotPermitted, Conflict: as `find_batch` and `find_deployment_by_id`.
        NotPermitted: it is the account, and the asker is no admin.
        Conflict: a single call is a batch of its own, which cannot be limited.
    """
    if limited.kind is LimitKind.ACCOUNT and not user.is_admin:
        raise NotPermitted("Only an admin of the account may limit it.")
    if limited.kind is LimitKind.DEPLOYMENT:
        find_deployment_by_id(tx, user, DeploymentId(limited.id), now)
    elif limited.kind is LimitKind.BATCH and not find_batch(tx, user, BatchId(limited.id)).is_list:
        raise Conflict("A single call has no limits of its own; limit its deployment instead.")
    tx.set_limits(limited, change(tx.limits_of(limited)))
    return tx.limits_of(limited)


def change_trunk_limits(tx: WriteTx, user: User, trunk: str, change: Change) -> Limits:
    """What differs now from the trunk's settings; None = nothing. Everybody's calls go over it:
    only admins of the server's own account may change it.

    Raises:
        NotPermitted: the asker is none.
    """
    if not user.is_admin or tx.account_by_name(administer.ACCOUNT) != user.account_id:
        raise NotPermitted("Only an admin of the server's own account may limit a trunk.")
    tx.set_trunk_limits(trunk, change(tx.trunk_limits().get(trunk, UNLIMITED)))
    return tx.trunk_limits().get(trunk, UNLIMITED)
