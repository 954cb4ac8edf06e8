"""A request of the native API that may have come before."""

from collections.abc import Callable

from pydantic import BaseModel
from starlette.responses import Response

from callwright.domain.ids import BatchId
from callwright.ports.repeats import Answer, KeptRequest, RepeatableRequest
from callwright.ports.store import ReadTx
from callwright.service.idempotency import Given, answer_again, find_kept
from callwright.web.native.desk import Desk
from callwright.web.repeats import repeatable, reply_with


def repeatable_order(desk: Desk, order: BaseModel, *more: object) -> RepeatableRequest | None:
    """A request with this body as one that may come again, if it has a key; `more` is what
    counts besides it.

    Raises:
        FieldInvalid: as `key_of`.
    """
    return repeatable(desk.request, desk.user, order.model_dump(mode="json"), *more)


async def told_before(
    desk: Desk,
    asked: RepeatableRequest | None,
    while_loading: Callable[[BatchId], Answer] | None = None,
) -> Response | None:
    """What this very request was answered before; None: it comes for the first time.

    `while_loading` answers a request that is answered while its list is still being loaded.

    Raises:
        KeyReused, StillRunning: see `answer_again`.
    """
    if asked is None:
        return None
    now, is_loading = desk.now, desk.parts.loader.is_loading

    def look(tx: ReadTx) -> KeptRequest | None:
        return find_kept(tx, asked.user_id, asked.key, now, is_loading)

    kept = await desk.read(look)
    if kept is None:
        return None
    if kept.batch_id is not None and while_loading and kept.fingerprint == asked.fingerprint:
        return reply_with(Given(answer=while_loading(kept.batch_id), is_replay=True))
    return reply_with(Given(answer=answer_again(kept, asked), is_replay=True))
