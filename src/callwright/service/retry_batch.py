"""Calling again those of a list whom it did not reach: as a list of its own.

No call is repeated that was repeated before, so that asking twice does not ring twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from callwright.domain.account import Deployment, User
from callwright.domain.call import Schedule
from callwright.domain.ids import BatchId, CallId
from callwright.domain.lifecycle import CallState
from callwright.errors import Conflict, FieldInvalid
from callwright.ports.control import CallsSought
from callwright.ports.store import Lane, ReadTx, Store, WriteTx
from callwright.service.find_owned import find_batch, find_deployment_by_id, whose
from callwright.service.load_list import AtEnd, AtOpen, ListLoader, QueuedList
from callwright.service.retry_call import RetryOrder, schedule_again
from callwright.service.stop_calls import require_live

SLICE = 500

NOT_REACHED = frozenset({CallState.EXHAUSTED, CallState.EXPIRED})
"""Whom a list did not reach, and nobody decided against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Some calls to be repeated, and where to look on."""

    originals: Sequence[CallId]
    schedule: Schedule | None
    looked_to: CallId | None


async def retry_batch(
    store: Store,
    loader: ListLoader,
    user: User,
    batch_id: BatchId,
    states: frozenset[CallState],
    order: RetryOrder,
    now: datetime,
    *,
    can_speak: bool,
    at_open: AtOpen = lambda tx, batch_id: None,
    at_end: AtEnd = lambda tx, queued: None,
) -> QueuedList:
    """A new batch, live, with a call for each call of the old one that ended in one of
    `states` and was not repeated before; `at_open` and `at_end` as in `ListLoader.load`.

    Raises:
        NotFound, NotPermitted: as `find_batch`.
        Conflict: it is being loaded; nothing can be queued on its deployment now; or there is
            nobody to call again.
        FieldInvalid: a state that is not final; or its window has shut, and no other end
            was named.
    """
    if not states or any(not state.is_final for state in states):
        raise FieldInvalid("states", "must name final states")

    def check(tx: ReadTx) -> Deployment:
        batch = find_batch(tx, user, batch_id)
        require_live(batch)
        return find_deployment_by_id(
            tx, user, batch.deployment_id, now, to_queue=True, can_speak=can_speak
        )

    deployment = await store.read(check)
    look = partial(_look, user, batch_id, states, now)
    piece = await store.read(partial(look, None))
    while not piece.originals and piece.looked_to is not None:
        piece = await store.read(partial(look, piece.looked_to))
    if piece.schedule is None:
        raise Conflict("There is nobody in this list to call again.")
    schedule = schedule_again(piece.schedule, order, now)

    async def fill(new: BatchId) -> None:
        found = piece
        while True:
            if found.originals:
                await store.write(partial(_add, new, found.originals), lane=Lane.IMPORT)
            if found.looked_to is None:
                return
            found = await store.read(partial(look, found.looked_to))

    return await loader.load_by(
        user, deployment, schedule, fill, now, at_open=at_open, at_end=at_end
    )


def _look(
    user: User,
    batch_id: BatchId,
    states: frozenset[CallState],
    now: datetime,
    above: CallId | None,
    tx: ReadTx,
) -> _Piece:
    sought = CallsSought(whose=whose(user), batch_id=batch_id)
    found = tx.next_calls(sought, above=above, look=SLICE, now=now)
    ended = [call for call in found.calls if call.state in states]
    repeated = tx.calls_retried([call.id for call in ended])
    fit = [call for call in ended if call.id not in repeated]
    return _Piece(
        originals=[call.id for call in fit],
        schedule=fit[0].schedule if fit else None,
        looked_to=found.looked_to,
    )


def _add(batch_id: BatchId, originals: Sequence[CallId], tx: WriteTx) -> None:
    # Asked again where nobody else writes: two who ask at once must not both ring.
    repeated = tx.calls_retried(originals)
    tx.add_retries(batch_id, [call for call in originals if call not in repeated])
