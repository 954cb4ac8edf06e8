"""What becomes of a call in motion whose process or line can no longer say how it went."""

from datetime import datetime, timedelta

from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.ports.motion import ActiveCall
from callwright.ports.store import WriteTx
from callwright.service.finish_attempt import Ending, finish_attempts
from callwright.service.tell_result import NoticeStyle

RELEASED_WAIT = timedelta(seconds=1)


def abandon_attempt(
    tx: WriteTx, active: ActiveCall, reason: str, now: datetime, style: NoticeStyle
) -> CallState | None:
    """The state the call is in now; None when nothing changed.

    A claim goes back to the queue; an attempt on disk is INTERRUPTED, counts, and is
    followed by the next one no sooner than after any failure; an answered call is over."""
    if active.state is CallState.CLAIMED:
        tx.release_claim(active, now + RELEASED_WAIT)
        return None
    ending = Ending(
        call_id=active.call_id,
        attempt=active.attempt,
        owner=active.owner,
        at=now,
        outcome=outcome_of_loss(active),
        rang=active.rang,
        reason=reason,
    )
    return finish_attempts(tx, [ending], now, style)[0]


def outcome_of_loss(active: ActiveCall) -> Outcome:
    """What an attempt on disk comes to that nobody can tell of."""
    talking = active.state is CallState.CONNECTED
    return Outcome.INTERRUPTED_TALKING if talking else Outcome.INTERRUPTED


def give_back_attempt(
    tx: WriteTx, active: ActiveCall, reason: str, now: datetime, style: NoticeStyle
) -> CallState | None:
    """Undo an attempt on disk of which nothing was sent and nothing ever will be: it counts
    no more than one that the trunk spoilt. The state the call is in now, as above."""
    ending = Ending(
        call_id=active.call_id,
        attempt=active.attempt,
        owner=active.owner,
        at=now,
        outcome=Outcome.TRUNK_TROUBLE,
        reason=reason,
    )
    return finish_attempts(tx, [ending], now, style)[0]
