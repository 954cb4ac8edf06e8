"""Calls, as they are told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, Field

from callwright.domain.account import Product
from callwright.domain.answered_by import AnsweredBy
from callwright.domain.call import CallDetails, HistoryEvent
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import TRAITS, Fault, Outcome
from callwright.domain.passport import split_identity
from callwright.ports.control import AttemptFacts, CallFacts
from callwright.web.native.models.forecast import Forecast
from callwright.web.native.wire import Told

WAITS = frozenset({CallState.QUEUED, CallState.WAITING})


class QueuedCall(BaseModel):
    """What `Prefer: return=minimal` leaves of a queued call."""

    id: int


class DryRun(BaseModel):
    """What queueing would have done. Nothing was stored."""

    dry_run: Literal[True] = True
    calls: int
    rejected: int = 0
    deployment_id: int
    opens_at: Told
    closes_at: Told | None
    max_attempts: int
    retry_wait_s: int
    is_paused: bool = Field(description="The deployment is paused: nothing would be dialled yet")
    trunk: str = Field(description="Empty = the first one configured")
    forecast: Forecast | None = Field(description="null: nothing is known of the trunk")


class CallSummary(BaseModel):
    """A call in a list."""

    id: int
    batch_id: int
    deployment_id: int
    product: Product
    user_id: int
    phone_number: str = Field(description="As it was sent")
    number: str = Field(description="What is dialled, E.164")
    state: CallState
    is_paused: bool = Field(description="It waits and is held back")
    is_quarantined: bool = Field(
        description="It waits for a person: it was in motion whenever the server died"
    )
    queued_at: Told
    opens_at: Told
    closes_at: Told | None
    attempts: int = Field(description="Made so far, those that count")
    max_attempts: int
    last_outcome: Outcome | None
    ended_at: Told | None


class Event(BaseModel):
    event: HistoryEvent
    at: Told


class SipFacts(BaseModel):
    """What was said on the wire, to be found again in a carrier's logs."""

    code: int | None = Field(description="Final SIP status; null = none came")
    reason: str
    call_id: str = Field(description="The SIP Call-ID")
    from_tag: str
    to_tag: str | None
    branch: str
    local_address: str
    remote_address: str | None = Field(description="Where the INVITE went")


class Keyed(BaseModel):
    """What the callee keyed."""

    at: Told
    name: str
    value: str


class Audio(BaseModel):
    """How the audio of an attempt fared, in packets of 20 ms."""

    sent: int
    received: int
    lost: int = Field(description="Of theirs, by their numbers")
    jitter_ms: float = Field(description="How unevenly theirs came (RFC 3550)")
    far_lost: int = Field(description="Of ours, by their reports (RTCP); 0 also where none came")
    far_jitter_ms: float = Field(description="How unevenly ours came there")
    round_trip_ms: float | None = Field(description="null = their reports do not tell")


class Attempt(BaseModel):
    """One try at dialling."""

    number: int
    counts: bool = Field(description="False: given back, because the trunk spoilt it")
    trunk: str
    dialed: str
    caller_id: str
    started_at: Told
    rang_at: Told | None
    answered_at: Told | None
    ended_at: Told | None
    ring_ms: int | None = Field(description="From the INVITE to the first ringing")
    answer_ms: int | None = Field(description="From the INVITE to the answer")
    talk_ms: int | None = Field(description="From the answer to the end")
    outcome: Outcome | None
    fault: Fault | None = Field(description="Whose doing the outcome was")
    answered_by: AnsweredBy | None = Field(description="null = the script did not ask")
    answered_by_cause: str | None = Field(description="In the words of Asterisk's AMDCAUSE")
    audio: Audio | None = Field(description="null = there was none, or its line died")
    sip: SipFacts
    keyed: list[Keyed]


class Call(CallSummary):
    """All that is known of a call."""

    caller_id: str
    post_dial: str
    variables: dict[str, str | bool | int | float | None]
    sip_identity: str | None = Field(description="The Identity header it goes out with")
    retry_wait_s: int
    result_url: str
    is_pci: bool
    record: bool | None = Field(description="Whether that was asked for; null = as the script says")
    next_attempt_at: Told | None = Field(description="When it may next be tried, if it waits")
    paused_at: Told | None
    quarantined_at: Told | None = Field(description="Since when it waits for its release")
    deaths: int = Field(description="In how many deaths of the server it was in motion")
    answers: dict[str, str] = Field(description="What the callee keyed; the last of each name")
    events: list[Event]
    attempt_log: list[Attempt]
    callback_id: int | None
    retry_of: int | None = Field(description="The ended call that this one tries again")
    retried_by: list[int]
    rejected_because: str | None = Field(description="Why the server would not dial it")


