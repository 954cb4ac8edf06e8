"""Telling a `result_url` how a call ended."""

from datetime import datetime
from typing import Protocol

from callwright.domain.notice import Delivery
from callwright.ports.store import OwedNotice


class Sender(Protocol):
    """Something that makes one try at delivering a notice."""

    async def send(self, notice: OwedNotice, now: datetime) -> Delivery:
        """What the try that begins `now` came to. Never raises, and ends in bounded time.

        May be called for many notices at once.
        """
        ...

    async def close(self) -> None:
        """Release what is held. Nothing is sent afterwards."""
        ...
