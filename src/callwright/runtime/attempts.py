"""Every attempt in flight: on disk first, then a leg on a line, then what became of it.

The order of things is the promise: an INVITE may leave only after the commit of its
attempt; a result is saved in one transaction with what it means for the call, and again
and again until the store takes it. Which rule decides is `service.finish_attempt`'s
business, not done here.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from callwright.clock import Clock
from callwright.domain.ids import CallId, OwnerId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import TRAITS, Outcome
from callwright.domain.phone import mask_number
from callwright.errors import StoreUnavailable
from callwright.ports.line import (
    FromLine,
    LegAnswered,
    LegEnded,
    LegKeyed,
    LegRinging,
    LegSent,
    LegStep,
)
from callwright.ports.meter import SILENT, Meter
from callwright.ports.store import Claim, Dialog, Intent, Store, WriteTx
from callwright.runtime.legs import Lines
from callwright.runtime.orders import TrunkRules, leg_order, new_intent
from callwright.runtime.pacing import Pacer
from callwright.runtime.saving import saved_in_turn
from callwright.service.abandon_attempt import abandon_attempt
from callwright.service.begin_attempt import Begun, begin_attempt
from callwright.service.finish_attempt import Ending, finish_attempt
from callwright.service.tell_result import NoticeStyle

log = structlog.get_logger()
T = TypeVar("T")

SEND_WITHIN_S = 2.0
"""An INVITE that could not leave so soon after its commit does not leave at all: the machine
slept, and the world may have moved on."""

OVERDUE_MARGIN_S = 60.0
MISCONFIGURED_PAUSE_S = 30.0


@dataclass(slots=True)
class _Leg:
    """An attempt of which this process is in charge."""

    claim: Claim
    intent: Intent
    line: int
    overdue_at: float
    """Monotonic: by then its line must have said that it ended."""
    unwanted: bool = False
    """Somebody asked to have it hung up."""
    saving: asyncio.Task[None] | None = None
    """The last thing said of it that is to be saved; what is said later waits its turn."""


class Attempts:
    """The attempts in flight on all trunks."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        owner: OwnerId,
        lines: Lines,
        trunks: dict[str, TrunkRules],
        pacers: dict[str, Pacer],
        style: NoticeStyle,
        on_change: Callable[[], None],
        meter: Meter = SILENT,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._lines = lines
        self._trunks = trunks
        self._pacers = pacers
        self._style = style
        self._on_change = on_change
        self._meter = meter
        self._legs: dict[str, _Leg] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._nothing_left = asyncio.Event()
        self._nothing_left.set()
        self._stopping = False

    def in_flight(self, trunk: str) -> int:
        """Claimed, dialling or talking on a trunk."""
        return sum(leg.intent.trunk == trunk for leg in self._legs.values())

    @property
    def nothing_left(self) -> asyncio.Event:
        """Set while no attempt is in flight and every result is on disk."""
        return self._nothing_left

    def known(self) -> set[tuple[int, int]]:
        """(call, attempt) of every leg this process is in charge of."""
        return {(leg.claim.call_id, leg.claim.attempt) for leg in self._legs.values()}

    def start(self, trunk: str, claims: Sequence[Claim]) -> None:
        """Take claimed calls in charge and dial them."""
        rules = self._trunks[trunk]
        legs = {}
        for claim in claims:
            chosen = self._lines.choose(trunk)
            line, local_sip = chosen if chosen is not None else (-1, "")
            name = f"{claim.call_id}.{claim.attempt}"
            legs[name] = _Leg(
                claim=claim,
                intent=new_intent(claim, rules, local_sip, self._clock.now()),
                line=line,
                overdue_at=self._clock.monotonic() + OVERDUE_MARGIN_S,
            )
        self._legs.update(legs)
        self._nothing_left.clear()
        self._spawn(self._begin(legs))

    def heard(self, message: FromLine) -> None:
        """What a line said of a leg."""
        leg = self._legs.get(getattr(message, "leg", ""))
        if leg is None or isinstance(message, LegStep):
            return
        claim, at = leg.claim, _moment(getattr(message, "at", 0.0))
        call_id, attempt = claim.call_id, claim.attempt
        match message:
            case LegSent(remote_address=address):
                self._save(leg, lambda tx: tx.note_sent(call_id, attempt, address))
            case LegRinging():
                self._save(leg, lambda tx: tx.note_ringing(call_id, attempt, at))
            case LegAnswered():
                dialog = Dialog(
                    to_tag=message.to_tag,
                    remote_target=message.remote_target,
                    route_set=message.route_set,
                    cseq=message.cseq,
                )
                log.info("call answered", call_id=call_id, attempt=attempt)
                self._save(
                    leg, lambda tx: tx.note_answered(call_id, attempt, claim.owner, at, dialog)
                )
            case LegKeyed(name=name, value=value):
                self._save(leg, lambda tx: tx.add_answer(call_id, attempt, at, name, value))
            case LegEnded():
                self._trunk_showed(leg.intent.trunk, message)
                self._spawn(
                    self._finish(
                        message.leg,
                        leg,
                        Ending(
                            call_id=call_id,
                            attempt=attempt,
                            owner=claim.owner,
                            at=at,
                            outcome=self._outcome(message),
                            rang=message.rang,
                            sip_code=message.sip_code,
                            reason=message.reason,
                            retry_after=timedelta(seconds=message.retry_after_s),
                            script_finished=message.finished,
                        ),
                    )
                )

    def legs_lost(self, names: set[str], reason: str) -> None:
        """Their line died: the attempts count, and what they came to is not known."""
        for name in sorted(names & self._legs.keys()):
            self._abandon(name, f"line died: {reason}")

    def end_overdue(self) -> None:
        """End attempts whose line has kept silent for longer than any leg can last."""
        now = self._clock.monotonic()
        for name, leg in list(self._legs.items()):
            if now >= leg.overdue_at:
                log.error("attempt overdue", call_id=leg.claim.call_id, attempt=leg.claim.attempt)
                self._lines.hang_up(name)
                self._abandon(name, "no word from the line")

    def hang_up(self, call_id: CallId) -> None:
        """End the leg of a call, if this process has one: an explicit request."""
        for name, leg in self._legs.items():
            if leg.claim.call_id == call_id:
                leg.unwanted = True
                self._lines.hang_up(name)

    def hang_up_all(self) -> None:
        """End every leg: the server is being stopped. Who rings now counts as interrupted."""
        self._stopping = True
        self._lines.hang_up_all()

    async def settle(self) -> None:
        """Until everything under way in this object is on disk."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _outcome(self, ended: LegEnded) -> Outcome:
        if ended.outcome is not Outcome.CANCELED:
            return ended.outcome
        if ended.answered:
            # Hung up by request while talking: the person was reached.
            return Outcome.ANSWERED
        return Outcome.INTERRUPTED if self._stopping else Outcome.CANCELED

    async def _begin(self, legs: dict[str, _Leg]) -> None:
        now = self._clock.now()
        try:
            begun = await self._store.write(partial(self._begin_all, list(legs.values()), now))
        except StoreUnavailable as exc:
            log.error("attempts could not be written down", calls=len(legs), reason=str(exc))
            for name in legs:
                # The commit may have landed all the same. Nothing was sent, and nothing will be.
                self._abandon(name, "the store failed before dialling")
            return
        for (name, leg), started in zip(legs.items(), begun, strict=True):
            if not isinstance(started, Begun):
                self._count_end(started)
                self._drop(name)
            elif name in self._legs:
                self._place(name, leg, started, self._send_before(leg.claim))

    def _send_before(self, claim: Claim) -> float:
        """The monotonic second after which the INVITE must not leave any more.

        The window was looked at before the commit, and a commit can take long.
        """
        within_s = SEND_WITHIN_S
        closes_at = claim.schedule.window.closes_at
        if closes_at is not None:
            within_s = min(within_s, (closes_at - self._clock.now()).total_seconds())
        return self._clock.monotonic() + within_s

    def _begin_all(
        self, legs: list[_Leg], now: datetime, tx: WriteTx
    ) -> list[Begun | CallState | None]:
        return [begin_attempt(tx, leg.claim, leg.intent, now, self._style) for leg in legs]

    def _place(self, name: str, leg: _Leg, begun: Begun, send_before: float) -> None:
        rules = self._trunks[leg.intent.trunk]
        leg.overdue_at += rules.ring_timeout_s + rules.max_length_s
        order = leg_order(name, begun, rules, send_before)
        intent = begun.intent
        log.info(
            "call dialled",
            call_id=intent.call_id,
            attempt=intent.attempt,
            trunk=intent.trunk,
            number=mask_number(intent.number),
        )
        self._meter.attempt_started(intent.trunk)
        if not self._lines.place(leg.line, order, begun.deployment.script):
            self._abandon(name, "no line")
        elif leg.unwanted:
            self._lines.hang_up(name)  # asked for before the line had it

    def _trunk_showed(self, trunk: str, ended: LegEnded) -> None:
        """Let the pacing know how the trunk behaved. What never left says nothing of it."""
        if not ended.sent:
            return
        pacer, now = self._pacers[trunk], self._clock.monotonic()
        if ended.outcome is Outcome.TRUNK_TROUBLE:
            if pacer.trunk_failed(now, ended.retry_after_s):
                log.error("trunk in trouble; probing it slowly", trunk=trunk, reason=ended.reason)
        elif ended.outcome is Outcome.TRUNK_MISCONFIGURED:
            log.error(
                "trunk refuses our settings; paused",
                trunk=trunk,
                reason=ended.reason,
                pause_s=MISCONFIGURED_PAUSE_S,
            )
            pacer.pause(now, MISCONFIGURED_PAUSE_S)
        elif ended.sip_code and pacer.trunk_answered():
            log.info("trunk works again", trunk=trunk)

    def _abandon(self, name: str, reason: str) -> None:
        """Nobody can say any more how the attempt went."""
        self._spawn(self._abandon_saved(name, reason))

    async def _abandon_saved(self, name: str, reason: str) -> None:
        leg = self._legs[name]
        claim, trunk = leg.claim, leg.intent.trunk

        def abandon(tx: WriteTx) -> CallState | None:
            active = tx.active_call(claim.call_id, claim.attempt, claim.owner)
            if active is None:
                return None
            return abandon_attempt(tx, active, reason, self._clock.now(), self._style)

        state = await self._saved_in_turn(leg, abandon)
        if state is not None:
            self._meter.attempt_ended(trunk, Outcome.INTERRUPTED)
        self._count_end(state)
        log.warning("attempt lost", call_id=claim.call_id, attempt=claim.attempt, reason=reason)
        self._drop(name)

    async def _finish(self, name: str, leg: _Leg, ending: Ending) -> None:
        now = max(self._clock.now(), ending.at)
        state = await self._saved_in_turn(
            leg, lambda tx: finish_attempt(tx, ending, now, self._style)
        )
        self._meter.attempt_ended(leg.intent.trunk, ending.outcome)
        self._count_end(state)
        log.info(
            "attempt ended",
            call_id=ending.call_id,
            attempt=ending.attempt,
            outcome=ending.outcome,
            fault=TRAITS[ending.outcome].fault,
            reason=ending.reason,
            state=state,
        )
        self._drop(name)

    def _count_end(self, state: CallState | None) -> None:
        if state is not None and state.is_final:
            self._meter.call_ended(state)

    def _drop(self, name: str) -> None:
        self._legs.pop(name, None)
        if not self._legs:
            self._nothing_left.set()
        self._on_change()

    def _save(self, leg: _Leg, work: Callable[[WriteTx], object]) -> None:
        leg.saving = self._spawn(self._saved_quietly(leg.saving, work))

    async def _saved_quietly(
        self, before: asyncio.Task[None] | None, work: Callable[[WriteTx], object]
    ) -> None:
        await saved_in_turn(self._store, self._clock, before, work)

    async def _saved_in_turn(self, leg: _Leg, work: Callable[[WriteTx], T]) -> T:
        return await saved_in_turn(self._store, self._clock, leg.saving, work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            # `end_overdue` brings its call home; nothing of it is lost.
            log.error("a fault in the life of an attempt", exc_info=fault)


def _moment(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
