"""An account's opt-out list, as people look after it.

Anybody of the account may put a number on it: it only ever keeps a phone from ringing. To
take one off, so that everybody's calls ring there again, is for admins.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from callwright.domain.account import User
from callwright.domain.phone import PhoneNumber
from callwright.errors import NotPermitted
from callwright.ports.store import WriteTx

log = structlog.get_logger()


def add_opt_outs(tx: WriteTx, user: User, numbers: Sequence[PhoneNumber], now: datetime) -> int:
    """Put numbers on the list; how many were not there yet."""
    added = sum(tx.suppress(user.account_id, number, None, now) for number in numbers)
    log.info("numbers opted out", added=added, user=user.id)
    return added


def remove_opt_outs(tx: WriteTx, user: User, numbers: Sequence[PhoneNumber]) -> int:
    """Take numbers off the list; how many were on it.

    Raises:
        NotPermitted: the user is no admin.
    """
    require_admin(user)
    removed = [number for number in numbers if tx.unsuppress(user.account_id, number)]
    for number in removed:
        log.warning("number taken off the opt-out list", number=number.masked, user=user.id)
    return len(removed)


def require_admin(user: User) -> None:
    """Raise NotPermitted unless the user may take numbers off the list."""
    if not user.is_admin:
        raise NotPermitted("Only an admin takes numbers off the opt-out list.")
