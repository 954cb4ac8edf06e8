"""Cancelling one call or one list. What is being dialled or talks finishes as it is."""

from datetime import datetime

from callwright.domain.account import User
from callwright.domain.call import CallDetails
from callwright.domain.ids import BatchId, CallId
from callwright.domain.lifecycle import CallState
from callwright.errors import Conflict
from callwright.ports.control import Batch, BatchState
from callwright.ports.store import WriteTx
from callwright.service.find_owned import find_batch, find_call


def cancel_call(tx: WriteTx, user: User, call_id: CallId, now: datetime) -> CallDetails:
    """The call as it stands then: canceled if it waited, else without a further attempt.

    Cancelling it again is harmless.

    Raises:
        NotFound, NotPermitted: as `find_call`.
        Conflict: it ended otherwise before.
    """
    details = find_call(tx, user, call_id, now)
    if details.state is CallState.CANCELED:
        return details
    if details.state.is_final:
        raise Conflict(f"The call is over: it is {details.state}.")
    tx.cancel_call(call_id, now)
    return find_call(tx, user, call_id, now)


def cancel_batch(tx: WriteTx, user: User, batch_id: BatchId, now: datetime) -> Batch:
    """The batch, every call of which that waits now is canceled; repeating it is harmless.

    Raises:
        NotFound, NotPermitted: as `find_batch`.
        Conflict: it is still being loaded.
    """
    require_live(find_batch(tx, user, batch_id))
    tx.cancel_batch(batch_id, now)
    return find_batch(tx, user, batch_id)


def require_live(batch: Batch) -> None:
    """Refuse what can only be done to a batch that is loaded.

    Raises:
        Conflict: it is not.
    """
    if batch.state is not BatchState.LIVE:
        raise Conflict("The batch is still being loaded; nothing of it is dialled before.")
