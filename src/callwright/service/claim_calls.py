"""Whose calls are claimed next: deployments take turns, and who is at a limit is passed by.

However much waits on one deployment, each of the others gets its share of every claim. Within a
deployment the order is by time, or new calls come before retries, as the trunk is set up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from callwright.domain.ids import DeploymentId, OwnerId
from callwright.domain.limits import Limited, Room
from callwright.ports.motion import Claim
from callwright.ports.queues import QueueKind, Waiting, WaitingQueue
from callwright.ports.store import WriteTx

NOBODY = DeploymentId(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What could be claimed, and when to look again."""

    is_due: bool
    """Somebody who has room has calls whose time has come."""
    due_at: datetime | None
    """When the first call of all others comes due; None = nothing is known of."""
    held: frozenset[tuple[Limited, ...]]
    """Whose limits hold calls back whose time has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What was claimed."""

    claims: Sequence[Claim]
    turn: DeploymentId
    """Who was served last: the next claim begins after it."""
    outlook: Outlook | None
    """None: as many calls as asked for were found, and there may be more."""
    waiting: Waiting
    """What was seen to wait."""


def claim_due_calls(
    tx: WriteTx,
    owner: OwnerId,
    trunks: Sequence[str],
    limit: int,
    now: datetime,
    *,
    turn: DeploymentId = NOBODY,
    retries_first: bool = True,
    room: Room | None = None,
    known: Waiting | None = None,
) -> Claimed:
    """Take up to `limit` calls that wait under these trunk names and whose time has come.

    Every deployment that has any gets its turn, the one after `turn` first. Of one deployment,
    single calls and retries come before lists, the earliest due first; or, unless
    `retries_first`, retries come after everything that was never tried. Lists go by the
    moment they went live. `room` says who may start how many, and is taken down.

    `known` is what an earlier claim saw: it saves looking again, where there are very many
    deployments, as long as enough is found in it.
    """
    room = room or Room()
    claims: list[Claim] = []
    if known is None or _anything_opens(known, now):
        tx.open_queues(trunks, now)
    for waiting in _looks(tx, trunks, known):
        before = len(claims)
        unserved = [queues for queues in _turns(waiting.queues, turn) if _has_due(queues, now)]
        while unserved and len(claims) < limit:
            left, unserved = unserved, []
            for index, queues in enumerate(left):
                share = -(-(limit - len(claims)) // (len(left) - index))
                in_order = _in_order(queues, retries_first=retries_first)
                taken = _take(tx, owner, in_order, share, now, room)
                claims += taken
                if taken:
                    turn = queues[0].deployment_id
                if taken and len(taken) == share:
                    unserved.append(queues)
                if len(claims) == limit:
                    break
        if len(claims) == limit:
            return Claimed(claims=claims, turn=turn, outlook=None, waiting=waiting)
    if len(claims) > before:  # what was seen last is not all there any more
        waiting = tx.waiting(trunks)
    outlook = look_ahead(waiting, now, room)
    return Claimed(claims=claims, turn=turn, outlook=outlook, waiting=waiting)


def _looks(tx: WriteTx, trunks: Sequence[str], known: Waiting | None) -> Iterator[Waiting]:
    """What is known to wait; and if that is not enough, what waits."""
    if known is not None:
        yield known
    yield tx.waiting(trunks)


def _anything_opens(known: Waiting, now: datetime) -> bool:
    return known.opens_at is not None and known.opens_at <= now


def look_ahead(waiting: Waiting, now: datetime, room: Room) -> Outlook:
    """What of all that waits could be claimed now, and what only later."""
    is_due = False
    moments = [] if waiting.opens_at is None else [waiting.opens_at]
    held: set[tuple[Limited, ...]] = set()
    for queue in waiting.queues:
        if queue.first_at > now:
            moments.append(queue.first_at)
        elif room.of(queue.limited_by, 1):
            is_due = True
        else:
            held.add(queue.limited_by)
    due_at = min(moments, default=None)
    is_due = is_due or (due_at is not None and due_at <= now)
    return Outlook(is_due=is_due, due_at=due_at, held=frozenset(held))


def _turns(queues: Sequence[WaitingQueue], turn: DeploymentId) -> list[list[WaitingQueue]]:
    """The queues of each deployment, beginning with the deployment after `turn`."""
    each = [list(group) for _, group in groupby(queues, lambda queue: queue.deployment_id)]
    later = [group for group in each if group[0].deployment_id > turn]
    return later + each[: len(each) - len(later)]


def _has_due(queues: Sequence[WaitingQueue], now: datetime) -> bool:
    return any(queue.first_at <= now for queue in queues)


def _in_order(queues: Sequence[WaitingQueue], *, retries_first: bool) -> list[WaitingQueue]:
    """The queues of one deployment in the order in which they are served."""
    lists = sorted(
        (queue for queue in queues if queue.kind is QueueKind.LISTS),
        key=lambda queue: queue.live_seq,
    )
    singles = sorted(
        (queue for queue in queues if queue.kind is not QueueKind.LISTS),
        key=lambda queue: queue.first_at,
    )
    if retries_first:
        # New calls and retries of one lane are one queue, of which the first is the earlier.
        joined = {queue.batch_id: queue for queue in reversed(singles)}
        in_time = sorted(joined.values(), key=lambda queue: queue.first_at)
        return [replace(queue, kind=QueueKind.SINGLES) for queue in in_time] + lists
    new = [queue for queue in singles if queue.kind is QueueKind.NEW]
    retries = [queue for queue in singles if queue.kind is QueueKind.RETRIES]
    return new + lists + retries


def _take(
    tx: WriteTx,
    owner: OwnerId,
    queues: Sequence[WaitingQueue],
    limit: int,
    now: datetime,
    room: Room,
) -> list[Claim]:
    """Up to `limit` calls of one deployment."""
    claims: list[Claim] = []
    for queue in queues:
        if len(claims) == limit:
            break
        count = room.of(queue.limited_by, limit - len(claims))
        if queue.first_at <= now and count:
            taken = tx.take_calls(owner, queue, count, now)
            room.take(queue.limited_by, len(taken))
            claims += taken
    return claims
