"""A list from the body of a dialect's request into the store, and what is told about it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.requests import Request

from callwright.clock import Clock
from callwright.config import Config
from callwright.dialects import by_product
from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, ReadyList
from callwright.dialects.content import Content
from callwright.domain.account import Deployment, User
from callwright.domain.call import Schedule
from callwright.service.load_list import ListLoader, QueuedList
from callwright.web.native.preferences import read_preferences
from callwright.web.spool import received_body

READ_IN_THREAD = 64 * 1024
"""Bodies of more bytes are taken apart outside the event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListIntake:
    """What taking a list in needs."""

    loader: ListLoader
    clock: Clock
    config: Config

    async def take(
        self, request: Request, user: User, deployment: Deployment
    ) -> tuple[QueuedList, dict[str, str]]:
        """Queue the list that a `bulk_queue` request brings; also headers for its reply.

        Raises:
            RequestRefused: the request or its list is wrong; nothing was queued.
            ClientGone: the client left before all of it had come; nothing was queued.
            Unavailable: see `ListLoader.load`.
        """
        lenient = read_preferences(request).lenient
        limit = self.config.limits.csv_bytes
        folder = self._spool_folder()
        async with received_body(request, limit, folder, self.loader.expect) as body:
            now = self.clock.now()

            def open_list() -> tuple[Schedule, ReadyList]:
                return self._open(request, user, deployment, body, now)

            if len(body) > READ_IN_THREAD:
                schedule, ready = await asyncio.to_thread(open_list)
            else:
                schedule, ready = open_list()
            queued = await self.loader.load(user, deployment, schedule, ready, now, lenient=lenient)
        headers = {"X-Batch-Id": str(queued.id)}
        if lenient:
            headers["Preference-Applied"] = "handling=lenient"
            headers["X-Rejected-Rows"] = str(queued.rejected)
        return queued, headers

    def _open(
        self, request: Request, user: User, deployment: Deployment, body: Content, now: datetime
    ) -> tuple[Schedule, ReadyList]:
        limits = self.config.limits
        return by_product[deployment.program.product].open_contacts(
            read_body(request.headers.get("content-type"), body),
            now=now,
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
