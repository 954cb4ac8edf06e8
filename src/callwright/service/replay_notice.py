"""Sending a callback again, whatever became of it: the same id, the same bytes."""

from datetime import datetime

from callwright.domain.account import User
from callwright.domain.ids import NoticeId
from callwright.errors import Conflict
from callwright.ports.control import StoredNotice
from callwright.ports.store import WriteTx
from callwright.service.find_owned import find_notice


def replay_notice(tx: WriteTx, user: User, notice_id: NoticeId, now: datetime) -> StoredNotice:
    """The callback, due at once. Should this try fail too, the next follows as if the
    replay had been one of its regular tries.

    Raises:
        NotFound, NotPermitted: as `find_notice`.
        Conflict: it is being sent at this moment.
    """
    find_notice(tx, user, notice_id)
    if not tx.replay_notice(notice_id, now):
        raise Conflict("The callback is being sent at this moment.")
    return find_notice(tx, user, notice_id)
