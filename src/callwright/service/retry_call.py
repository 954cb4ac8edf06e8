"""Calling again somebody whom an ended call did not reach, or whom one wants to reach again.

A final state never changes: the retry is a call of its own that names the one it repeats.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from callwright.domain.account import User
from callwright.domain.call import Schedule
from callwright.domain.ids import CallId
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.errors import Conflict, FieldInvalid
from callwright.ports.store import WriteTx
from callwright.service.find_owned import find_call, find_deployment_by_id
from callwright.service.queue_calls import queue_call


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryOrder:
    """In what the new call shall differ from the old one; None = as that was."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None
    retry: Callable[[RetryPolicy], RetryPolicy] = lambda policy: policy


def retry_call(
    tx: WriteTx,
    user: User,
    call_id: CallId,
    order: RetryOrder,
    now: datetime,
    *,
    can_speak: bool,
) -> CallId:
    """The id of a new call to the same number with the same variables, due at once unless
    `order` says otherwise.

    Raises:
        NotFound, NotPermitted: as `find_call`.
        Conflict: the call is not over, or another call that is not over tries it again
            already; or nothing can be queued on its deployment now.
        FieldInvalid: its window has shut and no other end was named.
    """
    details = find_call(tx, user, call_id, now)
    if not details.state.is_final:
        raise Conflict(f"The call is not over: it is {details.state}.")
    for other in tx.call_facts(call_id).retried_by:
        retry = tx.call_details(other, now)
        if retry is not None and not retry.state.is_final:
            raise Conflict(f"Call {other} tries it again already.")
    deployment = find_deployment_by_id(
        tx, user, details.deployment_id, now, to_queue=True, can_speak=can_speak
    )
    schedule = schedule_again(details.schedule, order, now)
    new = queue_call(tx, user, deployment, schedule, details.contact, now)
    tx.note_retry(new, call_id)
    return new


def schedule_again(old: Schedule, order: RetryOrder, now: datetime) -> Schedule:
    """The schedule of a call that tries an old one again.

    Raises:
        FieldInvalid: its window has shut and no other end was named.
    """
    opens_at = now if order.opens_at is None else max(order.opens_at, now)
    closes_at = old.window.closes_at if order.closes_at is None else order.closes_at
    if closes_at is not None and closes_at <= opens_at:
        if order.closes_at is None:
            raise FieldInvalid("closes_at", "is required: the window of the old call has shut")
        raise FieldInvalid("closes_at", "must be ahead, and after opens_at")
    return replace(
        old,
        window=Window(opens_at=opens_at, closes_at=closes_at),
        start_given=order.opens_at is not None,
        retry=order.retry(old.retry),
    )
