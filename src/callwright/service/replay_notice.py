"""Sending callbacks again: the same id, the same bytes, and the schedule from its beginning."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from callwright.domain.account import User
from callwright.domain.ids import NoticeId
from callwright.errors import Conflict
from callwright.ports.control import DeadPlace, DeadReplayed, StoredNotice
from callwright.ports.store import WriteTx
from callwright.service.find_owned import find_notice, whose

SLICE = 500
_BEFORE_ALL = NoticeId(0)


def replay_notice(tx: WriteTx, user: User, notice_id: NoticeId, now: datetime) -> StoredNotice:
    """The callback, due at once. One that was over has all its tries again; one that still
    waits goes on with its schedule.

    Raises:
        NotFound, NotPermitted: as `find_notice`.
        Conflict: it is being sent at this moment.
    """
    find_notice(tx, user, notice_id)
    if not tx.replay_notice(notice_id, now):
        raise Conflict("The callback is being sent at this moment.")
    return find_notice(tx, user, notice_id)


async def replay_dead_notices(
    write: Callable[[Callable[[WriteTx], DeadReplayed]], Awaitable[DeadReplayed]],
    user: User,
    *,
    since: datetime,
    before: datetime | None,
    now: datetime,
) -> int:
    """Make due at once what was given up from `since` on and, if given, before `before`: the
    user's own, or as an admin those of the account; how many that are.

    In slices of one transaction each, which `write` runs: others write meanwhile. Leaves out
    what was answered with 410: such a receiver asked not to be sent it again.
    """
    # What fails again while this runs is given up later than now, and is not met twice.
    until = now if before is None else min(before, now)
    place: DeadPlace | None = DeadPlace(over_at=since, id=_BEFORE_ALL)
    count = 0
    while place is not None:
        done = await write(partial(_replay_slice, user, place, until, now))
        count += done.count
        place = done.looked_to
    return count


def _replay_slice(
    user: User, place: DeadPlace, until: datetime, now: datetime, tx: WriteTx
) -> DeadReplayed:
    return tx.replay_dead_notices(whose(user), after=place, before=until, limit=SLICE, now=now)
