"""Taking one call on: accepted when it is on disk and not before. Lists: `load_list`."""

from datetime import datetime

from callwright.domain.account import Deployment, User
from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import CallId
from callwright.domain.passport import check_identity
from callwright.ports.store import WriteTx


def queue_call(
    tx: WriteTx,
    user: User,
    deployment: Deployment,
    schedule: Schedule,
    contact: Contact,
    now: datetime,
) -> CallId:
    """The id of the call, which is dialled as soon as its window and the pacing allow.

    Raises:
        FieldInvalid: it brings a signed identity that is none.
    """
    check_identity(contact.variables)
    return tx.add_call(deployment.id, user.id, schedule, contact, now)
