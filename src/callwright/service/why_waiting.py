"""Why a call, a batch or a deployment is not being dialled, for those who may see it.

Gathers how everything stands, in one transaction and from one picture of the running half;
what that means is `domain.why`'s business. A batch or a deployment waits for what its next
call waits for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from callwright.domain.account import User
from callwright.domain.call import CallDetails
from callwright.domain.ids import BatchId, CallId, DeploymentId
from callwright.domain.lifecycle import CallState
from callwright.domain.limits import UNLIMITED, LimitKind
from callwright.domain.pace import ASSUMED, LimitStanding, TrunkStanding
from callwright.domain.situation import Explanation, Reason, Rule, Situation, When
from callwright.domain.why import explain
from callwright.ports.control import BatchState
from callwright.ports.pacing_view import PacingPicture
from callwright.ports.places import Place
from callwright.ports.queues import QueueKind, Waiting, WaitingQueue
from callwright.ports.store import ReadTx
from callwright.service.find_owned import find_batch, find_call, see_deployment

MOST = 50_000
"""Calls of one queue that are counted."""

OTHERS = 200
"""Other deployments that are counted one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Why something is not being dialled."""

    at: datetime
    """When it was asked."""
    state: CallState | None
    """Of the call; None: nothing waits."""
    call_id: CallId | None
    """The call that it is about: of a batch or deployment, the one that goes next."""
    why: Explanation


def why_call(
    tx: ReadTx, user: User, call_id: CallId, picture: PacingPicture, now: datetime
) -> Waits:
    """Why a call is not being dialled.

    Raises:
        NotFound, NotPermitted: as `find_call`.
    """
    return _why(tx, find_call(tx, user, call_id, now), picture, now)


def why_batch(
    tx: ReadTx, user: User, batch_id: BatchId, picture: PacingPicture, now: datetime
) -> Waits:
    """Why a batch does not go on.

    Raises:
        NotFound, NotPermitted: as `find_batch`.
    """
    batch = find_batch(tx, user, batch_id)
    if batch.state is BatchState.LOADING:
        text = "It is being loaded: nothing of it is dialled before all of it is stored."
        return _nothing(now, Reason(rule=Rule.LOADING, text=text, when=When.ESTIMATE, next_at=now))
    next_call = tx.next_of_batch(batch_id, now)
    if next_call is None:
        counts = tx.batch_counts(batch_id, now)
        return _nothing_waits(sum(n for state, n in counts.items() if not state.is_final), now)
    return why_next(tx, next_call, picture, now)


def why_deployment(
    tx: ReadTx, user: User, deployment_id: DeploymentId, picture: PacingPicture, now: datetime
) -> Waits:
    """Why nothing of a deployment is being dialled.

    Raises:
        NotFound, NotPermitted: as `see_deployment`.
    """
    see_deployment(tx, user, deployment_id)
    next_call = tx.next_of_deployment(deployment_id, now)
    if next_call is None:
        limited = [
            standing.in_flight
            for who, standing in picture.limited.items()
            if who.kind is LimitKind.DEPLOYMENT and who.id == deployment_id
        ]
        return _nothing_waits(sum(limited), now)
    return why_next(tx, next_call, picture, now)


def why_next(tx: ReadTx, call_id: CallId, picture: PacingPicture, now: datetime) -> Waits:
    """Why a call is not being dialled, whoever asks."""
    details = tx.call_details(call_id, now)
    assert details is not None
    return _why(tx, details, picture, now)


def _why(tx: ReadTx, details: CallDetails, picture: PacingPicture, now: datetime) -> Waits:
    place = tx.place_of(details.id)
    given = Situation(
        now=now,
        state=details.state,
        due_at=details.schedule.window.opens_at,
        closes_at=details.schedule.window.closes_at,
        server=picture.server,
        measured=ASSUMED,
    )
    if place is not None and not details.state.is_final:
        given = _standing(tx, details, place, picture, given)
    return Waits(at=now, state=details.state, call_id=details.id, why=explain(given))


def _standing(
    tx: ReadTx, details: CallDetails, place: Place, picture: PacingPicture, given: Situation
) -> Situation:
    """`given` with all that matters of a call that waits."""
    deployment = tx.deployment(place.deployment_id)
    assert deployment is not None
    trunk = picture.trunks.get(place.trunk)
    standing = replace(
        given,
        due_at=place.next_at,
        is_tried=place.is_tried,
        trunk_name=place.trunk,
        trunk=trunk,
        limits=limits_of(tx, place, picture),
        measured=ASSUMED if trunk is None else trunk.measured,
        closed_because=deployment.closed_because(given.now),
        is_opted_out=tx.is_suppressed(place.account_id, details.contact.dial.number),
        quarantined_at=place.quarantined_at,
        deployment_paused_at=place.deployment_paused_at,
        batch_paused_at=place.batch_paused_at,
        is_settling=place.is_settling,
        before_in_list=place.before_in_list,
    )
    if trunk is None:
        return standing
    return replace(
        standing,
        before=count_before(tx, place, trunk, picture, given.now),
        others=count_others(tx, place.deployment_id, trunk, picture, given.now),
    )


def limits_of(tx: ReadTx, place: Place, picture: PacingPicture) -> list[LimitStanding]:
    """How everybody stands whose limits hold for a call, as far as they have any."""
    standings = (
        replace(
            picture.limited.get(limited, LimitStanding(limited=limited, limits=UNLIMITED)),
            limits=tx.limits_of(limited),
        )
        for limited in place.limited_by
    )
    return [standing for standing in standings if standing.limits != UNLIMITED]


def count_before(
    tx: ReadTx, place: Place, trunk: TrunkStanding, picture: PacingPicture, now: datetime
) -> int:
    """Calls of the same deployment that could go now, and go before the one in `place`.

    The order is that of `claim_calls`: what waits singly by its time, then lists by theirs;
    where a trunk takes new calls first, retries come after all of them.
    """
    own_rank = _rank(_kind(place), trunk)
    count = 0
    for queue in _queues(tx.waiting(trunk.names), now):
        if queue.deployment_id != place.deployment_id or _rank(queue.kind, trunk) > own_rank:
            continue
        if queue.batch_id == place.lane or _has_room(queue, picture):
            ties = _rank(queue.kind, trunk) == own_rank
            count += tx.count_first(queue, now, MOST, before=place if ties else None)
    return count


def count_others(
    tx: ReadTx,
    deployment_id: DeploymentId,
    trunk: TrunkStanding,
    picture: PacingPicture,
    now: datetime,
) -> tuple[int, ...]:
    """How many calls could go now of each other deployment that waits for the trunk."""
    counts: dict[DeploymentId, int] = {}
    for queue in _queues(tx.waiting(trunk.names), now):
        number = queue.deployment_id
        if number != deployment_id and _has_room(queue, picture) and len(counts) < OTHERS:
            counts[number] = counts.get(number, 0) + tx.count_first(queue, now, MOST)
    return tuple(count for count in counts.values() if count)


def _queues(waiting: Waiting, now: datetime) -> Iterator[WaitingQueue]:
    return (queue for queue in waiting.queues if queue.first_at <= now)


def _kind(place: Place) -> QueueKind:
    if place.segment is not None:
        return QueueKind.LISTS
    return QueueKind.RETRIES if place.is_tried else QueueKind.NEW


def _rank(kind: QueueKind, trunk: TrunkStanding) -> int:
    """Which kinds of a deployment's queues are served before which."""
    if kind is QueueKind.LISTS:
        return 1
    return 2 if kind is QueueKind.RETRIES and not trunk.retries_first else 0


def _has_room(queue: WaitingQueue, picture: PacingPicture) -> bool:
    standings = (picture.limited.get(limited) for limited in queue.limited_by)
    return all(standing is None or standing.has_room for standing in standings)


def _nothing_waits(in_motion: int, now: datetime) -> Waits:
    if in_motion:
        text = f"Nothing waits; {in_motion} calls are in motion."
        return _nothing(now, Reason(rule=Rule.IN_MOTION, text=text, when=When.NOW))
    return _nothing(now, Reason(rule=Rule.OVER, text="Nothing waits.", when=When.NEVER))


def _nothing(now: datetime, reason: Reason) -> Waits:
    return Waits(at=now, state=None, call_id=None, why=Explanation(reasons=[reason]))
