"""Taking a list on: stored slice by slice as it is read, seen by nobody, live at the end.

All of it or nothing: if a row is wrong, the reader dies, the asker goes away or this process
ends, the batch is dropped; what it left is deleted when there is nothing better to do. The
one writer is never held for longer than a slice, so calls are dialled on time meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from callwright.dialects.contacts import ReadyList
from callwright.domain.account import Deployment, User
from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import BatchId
from callwright.errors import StoreUnavailable
from callwright.ports.store import Lane, RejectedRow, Store, WriteTx
from callwright.service.list_reader import ListReaders
from callwright.service.list_slices import ListSlice
from callwright.service.spool_file import SpoolFile

LISTS_AT_ONCE = 2
"""Large lists that are read at the same time; others wait for their turn."""

REJECTED_AT_ONCE = 500
"""Rows that were left out, kept in one transaction."""

SLICES_AHEAD = 4
"""Slices given to the writer before the first of them is stored: it need not wait for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedList:
    """A list that is live."""

    id: BatchId
    calls: int
    rejected: int
    """Rows that were refused while the others were queued."""


@dataclass(slots=True, kw_only=True)
class ListProgress:
    """How far a list is that is being loaded."""

    bytes_total: int
    """0: it does not come from a file."""
    bytes_read: int = 0
    calls: int = 0
    """Stored so far."""
    rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Rows that were refused while the others were queued, and how they are written."""

    header: str
    delimiter: str
    rows: Sequence[RejectedRow]
    """By line, ascending."""


AtOpen = Callable[[WriteTx, BatchId], None]
AtEnd = Callable[[WriteTx, QueuedList], None]


class ReadsLists(Protocol):
    """Turns lists into slices, somewhere."""

    def expect(self, file: SpoolFile) -> None: ...

    def read(self, ready: ReadyList, *, lenient: bool) -> AsyncGenerator[ListSlice, None]:
        """See `ListReaders.read`."""
        ...


class ListLoader:
    """Loads lists into one store, a few at a time, and tells how far they are."""

    def __init__(self, store: Store, readers: ReadsLists | None = None) -> None:
        """`readers` None: in threads and processes."""
        self._store = store
        self._readers = ListReaders(LISTS_AT_ONCE) if readers is None else readers
        self._loading: dict[BatchId, ListProgress] = {}

    def progress(self, batch_id: BatchId) -> ListProgress | None:
        """How far a list is; None: it is not being loaded (or by another process)."""
        return self._loading.get(batch_id)

    def is_loading(self, batch_id: BatchId) -> bool:
        """Whether a list is being loaded here. May be asked from any thread."""
        return batch_id in self._loading

    def expect(self, file: SpoolFile) -> None:
        """A list seems to be coming into `file`; without this it only takes a little longer."""
        self._readers.expect(file)

    def read(self, ready: ReadyList, *, lenient: bool) -> AsyncGenerator[ListSlice, None]:
        """The slices of a list that is only to be checked; see `ListReaders.read`."""
        return self._readers.read(ready, lenient=lenient)

    async def load(
        self,
        user: User,
        deployment: Deployment,
        schedule: Schedule,
        ready: ReadyList,
        now: datetime,
        *,
        lenient: bool = False,
        at_open: AtOpen = lambda tx, batch_id: None,
        at_end: AtEnd = lambda tx, queued: None,
    ) -> QueuedList:
        """Queue a list; when this returns it is on disk, live and due.

        `lenient` queues the good rows and keeps the others beside them. `at_open` and
        `at_end` take part in the transactions that open the batch and make it live.

        Raises:
            RequestRefused: the list is wrong; nothing was queued.
            Unavailable: the store failed, or the process that read the list died. A commit
                that failed may be on disk all the same.
        """
        progress = ListProgress(bytes_total=len(ready.list.data))

        async def fill(batch: BatchId) -> None:
            await self._store_slices(batch, ready, progress, lenient=lenient)

        batch = await self._open(user, deployment, schedule, now, progress, at_open)
        return await self._load(batch, progress, fill, now, at_end)

    async def load_contacts(
        self,
        user: User,
        deployment: Deployment,
        schedule: Schedule,
        slices: AsyncIterable[Sequence[Contact]],
        now: datetime,
        *,
        left_out: Callable[[], LeftOut] | None = None,
        at_open: AtOpen = lambda tx, batch_id: None,
        at_end: AtEnd = lambda tx, queued: None,
    ) -> QueuedList:
        """The same for contacts that are made one slice at a time; none if `slices` raises.

        `left_out` is asked when all are made.
        """
        progress = ListProgress(bytes_total=0)

        async def fill(batch: BatchId) -> None:
            async for contacts in slices:
                await self._store.write(partial(_add_calls, batch, contacts), lane=Lane.IMPORT)
                progress.calls += len(contacts)
            if left_out is not None:
                await self._keep_rejected(batch, await asyncio.to_thread(left_out), progress)

        batch = await self._open(user, deployment, schedule, now, progress, at_open)
        return await self._load(batch, progress, fill, now, at_end)

    async def load_by(
        self,
        user: User,
        deployment: Deployment,
        schedule: Schedule,
        fill: Callable[[BatchId], Awaitable[None]],
        now: datetime,
        *,
        at_open: AtOpen = lambda tx, batch_id: None,
        at_end: AtEnd = lambda tx, queued: None,
    ) -> QueuedList:
        """The same for calls that `fill` stores; none if it raises."""
        progress = ListProgress(bytes_total=0)
        batch = await self._open(user, deployment, schedule, now, progress, at_open)
        return await self._load(batch, progress, fill, now, at_end)

    async def _keep_rejected(
        self, batch: BatchId, left_out: LeftOut, progress: ListProgress
    ) -> None:
        for at in range(0, len(left_out.rows), REJECTED_AT_ONCE):
            rows = left_out.rows[at : at + REJECTED_AT_ONCE]
            await self._store.write(partial(_add_rejected, batch, left_out, rows), lane=Lane.IMPORT)
            progress.rejected += len(rows)

    async def _open(
        self,
        user: User,
        deployment: Deployment,
        schedule: Schedule,
        now: datetime,
        progress: ListProgress,
        at_open: AtOpen,
    ) -> BatchId:
        opened: list[BatchId] = []

        def open_batch(tx: WriteTx) -> BatchId:
            batch = tx.open_batch(deployment.id, user.id, schedule, now)
            # Before it can be seen: who sees one that nobody loads takes it for a dead one's.
            self._loading[batch] = progress
            opened.append(batch)
            at_open(tx, batch)
            return batch

        try:
            return await self._store.write(open_batch, lane=Lane.INTAKE)
        except BaseException:
            for batch in opened:
                self._forget(batch, progress)
            raise

    async def _load(
        self,
        batch: BatchId,
        progress: ListProgress,
        fill: Callable[[BatchId], Awaitable[None]],
        now: datetime,
        at_end: AtEnd,
    ) -> QueuedList:
        def go_live(tx: WriteTx) -> QueuedList:
            queued = QueuedList(id=batch, calls=tx.go_live(batch, now), rejected=progress.rejected)
            at_end(tx, queued)
            return queued

        try:
            await fill(batch)
            return await self._store.write(go_live, lane=Lane.INTAKE)
        except BaseException:
            # ValueError: it went live while we were told to stop, or that could not be told.
            with suppress(ValueError, StoreUnavailable):
                await self._store.write(lambda tx: tx.drop_batch(batch), lane=Lane.IMPORT)
            raise
        finally:
            self._forget(batch, progress)

    def _forget(self, batch: BatchId, progress: ListProgress) -> None:
        # A batch that was undone leaves its id to the next one.
        if self._loading.get(batch) is progress:
            del self._loading[batch]

    async def _store_slices(
        self, batch: BatchId, ready: ReadyList, progress: ListProgress, *, lenient: bool
    ) -> None:
        under_way: deque[asyncio.Task[None]] = deque()
        try:
            async with aclosing(self._readers.read(ready, lenient=lenient)) as slices:
                async for piece in slices:
                    storing = self._store_slice(batch, ready, piece, progress)
                    under_way.append(asyncio.create_task(storing))
                    if len(under_way) >= SLICES_AHEAD:
                        await under_way.popleft()
            while under_way:
                await under_way.popleft()
        finally:
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _store_slice(
        self, batch: BatchId, ready: ReadyList, piece: ListSlice, progress: ListProgress
    ) -> None:
        def add(tx: WriteTx) -> None:
            if piece.calls:
                tx.add_rows(batch, piece.values())
            if piece.rejected:
                contacts = ready.list
                tx.add_rejected_rows(
                    batch, contacts.header, contacts.delimiter, piece.rejected_rows()
                )

        await self._store.write(add, lane=Lane.IMPORT)
        progress.bytes_read = piece.bytes_read
        progress.calls += piece.calls
        progress.rejected += len(piece.rejected)


def _add_rejected(
    batch: BatchId, left_out: LeftOut, rows: Sequence[RejectedRow], tx: WriteTx
) -> None:
    tx.add_rejected_rows(batch, left_out.header, left_out.delimiter, rows)


def _add_calls(batch: BatchId, contacts: Sequence[Contact], tx: WriteTx) -> None:
    tx.add_calls(batch, contacts)
