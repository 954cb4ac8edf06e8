"""Searches of calls as their owner makes them, page by page."""

from datetime import datetime

from store_world import World

from callwright.domain.ids import CallId
from callwright.ports.control import CallsSought, Whose


def whose(world: World) -> Whose:
    return Whose(account_id=world.user.account_id, user_id=world.user.id)


def everything(world: World, sought: CallsSought, now: datetime, limit: int = 3) -> list[CallId]:
    """All pages of a search."""
    found: list[CallId] = []
    below: CallId | None = None
    while True:
        page = world.read(lambda tx, b=below: tx.find_calls(sought, below=b, limit=limit, now=now))
        found += [call.id for call in page.calls]
        below = page.looked_to
        if below is None:
            return found
