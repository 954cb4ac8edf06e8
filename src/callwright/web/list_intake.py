"""A list from the body of a dialect's request into the store, and what is told about it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from callwright.clock import Clock
from callwright.config import Config
from callwright.dialects import by_product
from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, ReadyList
from callwright.dialects.content import Content
from callwright.dialects.form import Form
from callwright.domain.account import Deployment, User
from callwright.domain.call import Schedule
from callwright.domain.ids import BatchId
from callwright.ports.pacing_view import PacingView
from callwright.ports.repeats import Answer, KeptRequest
from callwright.ports.store import WriteTx
from callwright.service.idempotency import Given, ListOnce, hash_of_file
from callwright.service.load_list import ListLoader, QueuedList
from callwright.web.native.preferences import read_preferences
from callwright.web.overflow import fit_check, fit_headers, join_applied
from callwright.web.repeats import answer_of, asked_in_form, duplicate_header, kept_answer
from callwright.web.spool import received_body

T = TypeVar("T")

READ_IN_THREAD = 64 * 1024
"""Bodies of more bytes are taken apart outside the event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListIntake:
    """What taking a list in needs."""

    loader: ListLoader
    clock: Clock
    config: Config
    pacing: PacingView

    async def take(
        self,
        request: Request,
        user: User,
        target: Deployment | KeptRequest,
        reply: Callable[[QueuedList, dict[str, str]], Response],
    ) -> tuple[Given, int]:
        """The answer to a `bulk_queue` request, and how many calls were queued for it.

        `target` is what to call on, or what the request's key stands for already; `reply`
        tells a list that was queued, with some headers.

        Raises:
            RequestRefused: the request or its list is wrong; nothing was queued.
            ClientGone: the client left before all of it had come; nothing was queued.
            Unavailable: see `ListLoader.load`.
        """
        lenient = read_preferences(request).lenient
        limit = self.config.limits.csv_bytes
        async with received_body(request, limit, self._spool_folder(), self.loader.expect) as body:
            now = self.clock.now()

            def read_form() -> tuple[Form, bytes | None]:
                form = read_body(request.headers.get("content-type"), body)
                return form, hash_of_file(form)

            form, file_hash = await _aside_if_large(body, read_form)
            file = None if file_hash is None else file_hash.hex()
            asked = asked_in_form(request, user, form, file, lenient)
            if isinstance(target, KeptRequest):
                return kept_answer(target, asked), 0

            def open_list() -> tuple[Schedule, ReadyList]:
                return self._open(form, user, target, now)

            schedule, ready = await _aside_if_large(body, open_list)

            fit = fit_check(request, self.pacing, self.clock, field="end_timestamp")

            def tell(tx: WriteTx, queued: QueuedList, same: BatchId | None) -> Answer:
                headers = {"X-Batch-Id": str(queued.id), **duplicate_header(same)}
                headers |= fit_headers(fit, fit.batch(tx, queued.id))
                if lenient:
                    headers = join_applied(headers, "handling=lenient")
                    headers["X-Rejected-Rows"] = str(queued.rejected)
                return answer_of(reply(queued, headers))

            once = ListOnce(
                asked=asked,
                deployment_id=target.id,
                file_hash=file_hash,
                now=now,
                is_loading=self.loader.is_loading,
                tell=tell,
            )
            queued = await self.loader.load(
                user,
                target,
                schedule,
                ready,
                now,
                lenient=lenient,
                at_open=once.at_open,
                at_end=once.at_end,
            )
        return once.given, queued.calls

    def _open(
        self, form: Form, user: User, deployment: Deployment, now: datetime
    ) -> tuple[Schedule, ReadyList]:
        limits = self.config.limits
        return by_product[deployment.program.product].open_contacts(
            form,
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


async def _aside_if_large(body: Content, read: Callable[[], T]) -> T:
    """What `read` makes of `body`; of a large one outside the event loop."""
    return await asyncio.to_thread(read) if len(body) > READ_IN_THREAD else read()
