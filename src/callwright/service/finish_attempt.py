"""What an attempt's end means for its call: decided, saved and told in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callwright.domain.ids import CallId, OwnerId
from callwright.domain.lifecycle import CallEvent, CallState, next_state
from callwright.domain.outcome import Outcome
from callwright.domain.retry import after_attempt
from callwright.ports.store import AttemptEnd, WriteTx
from callwright.service.tell_result import NoticeStyle, tell_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended, as the line told it or recovery concluded."""

    call_id: CallId
    attempt: int
    owner: OwnerId
    at: datetime
    outcome: Outcome
    rang: bool = False
    sip_code: int = 0
    reason: str = ""
    retry_after: timedelta = timedelta(0)
    script_finished: bool = False
    """The callee went through the whole script: a response, where responses count."""


def finish_attempt(
    tx: WriteTx, ending: Ending, now: datetime, style: NoticeStyle
) -> CallState | None:
    """The state the call is in now; None when it was not in motion under this claim."""
    active = tx.active_call(ending.call_id, ending.attempt, ending.owner)
    if active is None:
        return None
    decision = after_attempt(
        ending.outcome,
        ended_at=ending.at,
        attempts=active.counted,
        given_back=active.given_back,
        rang=ending.rang or active.rang,
        canceled=active.canceled,
        policy=active.schedule.retry,
        window=active.schedule.window,
        retry_after=ending.retry_after,
    )
    state = next_state(active.state, decision.event)
    end = AttemptEnd(
        at=ending.at,
        outcome=ending.outcome,
        counts=decision.counts,
        sip_code=ending.sip_code,
        reason=ending.reason,
    )
    if decision.event is CallEvent.RETRY:
        assert decision.due_at is not None
        return state if tx.retry_call(active, end, decision.due_at) else None
    if not tx.end_active_call(active, end, state, ending.at):
        return None
    if ending.script_finished:
        tx.count_response(active.deployment_id)
    tell_result(tx, ending.call_id, now, style)
    return state
