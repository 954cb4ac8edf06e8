"""The last look before dialling, and the attempts on disk before the first INVITE byte.

Window, the deployment's own gates and the account's opt-out list are looked at here, at the
moment of dialling, whatever they were when the call was queued.
"""

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

import msgspec

from callwright.domain.account import Deployment
from callwright.domain.ids import AccountId, CallId, DeploymentId
from callwright.domain.lifecycle import CallEvent, CallState, next_state
from callwright.domain.phone import PhoneNumber
from callwright.ports.motion import CallEnd, Claim, HaltedCall, Hold, Intent
from callwright.ports.store import WriteTx
from callwright.service.tell_result import NoticeStyle, tell_results

ON_OPT_OUT_LIST = "the number is on the opt-out list"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that is written down and may be dialled once this is committed."""

    claim: Claim
    intent: Intent
    deployment: Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Obstacle:
    """Why a call must not be dialled now."""

    event: CallEvent
    at: datetime
    reason: str = ""


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
    deployments = _deployments(tx, claims)
    opted_out = _opted_out(tx, claims, deployments)
    begun: list[Begun] = []
    ends: dict[Hold, _Obstacle] = {}
    for claim in claims:
        deployment = deployments[claim.deployment_id]
        obstacle = _obstacle(claim, deployment, opted_out, now)
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


def _deployments(tx: WriteTx, claims: Sequence[Claim]) -> dict[DeploymentId, Deployment]:
    deployments: dict[DeploymentId, Deployment] = {}
    for claim in claims:
        if claim.deployment_id not in deployments:
            found = tx.deployment(claim.deployment_id)
            assert found is not None
            deployments[claim.deployment_id] = found
    return deployments


def _opted_out(
    tx: WriteTx, claims: Sequence[Claim], deployments: dict[DeploymentId, Deployment]
) -> Set[CallId]:
    """The claims of numbers that their accounts must not call: asked once an account, not once
    a call, because hardly any number is one."""
    of_accounts: dict[AccountId, list[Claim]] = {}
    for claim in claims:
        account_id = deployments[claim.deployment_id].program.account_id
        of_accounts.setdefault(account_id, []).append(claim)
    return {
        claim.call_id
        for account_id, theirs in of_accounts.items()
        for numbers in [tx.suppressed_among(account_id, [_number(claim) for claim in theirs])]
        for claim in theirs
        if numbers and _number(claim) in numbers
    }


def _number(claim: Claim) -> PhoneNumber:
    return claim.contact.dial.number


def _obstacle(
    claim: Claim, deployment: Deployment, opted_out: Collection[CallId], now: datetime
) -> _Obstacle | None:
    window = claim.schedule.window
    if window.closes_at is not None and window.is_over(now):
        return _Obstacle(event=CallEvent.WINDOW_CLOSE, at=window.closes_at)
    if claim.call_id in opted_out:
        return _Obstacle(event=CallEvent.REFUSE, at=now, reason=ON_OPT_OUT_LIST)
    closed_because = deployment.closed_because(now)
    if closed_because is not None:
        reason = f"the deployment is closed: {closed_because}"
        return _Obstacle(event=CallEvent.REFUSE, at=now, reason=reason)
    return None


def _end(
    tx: WriteTx,
    ends: dict[Hold, _Obstacle],
    now: datetime,
    style: NoticeStyle,
) -> list[tuple[CallId, CallState]]:
    def end(call: HaltedCall) -> CallEnd:
        obstacle = ends[call.hold]
        state = next_state(call.state, obstacle.event, tried=call.hold.attempt > 1)
        return CallEnd(call=call, end=None, state=state, at=obstacle.at, reason=obstacle.reason)

    over = [end(call) for call in tx.halt_calls(list(ends))]
    tx.end_calls(over)
    tell_results(tx, [one.call.hold.call_id for one in over], now, style)
    return [(one.call.hold.call_id, one.state) for one in over]
