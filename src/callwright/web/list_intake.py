"""A list from the body of a dialect's request into the store, and what is told about it."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request

from callwright.clock import Clock
from callwright.config import Config
from callwright.dialects import by_product
from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, ReadyList
from callwright.dialects.content import Content
from callwright.domain.account import Deployment, Product, User
from callwright.domain.call import Schedule
from callwright.service.load_list import ListLoader, QueuedList
from callwright.web.native.preferences import read_preferences
from callwright.web.request_body import ClientGone
from callwright.web.spool import received_body

READ_IN_THREAD = 64 * 1024
"""Bodies of more bytes are taken apart outside the event loop."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListIntake:
    """What taking a list in needs."""

    loader: ListLoader
    clock: Clock
    config: Config

    async def take(
        self, request: Request, product: Product, user: User, deployment: Deployment
    ) -> tuple[QueuedList, dict[str, str]]:
        """Queue the list that a `bulk_queue` request brings; also headers for its reply.

        Raises:
            RequestRefused: the request or its list is wrong; nothing was queued.
            ClientGone: the client left before it could be told; nothing was queued.
            Unavailable: see `ListLoader.load`.
        """
        lenient = read_preferences(request).lenient
        limit = self.config.limits.csv_bytes
        async with received_body(request, limit, self._spool_folder()) as body:
            now = self.clock.now()

            def open_list() -> tuple[Schedule, ReadyList]:
                return self._open(request, product, user, deployment, body)

            if len(body) > READ_IN_THREAD:
                schedule, ready = await asyncio.to_thread(open_list)
            else:
                schedule, ready = open_list()
            load = self.loader.load(user, deployment, schedule, ready, now, lenient=lenient)
            queued = await _unless_gone(request, load)
        headers = {"X-Batch-Id": str(queued.id)}
        if lenient:
            headers["Preference-Applied"] = "handling=lenient"
            headers["X-Rejected-Rows"] = str(queued.rejected)
        return queued, headers

    def _open(
        self, request: Request, product: Product, user: User, deployment: Deployment, body: Content
    ) -> tuple[Schedule, ReadyList]:
        limits = self.config.limits
        return by_product[product].open_contacts(
            read_body(request.headers.get("content-type"), body),
            now=self.clock.now(),
            default_country=self.config.numbers.default_country,
            deployment=deployment,
            pci_granted=user.pci_granted,
            limits=ListLimits(
                rows=limits.csv_rows, bytes=limits.csv_bytes, columns=limits.csv_columns
            ),
        )

    def _spool_folder(self) -> Path:
        """Beside the database: a disk with room, and never one that is memory."""
        path = self.config.sqlite_path
        return self.config.folder if path is None else path.parent


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What `work` gives; it is cancelled when the client hangs up first.

    A client that gave up was not told that its list is queued, and may well send it again.

    Raises:
        ClientGone: the client hung up.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
