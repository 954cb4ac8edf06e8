"""The last look before dialling, and the attempts on disk before the first INVITE byte.

Window and the deployment's own gates are looked at here, at the moment of dialling,
whatever they were when the call was queued.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from callwright.domain.account import Deployment
from callwright.domain.ids import CallId, DeploymentId
from callwright.domain.lifecycle import CallEvent, CallState, next_state
from callwright.ports.motion import CallEnd, Claim, HaltedCall, Hold, Intent
from callwright.ports.store import WriteTx
from callwright.service.tell_result import NoticeStyle, tell_results


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt that is written down and may be dialled once this is committed."""

    claim: Claim
    intent: Intent
    deployment: Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What became of claimed calls."""

    begun: Sequence[Begun]
    ended: Sequence[tuple[CallId, CallState]]
    """Those that must not be dialled any more."""
    lost: Sequence[CallId]
    """Those whose attempt could not be written down: somebody else got there."""


def begin_attempts(
    tx: WriteTx,
    claims: Sequence[Claim],
    new_intent: Callable[[Claim, str], Intent],
    now: datetime,
    style: NoticeStyle,
) -> Started:
    """Write down an attempt for each of `claims`, which this same transaction claimed, or
    end the call if it must not be dialled.

    `new_intent` is given the claim and the caller id that the call or else its deployment
    names, "" = neither.
    """
    deployments: dict[DeploymentId, Deployment] = {}
    begun: list[Begun] = []
    ends: dict[Hold, tuple[CallEvent, datetime]] = {}
    for claim in claims:
        deployment = deployments.get(claim.deployment_id)
        if deployment is None:
            found = tx.deployment(claim.deployment_id)
            assert found is not None
            deployment = deployments[claim.deployment_id] = found
        obstacle = _obstacle(claim, deployment, now)
        if obstacle is not None:
            ends[Hold(claim.call_id, claim.attempt, claim.owner)] = obstacle
            continue
        intent = new_intent(claim, claim.contact.dial.ani or deployment.caller_id)
        begun.append(Begun(claim=claim, intent=intent, deployment=deployment))
    written = tx.begin_attempts([one.intent for one in begun])
    return Started(
        begun=[one for one in begun if one.intent.call_id in written],
        ended=_end(tx, ends, now, style) if ends else (),
        lost=[one.intent.call_id for one in begun if one.intent.call_id not in written],
    )


def _obstacle(
    claim: Claim, deployment: Deployment, now: datetime
) -> tuple[CallEvent, datetime] | None:
    window = claim.schedule.window
    if window.closes_at is not None and window.is_over(now):
        return CallEvent.WINDOW_CLOSE, window.closes_at
    if deployment.closed_because(now) is not None:
        return CallEvent.REFUSE, now
    return None


def _end(
    tx: WriteTx,
    ends: dict[Hold, tuple[CallEvent, datetime]],
    now: datetime,
    style: NoticeStyle,
) -> list[tuple[CallId, CallState]]:
    def end(call: HaltedCall) -> CallEnd:
        event, at = ends[call.hold]
        state = next_state(call.state, event, tried=call.hold.attempt > 1)
        return CallEnd(call=call, end=None, state=state, at=at)

    over = [end(call) for call in tx.halt_calls(list(ends))]
    tx.end_calls(over)
    tell_results(tx, [one.call.hold.call_id for one in over], now, style)
    return [(one.call.hold.call_id, one.state) for one in over]
