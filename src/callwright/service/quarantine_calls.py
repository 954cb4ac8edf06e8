"""Setting aside a call that was in motion whenever a process died, until a person decides.

What was there each time may be what kills: a number whose answer nobody can read, a script
that eats all memory. Such a call takes everybody else's calls with it at each further try.
It waits on, to be released or cancelled, and ends like any other if its window shuts.
"""

from datetime import datetime

import structlog

from callwright.domain.account import User
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.domain.retry import QUARANTINED_BY_DEATHS
from callwright.errors import Conflict
from callwright.ports.motion import Hold
from callwright.ports.store import WriteTx
from callwright.service.find_owned import find_call

log = structlog.get_logger()


def quarantine_after_death(tx: WriteTx, hold: Hold, now: datetime) -> None:
    """Count the death of the process that held a call, which is brought home already; a call
    that waits again after too many of them waits for a person."""
    deaths = tx.note_death(hold, now)
    if deaths >= QUARANTINED_BY_DEATHS and tx.quarantine(hold.call_id, now):
        log.error(
            "call quarantined: it was in motion in several deaths; release or cancel it",
            call_id=hold.call_id,
            deaths=deaths,
        )


def release_call(tx: WriteTx, user: User, call_id: CallId, now: datetime) -> CallDetails:
    """The call, which may be dialled again at once; its deaths are forgotten.

    Raises:
        NotFound, NotPermitted: as `find_call`.
        Conflict: it is not quarantined.
    """
    details = find_call(tx, user, call_id, now)
    if details.state.is_final or not tx.release_quarantined(call_id, now):
        raise Conflict(f"The call is not quarantined: it is {details.state}.")
    log.warning("call released from quarantine", call_id=call_id, user=user.id)
    return find_call(tx, user, call_id, now)
