"""Whether a server that was killed again and again kept its promises, by others' logs alone.

The witnesses are SIPp's trace, the callbacks that arrived and what the client was told;
the server's own words and store are not heard. Every fault is one line that names the
promise, the call and the moment.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from callwright.testing.peers.sink import Delivered
from callwright.testing.peers.sip_log import SipCall

HANG_UP_WITHIN_S = 10.0
WORD_ON_ITS_WAY_S = 0.5
"""What the line said so shortly before a kill may not have reached the brain's disk."""

FINAL = frozenset({"completed", "failed", "canceled", "rejected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One number that a client asked the server to call. Every number is used once."""

    number: str
    """E.164."""
    at: float
    acknowledged: bool
    """A 200 came. Without one, the call may have been taken on or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """SIGKILL to the brain, and to its lines if they were killed too."""

    at: float
    lines_too: bool
    up_again_at: float | None = None
    """When the server next answered requests; None if it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of a run. `calls` are SIPp's, `delivered` the sink's."""

    submissions: Sequence[Submission]
    kills: Sequence[Kill]
    calls: Sequence[SipCall]
    delivered: Sequence[Delivered]
    max_attempts: int = 1
    wait_s: float = 0.0


@dataclass(slots=True)
class Verdict:
    """What was found."""

    faults: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def judge(evidence: Evidence) -> Verdict:
    """Every broken promise, and the figures of the run."""
    verdict = Verdict()
    _dialled_once(evidence, verdict)
    _told(evidence, verdict)
    _hung_up(evidence, verdict)
    verdict.figures |= {
        "submitted": len(evidence.submissions),
        "acknowledged": sum(s.acknowledged for s in evidence.submissions),
        "kills": len(evidence.kills),
        "kills_with_lines": sum(kill.lines_too for kill in evidence.kills),
        "legs": len(evidence.calls),
        "callbacks": len(evidence.delivered),
    }
    return verdict


def over_at(leg: SipCall) -> float | None:
    """When a leg came to its end by SIPp's trace; None if it never did."""
    for message in leg.messages:
        ended = message.is_request and message.method == "BYE"
        refused = message.sent and message.method == "INVITE" and message.status >= 300
        if ended or refused:
            return message.at
    return None


def _dialled_once(evidence: Evidence, verdict: Verdict) -> None:
    """No attempt number twice, no number more often than asked for or sooner than allowed."""
    attempts: dict[tuple[int, int], list[SipCall]] = defaultdict(list)
    for leg in evidence.calls:
        attempts[leg.attempt].append(leg)
        if len({(m.branch, m.headers["cseq"], m.from_tag) for m in leg.invites}) > 1:
            verdict.faults.append(f"two different INVITEs with the Call-ID {leg.call_id}")
    for (call, attempt), legs in attempts.items():
        if len(legs) > 1:
            moments = ", ".join(f"{leg.invites[0].at:.3f}" for leg in legs)
            verdict.faults.append(f"call {call} attempt {attempt} dialled twice: {moments}")
    for number, legs in _by_number(evidence.calls).items():
        if len(legs) > evidence.max_attempts:
            verdict.faults.append(f"{number} dialled {len(legs)} times")
        for earlier, later in pairwise(legs):
            if _was_answered(earlier, evidence.kills):
                verdict.faults.append(f"{number} dialled again though it had been answered")
            ended_at = over_at(earlier)
            if ended_at is not None and later.invites[0].at < ended_at + evidence.wait_s - 1:
                verdict.faults.append(f"{number} dialled again before its wait was over")
    verdict.figures["interrupted_and_dialled_again"] = sum(
        len(legs) > 1 for legs in _by_number(evidence.calls).values()
    )


def _told(evidence: Evidence, verdict: Verdict) -> None:
    """Whatever was accepted has come to an end, which was told, and told the same each time."""
    told: dict[str, list[Delivered]] = defaultdict(list)
    for callback in evidence.delivered:
        told[_e164(json.loads(callback.body)["phone_number"])].append(callback)
    dialled = _by_number(evidence.calls)
    known = {submission.number for submission in evidence.submissions}
    for number in (told.keys() | dialled.keys()) - known:
        verdict.faults.append(f"{number} was never asked for")
    for submission in evidence.submissions:
        callbacks = told.get(submission.number, [])
        taken_on = submission.acknowledged or submission.number in dialled
        if taken_on and not any(200 <= callback.answered < 300 for callback in callbacks):
            kind = "acknowledged" if submission.acknowledged else "dialled"
            verdict.faults.append(f"{submission.number} was {kind} and its result never told")
        if len({(c.body, c.headers.get("webhook-id")) for c in callbacks}) > 1:
            verdict.faults.append(f"{submission.number} has two different results")
        for callback in callbacks[:1]:
            verdict.faults += _wrong_result(
                submission.number, json.loads(callback.body), dialled.get(submission.number, [])
            )
    verdict.figures["told_twice"] = sum(len(callbacks) > 1 for callbacks in told.values())


def _wrong_result(
    number: str, details: Mapping[str, object], legs: Sequence[SipCall]
) -> Iterable[str]:
    status = details["status"]
    if status not in FINAL:
        yield f"{number} was told as {status}, which is no end"
    if int(str(details["attempts"])) < len(legs):
        yield f"{number} was dialled {len(legs)} times, and told as {details['attempts']}"
    talked = any(leg.sent(200) and leg.received("ACK") for leg in legs)
    if status == "completed" and not talked:
        yield f"{number} was told as completed, and never answered"


def _hung_up(evidence: Evidence, verdict: Verdict) -> None:
    """Every leg that a kill left behind got its CANCEL or BYE in time; none is left over."""
    # A line that outlives its brain hangs up by itself; else it is for the next start to do.
    slowest: dict[bool, float] = {False: 0.0, True: 0.0}
    left_behind = 0
    last_kill_at = 0.0
    spans = [(leg, leg.invites[0].at, over_at(leg)) for leg in evidence.calls]
    for kill in evidence.kills:
        for leg, began_at, ended_at in spans:
            if began_at > kill.at or (ended_at is not None and ended_at <= kill.at):
                continue
            left_behind += 1
            # What ends a leg by itself (the callee hangs up, refuses) is as good.
            hung_up = [m.at for m in leg.received("CANCEL") + leg.received("BYE")]
            ends = [*hung_up, *([] if ended_at is None else [ended_at])]
            after = min((at - kill.at for at in ends if at > kill.at), default=None)
            # An older leg's own line is long gone.
            by_next_start = kill.lines_too or began_at <= last_kill_at
            away_s = (kill.up_again_at or kill.at) - kill.at if by_next_start else 0.0
            if after is None or after > away_s + HANG_UP_WITHIN_S:
                when = "never" if after is None else f"after {after:.1f} s"
                both = f" with its line, away for {away_s:.1f} s," if kill.lines_too else ""
                verdict.faults.append(
                    f"{leg.call_id} was left by a brain killed{both} and hung up {when}"
                )
            else:
                slowest[by_next_start] = max(slowest[by_next_start], after)
        last_kill_at = kill.at
    for leg, _, ended_at in spans:
        if ended_at is None:
            verdict.faults.append(f"{leg.call_id} to {leg.number} never came to an end")
    verdict.figures |= {
        "legs_left_behind": left_behind,
        "slowest_hang_up_by_line_s": round(slowest[False], 3),
        "slowest_hang_up_by_next_start_s": round(slowest[True], 3),
    }


def _was_answered(leg: SipCall, kills: Sequence[Kill]) -> bool:
    """Whether the server that dialled a leg must have known that it was answered.

    Not so for an answer that came as that server died, or after: what is answered then is
    hung up at once, and nobody has heard a word.
    """
    acknowledged_at = min((m.at for m in leg.received("ACK")), default=None)
    if acknowledged_at is None or not leg.sent(200):
        return False
    dialled_at = leg.invites[0].at
    died_at = min((kill.at for kill in kills if kill.at >= dialled_at), default=None)
    return died_at is None or acknowledged_at < died_at - WORD_ON_ITS_WAY_S


def _by_number(calls: Iterable[SipCall]) -> dict[str, list[SipCall]]:
    found: dict[str, list[SipCall]] = defaultdict(list)
    for leg in sorted(calls, key=lambda leg: leg.invites[0].at):
        found[leg.number].append(leg)
    return found


def _e164(number: str) -> str:
    return number if number.startswith("+") else f"+1{number}"
