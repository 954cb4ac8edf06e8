"""What an attempt will be called on the wire, and the order that a line gets for it."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from callwright.domain.call import Schedule
from callwright.domain.passport import names_identity
from callwright.ports.line import LegIdentity, LegOrder
from callwright.ports.motion import Claim, Intent
from callwright.service.begin_attempt import Begun


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkRules:
    """What an attempt needs to know of a trunk."""

    name: str
    caller_id: str
    """Used when neither the call nor its deployment names one."""
    ring_timeout_s: float
    max_length_s: float


def new_intent(
    claim: Claim, caller_id: str, rules: TrunkRules, local_sip: str, at: datetime
) -> Intent:
    """A fresh identity for the claimed call's next attempt, to be written down first.

    `caller_id` is what the call or its deployment names; "" = the trunk's own.
    """
    token = secrets.token_hex(32)
    return Intent(
        call_id=claim.call_id,
        attempt=claim.attempt,
        owner=claim.owner,
        at=at,
        trunk=rules.name,
        number=claim.contact.dial.number.e164,
        caller_id=caller_id or rules.caller_id,
        sip_call_id=f"{token[:24]}-{claim.call_id}-{claim.attempt}",
        from_tag=token[24:40],
        branch=f"z9hG4bK{token[40:]}",
        cseq=1,
        local_sip=local_sip,
    )


def _may_record(schedule: Schedule) -> bool | None:
    # Card numbers are said and keyed on such calls: never, whatever was asked for.
    return False if schedule.is_pci else schedule.record


def leg_order(leg: str, begun: Begun, rules: TrunkRules, send_before: float) -> LegOrder:
    """The order for an attempt that is on disk. A call's own variables win over its
    deployment's."""
    intent, deployment, contact = begun.intent, begun.deployment, begun.claim.contact
    variables = {name: _spoken(value) for name, value in contact.variables.items()}
    signed_identity = "".join(variables.pop(n) for n in tuple(variables) if names_identity(n))
    return LegOrder(
        leg=leg,
        call_id=intent.call_id,
        account_id=deployment.program.account_id,
        trunk=intent.trunk,
        number=intent.number,
        caller_id=intent.caller_id,
        signed_identity=signed_identity,
        postd=contact.dial.postd,
        identity=LegIdentity(
            call_id=intent.sip_call_id,
            from_tag=intent.from_tag,
            branch=intent.branch,
            cseq=intent.cseq,
        ),
        script=_key(deployment.script),
        variables={**deployment.variables, **variables},
        ring_timeout_s=rules.ring_timeout_s,
        max_length_s=rules.max_length_s,
        record=_may_record(begun.claim.schedule),
        send_before=send_before,
    )


@lru_cache(maxsize=256)
def _key(script: str) -> str:
    """What a script is called on the pipe."""
    return hashlib.sha256(script.encode()).hexdigest()[:16]


def _spoken(value: object) -> str:
    """A variable as a script sees it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
