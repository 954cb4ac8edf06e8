"""Whether this server may dial: shut at a doubtful start, until a person opens it.

Nothing is dialled, told or written off while it is shut; requests are answered, calls are
accepted, and legs that a dead process left are still hung up.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callwright.clock import Clock
from callwright.ports.start import Held, OutsideNote
from callwright.ports.store import Store
from callwright.service.hold_start import HoldRules, begin_start

log = structlog.get_logger()


class Gate:
    """Passed by every loop that dials, tells or ends calls."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        note: OutsideNote,
        rules: HoldRules,
        resume: bool = False,
    ) -> None:
        """`resume`: a person has said already that this start may dial."""
        self._store = store
        self._clock = clock
        self._note = note
        self._rules = rules
        self._resume = resume
        self._opened = asyncio.Event()
        self.held: Held | None = None

    async def begin(self) -> None:
        """Count this start, and decide whether it is held."""
        noted, now = await self._note.read(), self._clock.now()
        generation, self.held = await self._store.write(
            lambda tx: begin_start(
                tx, noted, self._note.name, now, self._rules, resume=self._resume
            )
        )
        await self.note(generation)
        if self.held is None:
            self._opened.set()
        else:
            log.critical(
                "HELD AT START: nothing is dialled until you say `callwright resume server`",
                because=self.held.because,
                since=self.held.at.isoformat(),
            )

    async def note(self, generation: int) -> None:
        """Note outside how new the store is."""
        try:
            await self._note.write(generation)
        except OSError as exc:
            # What stands there is older than the store: no start is held because of it.
            log.error("cannot note how new the store is", file=self._note.name, reason=str(exc))

    async def open(self) -> None:
        """A person says that this server may dial; once it is on disk, it does."""
        await self._store.write(lambda tx: tx.end_hold())
        if self.held is not None:
            log.warning("no longer held at start", because=self.held.because)
        self.held = None
        self._opened.set()

    async def run_when_open(self, run: Callable[[], Awaitable[None]]) -> None:
        """Run a loop as soon as nothing holds it."""
        await self._opened.wait()
        await run()
