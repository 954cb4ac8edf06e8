"""The attempts of a call that the sender may see, for what is kept beside the store."""

from callwright.domain.ids import CallId
from callwright.ports.control import AttemptFacts
from callwright.ports.store import ReadTx
from callwright.service.find_owned import find_call
from callwright.web.native.desk import Desk


async def attempts_of(desk: Desk, call_id: CallId) -> list[AttemptFacts]:
    """In their order.

    Raises:
        NotFound: the call is none of the sender's.
    """

    def look(tx: ReadTx) -> list[AttemptFacts]:
        found = find_call(tx, desk.user, call_id, desk.now)
        return list(tx.call_facts(found.id).attempts)

    return await desk.read(look)
