"""The last look before dialling, and the attempt on disk before the first INVITE byte.

Window, cancellation and the deployment's own gates are looked at here, at the moment of
dialling, whatever they were when the call was queued or claimed.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from callwright.domain.account import Deployment
from callwright.domain.lifecycle import CallEvent, CallState, next_state
from callwright.ports.store import ActiveCall, Claim, Intent, WriteTx
from callwright.service.tell_result import NoticeStyle, tell_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt that is written down and may be dialled once this is committed."""

    claim: Claim
    intent: Intent
    deployment: Deployment


def begin_attempt(
    tx: WriteTx, claim: Claim, intent: Intent, now: datetime, style: NoticeStyle
) -> Begun | CallState | None:
    """The attempt to dial, the state in which the call ended here, or None: somebody else
    has it.

    `intent.caller_id` is the trunk's; the call's own `ani`, then the deployment's, win over it.
    """
    active = tx.active_call(claim.call_id, claim.attempt, claim.owner)
    deployment = tx.deployment(claim.deployment_id)
    if active is None or deployment is None:
        return None
    obstacle = _obstacle(active, deployment, now)
    if obstacle is not None:
        event, at = obstacle
        state = next_state(active.state, event, tried=claim.attempt > 1)
        if tx.end_active_call(active, None, state, at):
            tell_result(tx, claim.call_id, now, style)
            return state
        return None
    next_state(active.state, CallEvent.DIAL)
    caller_id = claim.contact.dial.ani or deployment.caller_id or intent.caller_id
    intent = replace(intent, caller_id=caller_id)
    if not tx.begin_attempt(intent):
        return None
    return Begun(claim=claim, intent=intent, deployment=deployment)


def _obstacle(
    active: ActiveCall, deployment: Deployment, now: datetime
) -> tuple[CallEvent, datetime] | None:
    window = active.schedule.window
    if active.canceled:
        return CallEvent.CANCEL, now
    if window.closes_at is not None and window.is_over(now):
        return CallEvent.WINDOW_CLOSE, window.closes_at
    if deployment.closed_because(now) is not None:
        return CallEvent.REFUSE, now
    return None
