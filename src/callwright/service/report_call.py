"""What a user may read of a call."""

from datetime import datetime

from callwright.domain.account import User
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.errors import NotFound, NotPermitted
from callwright.ports.store import ReadTx


def report_call(tx: ReadTx, user: User, call_id: CallId, now: datetime) -> CallDetails:
    """The call's details, for its owner or an admin of its account.

    Raises:
        NotFound: no call has this id.
        NotPermitted: it is another user's.
    """
    details = tx.call_details(call_id, now)
    if details is None:
        raise NotFound("call")
    owns = details.user_id == user.id
    if not owns and not (user.is_admin and details.account_id == user.account_id):
        raise NotPermitted("This call belongs to another user.")
    return details
