"""Servers that break a promise on purpose, so that a command which notices nothing is caught.

Each break is the bug that the promise is there to prevent, as somebody might write it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from callwright.domain.lifecycle import CallState
from callwright.domain.notice import NoticeState, NoticeStep
from callwright.domain.opt_out import is_opt_out
from callwright.domain.outcome import Outcome
from callwright.errors import StoreUnavailable
from callwright.ports.motion import ActiveCall, AttemptEnd, Hold, Progress, Retry
from callwright.ports.store import Lane, WriteTx
from callwright.runtime import attempts, callback_pump, dispatcher, journal, legs, rescuer
from callwright.service import begin_attempt, finish_attempt, note_progress, settle_calls
from callwright.service.finish_attempt import Ending
from callwright.service.tell_result import NoticeStyle, tell_results
from callwright.simulation.inline_store import InlineStore
from callwright.store.sqlite.transactions import SqliteWriteTx

OLD = timedelta(seconds=20)

Patch = tuple[object, str, Any]


class _Undone(Exception):
    """Raised in a transaction to leave no trace of it."""


def _intent_after_invite() -> list[Patch]:
    """Dial first, write it down when it is under way."""

    async def dial(self: Any, limit: int, now: datetime, seen_waiting: Any) -> Any:
        places = self._lines.choose(self._rules.name, limit)
        seen: list[Any] = []

        def look(tx: WriteTx) -> None:
            seen.append(self._begin_due(places, now, self._room(), seen_waiting, tx))
            raise _Undone

        with self._attempts.expecting():
            with suppress(_Undone):
                await self._store.write(look)
            [found] = seen
            self._attempts.take_charge(self._rules.name, found.started, found.places)
            begin = partial(self._begin_due, places, now, self._room(), seen_waiting)
            await self._store.write(begin)
        return found

    return [(dispatcher.Dispatcher, "_dial", dial)]


def _requeue(
    tx: WriteTx, active: ActiveCall, reason: str, now: datetime, style: NoticeStyle
) -> CallState:
    """Put a call back into the queue, as if nothing had been dialled."""
    due_at = now + timedelta(seconds=1)
    if active.state is CallState.CLAIMED:
        tx.release_claim(active, due_at)
    else:
        end = AttemptEnd(at=now, outcome=Outcome.INTERRUPTED, counts=False, reason=reason)
        halted = tx.halt_calls([Hold(active.call_id, active.attempt, active.owner)])
        tx.retry_calls([Retry(call=call, end=end, due_at=due_at) for call in halted])
    return CallState.WAITING


def _rescue_by_age() -> list[Patch]:
    """Take what looks old for what is dead."""
    look = rescuer.Rescuer._beat_and_look

    def look_for_old(self: Any, now: datetime, tx: WriteTx) -> Any:
        for call in tx.active_calls(self._owner):
            if call.claimed_at < now - OLD:
                _requeue(tx, call, "looked old", now, self._style)
        return look(self, now, tx)

    return [(rescuer.Rescuer, "_beat_and_look", look_for_old)]


def _blind_requeue() -> list[Patch]:
    """Put whatever was in motion at a death back into the queue."""
    return [(rescuer, "abandon_attempt", _requeue), (journal, "abandon_attempt", _requeue)]


def _redial_answered() -> list[Patch]:
    """Treat an answered call whose server died like one that was never dialled."""
    abandon = rescuer.abandon_attempt

    def forget_the_answer(tx: WriteTx, active: ActiveCall, *rest: Any) -> Any:
        talking = active.state is CallState.CONNECTED
        return _requeue(tx, active, *rest) if talking else abandon(tx, active, *rest)

    return [(rescuer, "abandon_attempt", forget_the_answer)]


def _notice_outside_transaction() -> list[Patch]:
    """End calls in one transaction, owe their notices in the next."""
    finish = journal.finish_attempts
    save = journal.Journal._save
    over: list[Any] = []

    def finish_quietly(tx: WriteTx, endings: Sequence[Ending], *rest: Any) -> Any:
        with patch.object(finish_attempt, "tell_results", lambda *arguments: None):
            states = finish(tx, endings, *rest)
        over.extend(
            ending.call_id
            for ending, state in zip(endings, states, strict=True)
            if state is not None and state.is_final
        )
        return states

    async def save_and_tell(self: Any, page: Any) -> Any:
        states = await save(self, page)
        told, over[:] = list(over), []
        now = self._clock.now()
        with suppress(StoreUnavailable):
            await self._store.write(lambda tx: tell_results(tx, told, now, self._style))
        return states

    return [
        (journal, "finish_attempts", finish_quietly),
        (journal.Journal, "_save", save_and_tell),
    ]


def _no_guard() -> list[Patch]:
    """Trust what was true when the call was claimed: no last look before dialling."""

    def two_seconds(self: Any, claim: Any) -> float:
        return float(self._clock.monotonic()) + attempts.SEND_WITHIN_S

    return [
        (begin_attempt, "_obstacle", lambda *arguments: None),
        (attempts.Attempts, "_send_before", two_seconds),
    ]


def _out_of_turn() -> list[Patch]:
    """Save what a line says in whatever order the disk allows."""
    writing: set[asyncio.Task[None]] = set()

    def turn(self: Any) -> None:
        async def write() -> None:
            page, self._page = self._page, journal._Page()
            await self._write(page)

        writing.add(task := asyncio.create_task(write()))
        task.add_done_callback(writing.discard)

    return [(journal.Journal, "_turn", turn)]


def _orphans_left() -> list[Patch]:
    """Bring the calls of a dead process home, and leave its legs to themselves."""

    async def end_none(self: Any, orphans: Any, timeout_s: float, on_ended: Any) -> None:
        await on_ended({orphan.attempt for orphan in orphans})

    return [(legs.Lines, "end_orphans", end_none)]


def _claims_forgotten() -> list[Patch]:
    """Take a claim of notices whose commit failed for one that is not on disk."""
    return [(SqliteWriteTx, "release_notices", lambda *arguments: 0)]


def _told_once() -> list[Patch]:
    """Take a notice for delivered, whatever the receiver said."""

    def delivered(*_: object, **__: object) -> NoticeStep:
        return NoticeStep(state=NoticeState.DELIVERED)

    return [(callback_pump, "after_delivery", delivered)]


def _silent_expiry() -> list[Patch]:
    """End what expired or was cancelled without telling anybody."""
    return [(settle_calls, "tell_results", lambda *arguments: None)]


def _no_quarantine() -> list[Patch]:
    """Dial again whatever kills, as often as it may be tried."""

    def shrug(*_: object) -> None:
        pass

    return [(rescuer, "quarantine_after_death", shrug), (journal, "quarantine_after_death", shrug)]


def _no_optout_check() -> list[Patch]:
    """Trust that whoever queues looks at the opt-out list."""
    return [(begin_attempt, "_opted_out", lambda *arguments: frozenset())]


def _optout_at_the_end() -> list[Patch]:
    """Keep in mind who opted out, and put them on the list when the call is over."""
    finish = journal.finish_attempts
    wanted: set[int] = set()

    def note(tx: WriteTx, reports: Sequence[Progress], now: datetime) -> None:
        tx.note_progress(reports)
        wanted.update(
            report.hold.call_id
            for report in reports
            if any(is_opt_out(keyed.name, keyed.value) for keyed in report.keyed)
        )

    def finish_and_note(
        tx: WriteTx, endings: Sequence[Ending], now: datetime, style: NoticeStyle
    ) -> Any:
        for ending in endings:
            if ending.call_id in wanted:
                note_progress._opt_out(tx, ending.call_id, now)
        return finish(tx, endings, now, style)

    return [(journal, "note_progress", note), (journal, "finish_attempts", finish_and_note)]


def _key_outside_transaction() -> list[Patch]:
    """Queue in one transaction, keep what was answered in the next."""
    write, keep = InlineStore.write, SqliteWriteTx.keep_answer

    def keep_later(tx: Any, *answer: Any) -> None:
        tx.__dict__.setdefault("to_keep", []).append(answer)

    async def write_and_keep(self: Any, work: Any, *, lane: Lane = Lane.LIFE) -> Any:
        tx = self._groups._tx
        try:
            result = await write(self, work, lane=lane)
        finally:
            answers = tx.__dict__.pop("to_keep", [])
        if answers:
            await write(self, lambda tx: [keep(tx, *each) for each in answers], lane=lane)
        return result

    return [
        (SqliteWriteTx, "keep_answer", keep_later),
        (InlineStore, "write", write_and_keep),
    ]


BREAKS: dict[str, Callable[[], list[Patch]]] = {
    "intent-after-invite": _intent_after_invite,
    "rescue-by-age": _rescue_by_age,
    "blind-requeue": _blind_requeue,
    "redial-answered": _redial_answered,
    "notice-outside-transaction": _notice_outside_transaction,
    "no-guard": _no_guard,
    "key-outside-transaction": _key_outside_transaction,
    "out-of-turn": _out_of_turn,
    "orphans-left": _orphans_left,
    "claims-forgotten": _claims_forgotten,
    "told-once": _told_once,
    "silent-expiry": _silent_expiry,
    "no-quarantine": _no_quarantine,
    "no-optout-check": _no_optout_check,
    "optout-at-the-end": _optout_at_the_end,
}


@contextmanager
def breaking(
    name: str | None, breaks: Mapping[str, Callable[[], list[Patch]]] = BREAKS
) -> Iterator[None]:
    """Let the server break that promise, one of `breaks`, within the context; None = none."""
    with ExitStack() as stack:
        for target, attribute, value in breaks[name]() if name else []:
            stack.enter_context(patch.object(target, attribute, value))
        yield
