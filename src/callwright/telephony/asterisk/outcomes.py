"""The end of an Asterisk channel as an `Outcome`.

Asterisk tells a Q.850 cause of each channel, and of a SIP channel the answer that ended it.
That answer is judged as one of our own trunk's; the cause alone, where there is none.

Source: ITU-T Q.850; Asterisk's include/asterisk/causes.h; ARI events, `tech_cause` (since
20.15, 21.10 and 22.5).
"""

from callwright.domain.outcome import Outcome
from callwright.telephony.sip.outcomes import outcome_of_refusal

_CAUSES = {
    1: Outcome.UNREACHABLE,  # unallocated number
    22: Outcome.UNREACHABLE,  # number changed
    28: Outcome.UNREACHABLE,  # invalid number format
    17: Outcome.BUSY,
    18: Outcome.NO_ANSWER,
    19: Outcome.NO_ANSWER,
    20: Outcome.NO_ANSWER,  # subscriber absent
    21: Outcome.REJECTED,
    55: Outcome.CARRIER_BLOCKED,  # barred within a closed user group
    57: Outcome.CARRIER_BLOCKED,  # bearer capability not authorised
    58: Outcome.TRUNK_MISCONFIGURED,  # bearer capability not available
    65: Outcome.TRUNK_MISCONFIGURED,
    88: Outcome.TRUNK_MISCONFIGURED,  # incompatible destination
}
"""All others are the trunk's trouble."""


_NO_USABLE_AUDIO = (406, 415, 488, 606)
"""What Asterisk tells of a call that it hung up because of the answer's description of audio."""


def outcome_of_end(
    cause: int, text: str, sip_code: int, *, answered: bool, by_tone: Outcome | None
) -> tuple[Outcome, str]:
    """What a channel that we did not end comes to, and a short reason.

    `sip_code` 0 = Asterisk names none; `by_tone` is what tones before the answer said.
    """
    if answered:
        if sip_code in _NO_USABLE_AUDIO:
            return Outcome.MEDIA_FAILED, "no usable audio"
        return Outcome.ANSWERED, "callee hung up"
    if sip_code >= 300:
        return outcome_of_refusal(sip_code, cause, by_tone), f"{sip_code} {text}".strip()
    known = by_tone or _CAUSES.get(cause, Outcome.TRUNK_TROUBLE)
    return known, f"cause {cause} {text}".strip()
