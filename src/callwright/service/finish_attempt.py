"""What the ends of attempts mean for their calls: decided, saved and told in one transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import msgspec

from callwright.domain.audio_report import AudioReport
from callwright.domain.ids import CallId, DeploymentId, OwnerId
from callwright.domain.lifecycle import CallEvent, CallState, next_state
from callwright.domain.outcome import Outcome
from callwright.domain.retry import RetryRules, after_attempt
from callwright.ports.motion import AttemptEnd, CallEnd, HaltedCall, Hold, Retry
from callwright.ports.store import WriteTx
from callwright.ports.visits import EndedVisit
from callwright.service.tell_result import NoticeStyle, tell_results


class Ending(msgspec.Struct, frozen=True, kw_only=True):
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
    audio: AudioReport | None = None

    @property
    def hold(self) -> Hold:
        return Hold(self.call_id, self.attempt, self.owner)


def finish_attempts(
    tx: WriteTx, endings: Sequence[Ending], now: datetime, style: NoticeStyle
) -> list[CallState | None]:
    """The state that each call is in now, in the order of `endings`; None when it was not in
    motion under this claim."""
    holds = [ending.hold for ending in endings]
    halted = {call.hold: call for call in tx.halt_calls(holds)}
    states: list[CallState | None] = []
    retries: list[Retry] = []
    ends: list[CallEnd] = []
    visits: list[EndedVisit] = []
    responses: Counter[DeploymentId] = Counter()
    rules = cache(lambda deployment_id: _rules(tx, deployment_id))
    for ending, hold in zip(endings, holds, strict=True):
        call = halted.pop(hold, None)
        if call is None:
            states.append(None)
            continue
        if call.state is CallState.CONNECTED:
            visits.append(EndedVisit(hold.call_id, hold.attempt, ending.script_finished))
        decided = _decide(call, ending, rules(call.deployment_id))
        if isinstance(decided, Retry):
            retries.append(decided)
            states.append(CallState.WAITING)
            continue
        ends.append(decided)
        states.append(decided.state)
        responses[call.deployment_id] += ending.script_finished
    tx.retry_calls(retries)
    tx.end_calls(ends)
    tx.add_visits(visits)
    for deployment_id, count in responses.items():
        if count:
            tx.count_response(deployment_id, count)
    told = [end.call.hold.call_id for end in ends if end.call.schedule.result_url]
    tell_results(tx, told, now, style)
    return states


def _rules(tx: WriteTx, deployment_id: DeploymentId) -> RetryRules:
    """What the deployment says of retries."""
    deployment = tx.deployment(deployment_id)
    assert deployment is not None
    return deployment.retry


def _decide(call: HaltedCall, ending: Ending, rules: RetryRules) -> Retry | CallEnd:
    """What the end of its attempt means for a call."""
    decision = after_attempt(
        ending.outcome,
        ended_at=ending.at,
        attempts=call.counted,
        given_back=call.given_back,
        rang=ending.rang or call.rang,
        canceled=call.canceled,
        policy=call.schedule.retry,
        window=call.schedule.window,
        retry_after=ending.retry_after,
        rules=rules,
    )
    state = next_state(call.state, decision.event)
    end = AttemptEnd(
        at=ending.at,
        outcome=ending.outcome,
        counts=decision.counts,
        sip_code=ending.sip_code,
        reason=ending.reason,
        audio=ending.audio,
    )
    if decision.event is CallEvent.RETRY:
        assert decision.due_at is not None
        return Retry(call=call, end=end, due_at=decision.due_at)
    reason = ending.reason if decision.event is CallEvent.REFUSE else ""
    return CallEnd(call=call, end=end, state=state, at=ending.at, reason=reason)
