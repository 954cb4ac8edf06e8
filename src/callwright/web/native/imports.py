"""Lists that load after their request was answered (`Prefer: respond-async`).

The batch itself tells how far it is. What went wrong with one that failed is kept here for
a while, in memory: after a restart such a batch is simply not there, as nothing was queued.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from callwright.domain.account import Deployment, Product, User
from callwright.domain.ids import BatchId, DeploymentId, UserId
from callwright.errors import RequestRefused, StoreUnavailable

log = structlog.get_logger()

KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedImport:
    """A list of which nothing was queued."""

    id: BatchId
    user_id: UserId
    deployment_id: DeploymentId
    product: Product
    at: datetime
    problem: Exception


class Imports:
    """The lists that load on their own account, and the last that failed."""

    def __init__(self, now: Callable[[], datetime], on_change: Callable[[], None]) -> None:
        self._now = now
        self._on_change = on_change
        self._tasks: set[asyncio.Task[None]] = set()
        self._loading: dict[BatchId, asyncio.Task[None]] = {}
        self._failed: OrderedDict[BatchId, FailedImport] = OrderedDict()

    async def begin(
        self,
        load: Coroutine[Any, Any, object],
        opened: asyncio.Future[BatchId],
        user: User,
        deployment: Deployment,
    ) -> BatchId:
        """Let `load` run on; the batch's id as soon as `opened` tells it.

        Raises:
            Exception: whatever `load` raised before there was a batch.
        """
        task = asyncio.create_task(self._run(load, opened, user, deployment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        batch_id = await asyncio.shield(opened)
        if not task.done():
            self._loading[batch_id] = task
            task.add_done_callback(lambda ended: self._loading.pop(batch_id, None))
        return batch_id

    def failed(self, batch_id: BatchId) -> FailedImport | None:
        """What became of a batch that is not there any more."""
        return self._failed.get(batch_id)

    async def gone(self, batch_id: BatchId) -> FailedImport | None:
        """The same for one that was just found missing: it is dropped a moment before it is
        known here that it failed."""
        if (task := self._loading.get(batch_id)) is not None:
            await asyncio.wait({task})
        return self.failed(batch_id)

    async def _run(
        self,
        load: Coroutine[Any, Any, object],
        opened: asyncio.Future[BatchId],
        user: User,
        deployment: Deployment,
    ) -> None:
        try:
            await load
        except Exception as exc:
            if not isinstance(exc, (RequestRefused, StoreUnavailable)):
                log.exception("loading a list failed")
            if not opened.done():
                opened.set_exception(exc)
                return
            self._keep(
                FailedImport(
                    id=opened.result(),
                    user_id=user.id,
                    deployment_id=deployment.id,
                    product=deployment.program.product,
                    at=self._now(),
                    problem=exc,
                )
            )
        else:
            self._on_change()

    def _keep(self, failed: FailedImport) -> None:
        log.info("list not queued", batch_id=failed.id)
        self._failed[failed.id] = failed
        while len(self._failed) > KEPT:
            self._failed.popitem(last=False)
