"""Every attempt in flight: on disk first, then a leg on a line, then what became of it.

The order of things is the promise: an INVITE may leave only after the commit of its
attempt; a result is saved in one transaction with what it means for the call. How things
get to the disk is the journal's business, which rule decides that of
`service.begin_attempt` and `service.finish_attempt`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog

from callwright.clock import Clock
from callwright.domain.ids import CallId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import TRAITS, Outcome
from callwright.domain.pace import Measured
from callwright.domain.phone import mask_number
from callwright.ports.control import Keyed
from callwright.ports.line import (
    FromLine,
    LegAnswered,
    LegEnded,
    LegIdentified,
    LegKeyed,
    LegRinging,
    LegSent,
)
from callwright.ports.meter import SILENT, Meter
from callwright.ports.motion import Claim, Dialog, Hold
from callwright.ports.store import Store
from callwright.runtime.charge import Charge
from callwright.runtime.experience import Experience
from callwright.runtime.journal import Journal, Lost, Notices
from callwright.runtime.leg_times import audio_of
from callwright.runtime.legs import Lines, Place
from callwright.runtime.orders import TrunkRules, leg_order
from callwright.runtime.pacing import Pacer
from callwright.runtime.quotas import Quotas, whose
from callwright.service.begin_attempt import Begun, Started
from callwright.service.finish_attempt import Ending
from callwright.service.tell_result import NoticeStyle

log = structlog.get_logger()

SEND_WITHIN_S = 2.0
"""An INVITE that could not leave so soon after its commit does not leave at all: the machine
slept, and the world may have moved on."""

OVERDUE_MARGIN_S = 60.0
MISCONFIGURED_PAUSE_S = 30.0


class Attempts:
    """The attempts in flight on all trunks."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        lines: Lines,
        trunks: dict[str, TrunkRules],
        pacers: dict[str, Pacer],
        quotas: Quotas,
        style: NoticeStyle,
        notices: Notices,
        on_ended: Callable[[CallState | None], None],
        on_opt_out: Callable[[], None],
        meter: Meter = SILENT,
    ) -> None:
        """`on_ended` is told of each attempt whose end is on disk: the state its call is in now,
        None = not known; `on_opt_out` is called once somebody has opted out in a call."""
        self._clock = clock
        self._lines = lines
        self._trunks = trunks
        self._pacers = pacers
        self._quotas = quotas
        self._on_ended = on_ended
        self._meter = meter
        self._journal = Journal(
            store=store,
            clock=clock,
            style=style,
            notices=notices,
            on_ended=self._ended,
            on_opt_out=on_opt_out,
        )
        self._legs: dict[str, Charge] = {}
        self._in_flight: Counter[str] = Counter()
        self._experience = {name: Experience() for name in trunks}
        self._nothing_left = asyncio.Event()
        self._nothing_left.set()
        self._expecting = 0
        self._unwanted: set[CallId] = set()
        """Calls that somebody asked to have hung up before they were in our hands."""
        self._stopping = False

    def in_flight(self, trunk: str) -> int:
        """Claimed, dialling or talking on a trunk."""
        return self._in_flight[trunk]

    def measured(self, trunk: str) -> Measured:
        """What attempts on a trunk came to since this process began."""
        return self._experience[trunk].measured

    @property
    def nothing_left(self) -> asyncio.Event:
        """Set while no attempt is in flight and every result is on disk."""
        return self._nothing_left

    def known(self) -> set[tuple[int, int]]:
        """(call, attempt) of every leg this process is in charge of."""
        return {(leg.hold.call_id, leg.hold.attempt) for leg in self._legs.values()}

    def unsent(self) -> Sequence[Charge]:
        """Those whose INVITE may not have left, and may still."""
        since = self._clock.monotonic() - SEND_WITHIN_S
        return [
            leg
            for leg in self._legs.values()
            if not leg.has_left and not leg.is_over and leg.placed_at >= since
        ]

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """While attempts may be on their way to the disk that are not in our hands yet."""
        self._expecting += 1
        self._nothing_left.clear()
        try:
            yield
        finally:
            self._expecting -= 1
            self._look_if_nothing_left()

    def take_charge(self, trunk: str, started: Started, places: Mapping[CallId, Place]) -> None:
        """Dial what is on disk, each on the line chosen for it."""
        for call_id, state in started.ended:
            self._meter.call_ended(state)
            log.info("call ended before dialling", call_id=call_id, state=state)
        for call_id in started.lost:
            # The rescuer finds the claim, and releases it.
            log.error("attempt could not be written down", call_id=call_id)
        rules, at = self._trunks[trunk], self._clock.monotonic()
        self._quotas.started(at, started.begun)
        for begun in started.begun:
            claim = begun.claim
            leg = Charge(
                hold=Hold(claim.call_id, claim.attempt, claim.owner),
                trunk=trunk,
                number=claim.contact.dial.number,
                limited_by=whose(begun),
                placed_at=at,
                overdue_at=at + OVERDUE_MARGIN_S + rules.ring_timeout_s + rules.max_length_s,
            )
            self._legs[leg.name] = leg
            self._in_flight[trunk] += 1
            self._place(leg, begun, places[claim.call_id].line)

    def heard(self, message: FromLine) -> None:
        """What a line said of a leg."""
        leg = self._legs.get(getattr(message, "leg", ""))
        if leg is None or leg.is_over:
            return
        leg.has_left = True
        leg.times.heard(message)
        match message:
            case LegSent():
                self._journal.progress(leg.hold).remote_address = message.remote_address
            case LegRinging():
                self._trunk_works(leg)
                progress = self._journal.progress(leg.hold)
                progress.rang_at = _moment(message.at)
                progress.early_tag = message.to_tag or None
            case LegAnswered():
                self._trunk_works(leg)
                log.info("call answered", call_id=leg.hold.call_id, attempt=leg.hold.attempt)
                progress = self._journal.progress(leg.hold)
                progress.answered_at = _moment(message.at)
                progress.dialog = Dialog(
                    to_tag=message.to_tag,
                    remote_target=message.remote_target,
                    route_set=message.route_set,
                    cseq=message.cseq,
                )
            case LegKeyed():
                keyed = Keyed(at=_moment(message.at), name=message.name, value=message.value)
                self._journal.progress(leg.hold).keyed.append(keyed)
            case LegIdentified():
                self._journal.progress(leg.hold).identified = message.verdict
                self._meter.identified(leg.trunk, message.verdict.who)
            case LegEnded():
                self._trunk_showed(leg, message)
                if (measures := leg.times.measures(message)) is not None:
                    self._meter.leg_measured(leg.trunk, measures)
                leg.is_over = True
                self._journal.end(self._ending(leg, message))

    def legs_lost(self, names: set[str], reason: str) -> None:
        """Their line died: the attempts count, and what they came to is not known."""
        for name in sorted(names & self._legs.keys()):
            self._lose(self._legs[name], f"line died: {reason}", died=True)

    def end_overdue(self) -> None:
        """End attempts whose line has kept silent for longer than any leg can last."""
        now = self._clock.monotonic()
        for name, leg in self._legs.items():
            if now >= leg.overdue_at and not leg.is_over:
                log.error("attempt overdue", call_id=leg.hold.call_id, attempt=leg.hold.attempt)
                self._lines.hang_up(name)
                self._lose(leg, "no word from the line")

    def hang_up(self, call_id: CallId) -> None:
        """End the leg of a call, if this process has one: an explicit request."""
        for name, leg in self._legs.items():
            if leg.hold.call_id == call_id:
                self._lines.hang_up(name)
        if self._expecting:
            self._unwanted.add(call_id)

    def hang_up_all(self) -> None:
        """End every leg: the server is being stopped. Who rings now counts as interrupted."""
        self._stopping = True
        self._lines.hang_up_all()

    async def settle(self) -> None:
        """Until everything that was heard is on disk."""
        await self._journal.settle()

    def _place(self, leg: Charge, begun: Begun, line: int) -> None:
        log.info(
            "call dialled",
            call_id=leg.hold.call_id,
            attempt=leg.hold.attempt,
            trunk=leg.trunk,
            number=mask_number(begun.intent.number),
        )
        self._meter.attempt_started(leg.trunk)
        send_before = self._send_before(begun.claim)
        order = leg_order(leg.name, begun, self._trunks[leg.trunk], send_before)
        if not self._lines.place(line, order, begun.deployment.script):
            self._lose(leg, "no line")
        elif leg.hold.call_id in self._unwanted:
            self._lines.hang_up(leg.name)  # asked for before the line had it

    def _send_before(self, claim: Claim) -> float:
        """The monotonic second after which the INVITE must not leave any more.

        The window was looked at before the commit, and a commit can take long.
        """
        within_s = SEND_WITHIN_S
        closes_at = claim.schedule.window.closes_at
        if closes_at is not None:
            within_s = min(within_s, (closes_at - self._clock.now()).total_seconds())
        return self._clock.monotonic() + within_s

    def _lose(self, leg: Charge, reason: str, *, died: bool = False) -> None:
        """Nobody can say any more how the attempt went."""
        if not leg.is_over:
            leg.is_over = True
            self._journal.end(Lost(hold=leg.hold, reason=reason, died=died))

    def _ending(self, leg: Charge, ended: LegEnded) -> Ending:
        return Ending(
            call_id=leg.hold.call_id,
            attempt=leg.hold.attempt,
            owner=leg.hold.owner,
            at=_moment(ended.at),
            outcome=self._outcome(ended),
            rang=ended.rang,
            sip_code=ended.sip_code,
            reason=ended.reason,
            retry_after=timedelta(seconds=ended.retry_after_s),
            script_finished=ended.finished,
            audio=audio_of(ended),
        )

    def _outcome(self, ended: LegEnded) -> Outcome:
        if ended.outcome is Outcome.INTERRUPTED and not ended.sent:
            return Outcome.TRUNK_TROUBLE  # nobody was disturbed: it may be given back
        if ended.outcome is not Outcome.CANCELED:
            return ended.outcome
        if ended.answered:
            # Hung up by request while talking: the person was reached.
            return Outcome.ANSWERED
        return Outcome.INTERRUPTED if self._stopping else Outcome.CANCELED

    def _trunk_showed(self, leg: Charge, ended: LegEnded) -> None:
        """Let the pacing know how the trunk behaved. What never left says nothing of it."""
        if not ended.sent:
            return
        trunk, now = leg.trunk, self._clock.monotonic()
        pacer = self._pacers[trunk]
        if ended.outcome is Outcome.TRUNK_TROUBLE:
            if pacer.trunk_failed(now, ended.retry_after_s, asked_at=leg.placed_at):
                log.error("trunk in trouble; probing it slowly", trunk=trunk, reason=ended.reason)
        elif ended.outcome is Outcome.TRUNK_MISCONFIGURED:
            log.error(
                "trunk refuses our settings; paused",
                trunk=trunk,
                reason=ended.reason,
                pause_s=MISCONFIGURED_PAUSE_S,
            )
            pacer.pause(now, MISCONFIGURED_PAUSE_S)
        elif ended.sip_code:
            self._trunk_works(leg)

    def _trunk_works(self, leg: Charge) -> None:
        """Something came back that is the callee's: the trunk does its part."""
        pacer, now = self._pacers[leg.trunk], self._clock.monotonic()
        if pacer.trunk_answered(now, asked_at=leg.placed_at):
            log.info("trunk works again", trunk=leg.trunk)

    def _ended(self, ending: Ending | Lost, state: CallState | None) -> None:
        """An end is on disk."""
        call_id, attempt, _ = ending.hold
        leg = self._legs.pop(f"{call_id}.{attempt}", None)
        facts = {"call_id": call_id, "attempt": attempt, "reason": ending.reason}
        if isinstance(ending, Lost):
            # Only who was answered is done with all the same.
            talked = state is CallState.COMPLETED
            outcome = Outcome.INTERRUPTED_TALKING if talked else Outcome.INTERRUPTED
            log.warning("attempt lost", outcome=outcome, **facts)
        else:
            outcome = ending.outcome
            fault = TRAITS[outcome].fault
            log.info("attempt ended", outcome=outcome, fault=fault, state=state, **facts)
        if state is not None and state.is_final:
            self._meter.call_ended(state)
        if leg is not None:
            self._meter.attempt_ended(leg.trunk, outcome)
            self._experience[leg.trunk].ended(outcome, self._clock.monotonic() - leg.placed_at)
            self._in_flight[leg.trunk] -= 1
            self._quotas.ended(leg.limited_by)
        self._look_if_nothing_left()
        self._on_ended(state)

    def _look_if_nothing_left(self) -> None:
        if not self._expecting:
            self._unwanted.clear()
            if not self._legs:
                self._nothing_left.set()


def _moment(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
