"""What is known of calls and of the queue.

A call's state is derived from where it stands: ended, active, due, or not yet handed out by
its list. One that a cancellation or its window has ended is shown so at once, even while
nobody has settled it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from callwright.domain.call import Attempt, CallDetails
from callwright.domain.history import history_of
from callwright.domain.ids import AccountId, BatchId, CallId, DeploymentId, UserId
from callwright.domain.lifecycle import CallState, next_state
from callwright.ports.store import QueueCounts
from callwright.store.sqlite.endings import ending_of
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import (
    OUTCOMES,
    PRODUCTS,
    STATES,
    Row,
    Value,
    contact_of,
    json_list,
    schedule_of,
    to_micros,
    to_time,
    to_time_or_none,
)


class ReportQuestions(Session):
    """Status replies, notices, metrics, and when to look again."""

    def call_details(self, call_id: CallId, now: datetime) -> CallDetails | None:
        details = self._details(call_id, call_id, now)
        return details[0] if details else None

    def batch_calls(self, batch_id: BatchId, now: datetime, limit: int) -> Sequence[CallDetails]:
        details: list[CallDetails] = []
        for lo, hi in sorted(self._find_all("batch_ranges", batch=batch_id)):
            room = limit - len(details)
            if room <= 0:
                break
            details += self._details(lo, min(hi, lo + room - 1), now)
        return details

    def queue_counts(self) -> QueueCounts:
        (row,) = self._rows("queue_counts")
        waiting, active, quarantined, pending, dead = (int(value or 0) for value in row)
        return QueueCounts(
            waiting=waiting,
            active=active,
            quarantined=quarantined,
            notices_pending=pending,
            notices_dead=dead,
        )

    def next_closing_at(self) -> datetime | None:
        return to_time_or_none(self._number_or_none("next_closing_at"))

    def calls_to_tell(self, call_ids: Sequence[CallId]) -> Sequence[CallDetails]:
        rows = self._rows("calls_to_tell", calls=json_list(call_ids))
        if not rows:
            return []
        calls = json_list(row[0] for row in rows)
        attempts = _attempts(
            self._rows("attempts_of", calls=calls), self._rows("answers_of", calls=calls)
        )
        return [
            _call_details(row, attempts.get(row[0], ()), STATES[row[21]], to_time(row[22]))
            for row in rows
        ]

    def _details(self, lo: int, hi: int, now: datetime) -> list[CallDetails]:
        rows = self._find_all("calls_between", lo=lo, hi=hi)
        if not rows:
            return []
        attempts = _attempts(
            self._rows("attempts_between", lo=lo, hi=hi),
            self._rows("answers_between", lo=lo, hi=hi),
        )
        at = to_micros(now)
        return [_call_details(row, attempts.get(row[0], ()), *_state(row, at)) for row in rows]


def _attempts(rows: list[Row], keyed: list[Row]) -> Mapping[Value, Sequence[Attempt]]:
    """The attempts of each call, in order."""
    answers: dict[tuple[Value, Value], dict[str, str]] = defaultdict(dict)
    for call, attempt, name, value in keyed:
        answers[call, attempt][name] = value
    attempts: dict[Value, list[Attempt]] = defaultdict(list)
    for row in rows:
        attempts[row[0]].append(_attempt(row, answers.get((row[0], row[1]))))
    return attempts


def _call_details(
    row: Row, attempts: Sequence[Attempt], state: CallState, ended_at: datetime | None
) -> CallDetails:
    call, batch, deployment, product, account, user = row[:6]
    queued_at = to_time(row[20])
    return CallDetails(
        id=CallId(call),
        batch_id=BatchId(batch),
        deployment_id=DeploymentId(deployment),
        product=PRODUCTS[product],
        account_id=AccountId(account),
        user_id=UserId(user),
        contact=contact_of(row[6:11]),
        schedule=schedule_of(row[11:20]),
        queued_at=queued_at,
        state=state,
        history=history_of(queued_at, attempts, state=state, ended_at=ended_at),
        attempts=tuple(attempts),
    )


def _state(row: Row, now: int) -> tuple[CallState, datetime | None]:
    """Where the call stands, and when it ended if it did."""
    closes_at = row[12]
    ended_state, ended_at, active_state, attempts, canceled_at = row[21:]
    if ended_state is not None:
        return STATES[ended_state], to_time(ended_at)
    if active_state is not None:
        return STATES[active_state], None
    state = CallState.WAITING if attempts else CallState.QUEUED
    is_over = closes_at is not None and closes_at <= now
    ending = ending_of(closes_at if is_over else None, canceled_at)
    if ending is None:
        return state, None
    event, at = ending
    return next_state(state, event), to_time(at)


def _attempt(row: Row, answers: dict[str, str] | None) -> Attempt:
    _, number, started_at, counts, rang_at, answered_at, ended_at, outcome, code, reason, sip = row
    return Attempt(
        number=number,
        started_at=to_time(started_at),
        counts=bool(counts),
        rang_at=to_time_or_none(rang_at),
        answered_at=to_time_or_none(answered_at),
        ended_at=to_time_or_none(ended_at),
        outcome=None if outcome is None else OUTCOMES[outcome],
        sip_code=code,
        reason=reason,
        sip_call_id=sip,
        answers=answers,
    )
