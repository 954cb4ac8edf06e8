"""Notices owed in a store, claimed and noted."""

from datetime import datetime

from store_world import OWNER, World, after, claim_due_notices

from callwright.domain.ids import CallId, OwnerId
from callwright.domain.notice import Delivery, NoticeState
from callwright.ports.notices import HostsWanted
from callwright.ports.store import NewNotice, OwedNotice, TriedNotice

TIMEOUT = Delivery(status=None, problem="timeout", took_ms=15_000)
DONE = Delivery(status=200, took_ms=12)


def owe(world: World, due: float = 0, body: bytes = b"body\x00\xff") -> CallId:
    """Queue a call and owe its notice."""
    call = world.queue()

    notice = NewNotice(
        call_id=call,
        url="https://example.org/ä",
        webhook_id=f"msg_{call}",
        content_type="application/x-www-form-urlencoded",
        body=body,
    )
    world.write(lambda tx: tx.add_notices([notice], after(due)))
    return call


def claim(world: World, at: float = 0, owner: OwnerId = OWNER, limit: int = 10) -> list[OwedNotice]:
    return world.write(lambda tx: claim_due_notices(tx, owner, after(at), limit))


def note(
    world: World,
    notice: OwedNotice,
    state: NoticeState,
    due_at: datetime | None = None,
    *,
    owner: OwnerId = OWNER,
    delivery: Delivery = TIMEOUT,
) -> bool:
    tried = TriedNotice(
        id=notice.id,
        at=after(1),
        ended_at=after(2),
        delivery=delivery,
        state=state,
        due_at=due_at,
    )
    return notice.id in world.write(lambda tx: tx.note_deliveries(owner, [tried]))


def next_at(world: World) -> datetime | None:
    return world.read(lambda tx: tx.next_notice_at(HostsWanted()))
