"""Writes down what becomes of attempts: in order, many in one transaction, until it is on disk.

While one transaction is on its way, everything heard meanwhile is put on the next page: under
load a hundred calls share a commit, and a single one waits for nobody. What one transaction
holds is each guarded by its claim, so that saving it a second time changes nothing.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from callwright.clock import Clock
from callwright.domain.lifecycle import CallState
from callwright.errors import StoreUnavailable
from callwright.ports.motion import Hold, Progress
from callwright.ports.store import Store, WriteTx
from callwright.service.abandon_attempt import abandon_attempt
from callwright.service.finish_attempt import Ending, finish_attempts
from callwright.service.note_progress import note_progress, opts_out
from callwright.service.quarantine_calls import quarantine_after_death
from callwright.service.tell_result import NoticeStyle

log = structlog.get_logger()

SAVE_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An attempt of which nobody can say any more how it went."""

    hold: Hold
    reason: str
    died: bool = False
    """The process that had it died, rather than kept silent."""


class NoticeClaim(Protocol):
    """What a page does for the notices that it writes: `take` last, then one of the others."""

    def take(self, tx: WriteTx, now: datetime) -> None: ...

    def done(self) -> None:
        """The page is on disk."""
        ...

    def failed(self) -> None:
        """It is not, or nobody knows."""
        ...


class Notices(Protocol):
    """Whoever sends notices."""

    def share_claim(self) -> NoticeClaim | None:
        """A claim for the page that is written next; None: `wake` after it instead."""
        ...

    def wake(self) -> None:
        """A notice was written."""
        ...


@dataclass(slots=True)
class _Page:
    """What goes into one transaction."""

    progress: dict[Hold, Progress] = field(default_factory=dict)
    endings: list[Ending] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def is_empty(self) -> bool:
        return not (self.progress or self.endings or self.lost)

    def ends(self) -> Sequence[Ending | Lost]:
        return (*self.endings, *self.lost)

    def single(self) -> Iterator["_Page"]:
        """A page for each attempt, in an order that keeps what was said of each."""
        for hold, progress in self.progress.items():
            yield _Page(progress={hold: progress})
        for ending in self.endings:
            yield _Page(endings=[ending])
        for lost in self.lost:
            yield _Page(lost=[lost])


class Journal:
    """The attempts' way to the disk."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        style: NoticeStyle,
        notices: Notices,
        on_ended: Callable[[Ending | Lost, CallState | None], None],
        on_opt_out: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_ended` is told of each end once it is on disk: the state its call is in now, or
        None when it was not in motion under that claim. `on_opt_out` is called once a callee's
        wish is on disk not to be called again."""
        self._store = store
        self._clock = clock
        self._style = style
        self._notices = notices
        self._on_ended = on_ended
        self._on_opt_out = on_opt_out
        self._page = _Page()
        self._writing: asyncio.Task[None] | None = None

    def progress(self, hold: Hold) -> Progress:
        """Where to note what was heard of an attempt; it is saved soon."""
        found = self._page.progress.get(hold)
        if found is None:
            found = self._page.progress[hold] = Progress(hold=hold)
            self._turn()
        return found

    def end(self, ending: Ending | Lost) -> None:
        """An attempt is over: the last that is said of it."""
        if isinstance(ending, Lost):
            self._page.lost.append(ending)
        else:
            self._page.endings.append(ending)
        self._turn()

    async def settle(self) -> None:
        """Until everything said so far is on disk."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    def _turn(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_pages())

    async def _write_pages(self) -> None:
        try:
            while not self._page.is_empty():
                page, self._page = self._page, _Page()
                await self._write(page)
        finally:
            self._writing = None

    async def _write(self, page: _Page) -> None:
        try:
            states = await self._save(page)
        except Exception as exc:
            parts = list(page.single())
            if len(parts) == 1:
                # The rescuer finds a row that nobody drives, and brings its call home.
                log.error("a fault in the life of an attempt", exc_info=exc)
                for ending in page.ends():
                    self._on_ended(ending, None)
                return
            for part in parts:
                await self._write(part)
            return
        if any(opts_out(progress) for progress in page.progress.values()):
            self._on_opt_out()
        for ending, state in zip(page.ends(), states, strict=True):
            self._on_ended(ending, state)

    async def _save(self, page: _Page) -> Sequence[CallState | None]:
        """Save a page, however often the store has to be asked; the states after each end."""
        while True:
            claim = self._notices.share_claim() if page.ends() else None
            try:
                states = await self._store.write(partial(self._write_down, page, claim))
            except BaseException as exc:
                if claim is not None:
                    claim.failed()
                if not isinstance(exc, StoreUnavailable):
                    raise
                log.error("result not saved yet; trying again", reason=str(exc))
                await self._clock.sleep(SAVE_AGAIN_S)
                continue
            if claim is not None:
                claim.done()
            elif any(state is not CallState.WAITING for state in states):
                self._notices.wake()
            return states

    def _write_down(
        self, page: _Page, claim: NoticeClaim | None, tx: WriteTx
    ) -> Sequence[CallState | None]:
        now = max([self._clock.now(), *(ending.at for ending in page.endings)])
        if page.progress:
            note_progress(tx, list(page.progress.values()), now)
        states = finish_attempts(tx, page.endings, now, self._style) if page.endings else []
        for lost in page.lost:
            active = tx.active_call(*lost.hold)
            if active is None:
                states.append(None)
                continue
            states.append(abandon_attempt(tx, active, lost.reason, now, self._style))
            if lost.died:
                quarantine_after_death(tx, lost.hold, now)
        if claim is not None and any(state is not CallState.WAITING for state in states):
            claim.take(tx, now)
        return states
