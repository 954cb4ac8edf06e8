"""What an attempt came to, whose doing it was, and whether trying again makes sense.

A closed set: every SIP code, tone and fault is translated into one of these at the edge
(`telephony`), and everything above decides by the value alone. Wire words are the
dialects' business.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Whose doing the outcome was."""

    NONE = "none"
    CALLEE = "callee"
    CALLER = "caller"
    CARRIER = "carrier"
    US = "us"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How one attempt ended. The comments say what was seen."""

    ANSWERED = "answered"  # a person or a machine took the call, and it is over
    BUSY = "busy"  # 486, 600, Q.850 17
    NO_ANSWER = "no_answer"  # 408, 480, our ring timeout, Q.850 18 and 19
    REJECTED = "rejected"  # 403, 603, 607, 608, Q.850 21: the callee or network said no
    UNREACHABLE = "unreachable"  # 404, 410, 484, 604, Q.850 1 and 28: no such number
    CARRIER_BLOCKED = "carrier_blocked"  # refused by policy of the network for this caller
    TRUNK_TROUBLE = "trunk_trouble"  # 503 and other 5xx, no reply, connection refused
    TRUNK_MISCONFIGURED = "trunk_misconfigured"  # 401/407 after one answer, 488
    MEDIA_FAILED = "media_failed"  # answered, but no usable audio path
    NOT_REACHED = "not_reached"  # a machine took the call, and its script wants another try
    INTERRUPTED = "interrupted"  # our process died before it learnt the outcome
    INTERRUPTED_TALKING = "interrupted_talking"  # it died after the callee had answered
    REFUSED_HERE = "refused_here"  # never dialled: invalid for the trunk, blocked, survey closed
    CANCELED = "canceled"  # hung up by an explicit request while in flight


@dataclass(frozen=True, kw_only=True)
class OutcomeTraits:
    """What the rest of the system may conclude from an outcome."""

    fault: Fault
    retryable: bool
    reached: bool = False
    """The callee was on the line: the call is over, whatever came after."""
    may_be_given_back: bool = False
    """Before any 18x this is the trunk's trouble, not an attempt on the person."""


TRAITS: dict[Outcome, OutcomeTraits] = {
    Outcome.ANSWERED: OutcomeTraits(fault=Fault.NONE, retryable=False, reached=True),
    Outcome.BUSY: OutcomeTraits(fault=Fault.CALLEE, retryable=True),
    Outcome.NO_ANSWER: OutcomeTraits(fault=Fault.CALLEE, retryable=True),
    Outcome.REJECTED: OutcomeTraits(fault=Fault.CALLEE, retryable=True),
    Outcome.UNREACHABLE: OutcomeTraits(fault=Fault.CALLER, retryable=True),
    Outcome.CARRIER_BLOCKED: OutcomeTraits(fault=Fault.CARRIER, retryable=True),
    Outcome.TRUNK_TROUBLE: OutcomeTraits(
        fault=Fault.CARRIER, retryable=True, may_be_given_back=True
    ),
    Outcome.TRUNK_MISCONFIGURED: OutcomeTraits(
        fault=Fault.US, retryable=True, may_be_given_back=True
    ),
    Outcome.MEDIA_FAILED: OutcomeTraits(fault=Fault.UNKNOWN, retryable=True),
    Outcome.NOT_REACHED: OutcomeTraits(fault=Fault.CALLEE, retryable=True),
    Outcome.INTERRUPTED: OutcomeTraits(fault=Fault.US, retryable=True),
    Outcome.INTERRUPTED_TALKING: OutcomeTraits(fault=Fault.US, retryable=False, reached=True),
    Outcome.REFUSED_HERE: OutcomeTraits(fault=Fault.CALLER, retryable=False),
    Outcome.CANCELED: OutcomeTraits(fault=Fault.CALLER, retryable=False),
}