def call_summary(details: CallDetails, *, is_paused: bool, is_quarantined: bool) -> CallSummary:
    """`details` for a list; `is_paused` says that its batch or deployment is held back."""
    return CallSummary(
        **_summary_fields(details, is_paused=is_paused, is_quarantined=is_quarantined)
    )


def whole_call(details: CallDetails, facts: CallFacts) -> Call:
    """Everything there is to tell."""
    waits = details.state in WAITS
    answers: dict[str, str] = {}
    for attempt in facts.attempts:
        answers.update((keyed.name, keyed.value) for keyed in attempt.keyed)
    dial = details.contact.dial
    identity, variables = split_identity(details.contact.variables)
    return Call(
        **_summary_fields(
            details,
            is_paused=facts.paused_at is not None,
            is_quarantined=facts.quarantined_at is not None,
        ),
        caller_id=dial.ani,
        post_dial=dial.postd,
        variables=_scalars(variables),
        sip_identity=identity,
        retry_wait_s=round(details.schedule.retry.wait.total_seconds()),
        result_url=details.schedule.result_url,
        is_pci=details.schedule.is_pci,
        record=details.schedule.record,
        next_attempt_at=facts.next_attempt_at if waits else None,
        paused_at=facts.paused_at if waits else None,
        quarantined_at=facts.quarantined_at if waits else None,
        deaths=facts.deaths,
        answers=answers,
        events=[Event(event=entry.event, at=entry.at) for entry in details.history],
        attempt_log=[_attempt(attempt) for attempt in facts.attempts],
        callback_id=facts.notice_id,
        retry_of=facts.retry_of,
        retried_by=list(facts.retried_by),
        rejected_because=facts.rejected_because or None,
    )


def _summary_fields(
    details: CallDetails, *, is_paused: bool, is_quarantined: bool
) -> Mapping[str, Any]:
    outcomes = [attempt.outcome for attempt in details.attempts if attempt.outcome is not None]
    return {
        "id": details.id,
        "batch_id": details.batch_id,
        "deployment_id": details.deployment_id,
        "product": details.product,
        "user_id": details.user_id,
        "phone_number": details.contact.dial.sent,
        "number": details.contact.dial.number.e164,
        "state": details.state,
        "is_paused": is_paused and details.state in WAITS,
        "is_quarantined": is_quarantined and details.state in WAITS,
        "queued_at": details.queued_at,
        "opens_at": details.schedule.window.opens_at,
        "closes_at": details.schedule.window.closes_at,
        "attempts": details.attempts_made,
        "max_attempts": details.schedule.retry.max_attempts,
        "last_outcome": outcomes[-1] if outcomes else None,
        "ended_at": details.history[-1].at if details.state.is_final else None,
    }


def _attempt(facts: AttemptFacts) -> Attempt:
    return Attempt(
        number=facts.number,
        counts=facts.counts,
        trunk=facts.trunk,
        dialed=facts.dialed,
        caller_id=facts.caller_id,
        started_at=facts.started_at,
        rang_at=facts.rang_at,
        answered_at=facts.answered_at,
        ended_at=facts.ended_at,
        ring_ms=_ms(facts.started_at, facts.rang_at),
        answer_ms=_ms(facts.started_at, facts.answered_at),
        talk_ms=None if facts.answered_at is None else _ms(facts.answered_at, facts.ended_at),
        outcome=facts.outcome,
        fault=None if facts.outcome is None else TRAITS[facts.outcome].fault,
        answered_by=None if facts.identified is None else facts.identified.who,
        answered_by_cause=None if facts.identified is None else facts.identified.cause,
        audio=None if facts.audio is None else Audio(**msgspec.structs.asdict(facts.audio)),
        sip=SipFacts(
            code=facts.sip_code or None,
            reason=facts.reason,
            call_id=facts.sip_call_id,
            from_tag=facts.from_tag,
            to_tag=facts.to_tag or None,
            branch=facts.branch,
            local_address=facts.local_address,
            remote_address=facts.remote_address or None,
        ),
        keyed=[Keyed(at=k.at, name=k.name, value=k.value) for k in facts.keyed],
    )


def _scalars(variables: Mapping[str, object]) -> dict[str, str | bool | int | float | None]:
    plain = str | bool | int | float | None
    return {name: v if isinstance(v, plain) else str(v) for name, v in variables.items()}


def _ms(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else round((end - start).total_seconds() * 1000)
