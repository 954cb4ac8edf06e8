"""The end of a SIP call as an `Outcome`.

Order of evidence: our own doing (ring timeout, hang-up), the final code if it says
something of its own, a `Reason: Q.850` if the code is one that gateways use for anything,
then the tones before the answer, then the code's class. What the callee says is not looked at.

Source: RFC 3261 section 21; RFC 3326 (Reason); RFC 3398 section 8.2.6.1 (Q.850 and SIP);
RFC 8197 (607), RFC 8688 (608), RFC 8224 (428, 436 to 438).
"""

from callwright.domain.outcome import Outcome
from callwright.telephony.sip.actions import Ended, How
from callwright.telephony.sip.message import SipResponse

_SPECIFIC = {
    486: Outcome.BUSY,
    600: Outcome.BUSY,
    603: Outcome.REJECTED,
    607: Outcome.REJECTED,
    608: Outcome.REJECTED,
    404: Outcome.UNREACHABLE,
    410: Outcome.UNREACHABLE,
    484: Outcome.UNREACHABLE,
    604: Outcome.UNREACHABLE,
    401: Outcome.TRUNK_MISCONFIGURED,
    407: Outcome.TRUNK_MISCONFIGURED,
    488: Outcome.TRUNK_MISCONFIGURED,
    606: Outcome.TRUNK_MISCONFIGURED,
    428: Outcome.CARRIER_BLOCKED,
    436: Outcome.CARRIER_BLOCKED,
    437: Outcome.CARRIER_BLOCKED,
    438: Outcome.CARRIER_BLOCKED,
}
"""Codes that mean one thing, whatever else the answer carries."""

_GENERIC = {
    403: Outcome.REJECTED,
    408: Outcome.NO_ANSWER,
    480: Outcome.NO_ANSWER,
    487: Outcome.NO_ANSWER,
    305: Outcome.TRUNK_MISCONFIGURED,
    402: Outcome.TRUNK_MISCONFIGURED,
    405: Outcome.TRUNK_MISCONFIGURED,
    406: Outcome.TRUNK_MISCONFIGURED,
    415: Outcome.TRUNK_MISCONFIGURED,
    420: Outcome.TRUNK_MISCONFIGURED,
    421: Outcome.TRUNK_MISCONFIGURED,
    413: Outcome.TRUNK_MISCONFIGURED,
    416: Outcome.UNREACHABLE,
    485: Outcome.UNREACHABLE,
    433: Outcome.REJECTED,
}
"""Codes that gateways also use for want of a better one: a Q.850 cause outweighs them."""

_Q850 = {
    1: Outcome.UNREACHABLE,
    28: Outcome.UNREACHABLE,
    17: Outcome.BUSY,
    18: Outcome.NO_ANSWER,
    19: Outcome.NO_ANSWER,
    21: Outcome.REJECTED,
    34: Outcome.TRUNK_TROUBLE,
    38: Outcome.TRUNK_TROUBLE,
    42: Outcome.TRUNK_TROUBLE,
}


_CAUSES = {
    How.RING_TIMEOUT: 19,  # no answer from user (user alerted)
    How.MAX_LENGTH: 102,  # recovery on timer expiry
    How.SESSION_LOST: 102,
}


def reason_of(how: How) -> str:
    """The Reason line of a CANCEL or BYE of ours (RFC 3326); 16 is normal call clearing."""
    return f"Reason: Q.850;cause={_CAUSES.get(how, 16)}"


def outcome_of(ended: Ended, by_tone: Outcome | None = None) -> tuple[Outcome, str]:
    """The outcome of a call and a short, stable reason such as `486 Busy Here`.

    `by_tone` is what the network's tones before the answer said, if they said anything.

    A hang-up of ours is CANCELED while it rang and ANSWERED once it talked; who asked for
    it, and whether that makes it something else, is known only to the caller.
    """
    match ended.how:
        case How.RING_TIMEOUT:
            return by_tone or Outcome.NO_ANSWER, "ring timeout"
        case How.NO_REPLY:
            return Outcome.TRUNK_TROUBLE, "no reply"
        case How.NOT_LISTENING:
            return Outcome.TRUNK_TROUBLE, ended.phrase or "connection refused"
        case How.HUNG_UP_RINGING:
            return Outcome.CANCELED, "hung up"
        case How.PEER_HUNG_UP:
            return Outcome.ANSWERED, "callee hung up"
        case How.MAX_LENGTH:
            return Outcome.ANSWERED, "longest length reached"
        case How.SESSION_LOST:
            return Outcome.ANSWERED, "session not confirmed"
        case How.HUNG_UP_TALKING:
            return Outcome.ANSWERED, "hung up"
        case How.BROKEN:
            return Outcome.TRUNK_TROUBLE, "internal error"
        case How.REFUSED:
            reason = f"{ended.code} {ended.phrase}".strip()
            return outcome_of_refusal(ended.code, ended.q850, by_tone), reason


def outcome_of_refusal(code: int, q850: int, by_tone: Outcome | None) -> Outcome:
    """What a final answer to an INVITE means; `q850` 0 = it names no cause."""
    known = _SPECIFIC.get(code) or _Q850.get(q850) or by_tone or _GENERIC.get(code)
    if known is not None:
        return known
    if code >= 600:
        return Outcome.REJECTED
    if 300 <= code < 400:
        # We follow no redirection: the number we were given is not where the callee is.
        return Outcome.UNREACHABLE
    return Outcome.TRUNK_TROUBLE


def refusal(response: SipResponse, how: How) -> Ended:
    """The end that a final non-2xx to the INVITE brings."""
    return Ended(
        how,
        response.status,
        response.phrase,
        read_q850(response.headers.get("reason", [])),
        _read_retry_after(response.first("retry-after")),
    )


def _read_retry_after(value: str) -> float:
    text = value.partition(";")[0].partition("(")[0].strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0.0


def read_q850(reasons: list[str]) -> int:
    """The cause in the Q.850 element of Reason headers, 0 if there is none."""
    for reason in reasons:
        protocol, *params = reason.split(";")
        if protocol.strip().upper() != "Q.850":
            continue
        for param in params:
            name, _, value = param.partition("=")
            value = value.strip()
            if name.strip().lower() == "cause" and value.isascii() and value.isdigit():
                return int(value[:4])
    return 0
