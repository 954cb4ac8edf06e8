"""Looking through batches and calls, and all that is known of one.

Filters cannot all have an index, so a search looks at no more than `LOOK` calls and then
says where to go on: a page costs the same whatever was asked and however much is stored.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from callwright.domain.account import Product
from callwright.domain.answered_by import AnsweredBy, Verdict
from callwright.domain.audio_report import AudioReport
from callwright.domain.call import CallDetails
from callwright.domain.ids import AccountId, BatchId, CallId, DeploymentId, NoticeId, UserId
from callwright.domain.lifecycle import CallState, next_state
from callwright.domain.outcome import Outcome
from callwright.ports.control import (
    AttemptFacts,
    Batch,
    BatchState,
    CallFacts,
    CallsFound,
    CallsSought,
    Keyed,
    Whose,
)
from callwright.store.sqlite.endings import ending_of
from callwright.store.sqlite.report import ReportQuestions
from callwright.store.sqlite.values import (
    Row,
    Value,
    json_list,
    to_micros,
    to_micros_or_none,
    to_time,
    to_time_or_none,
)

LOOK = 50_000
"""Most calls that one search looks at."""

HIGHEST = 2**63 - 1


class ListingQuestions(ReportQuestions):
    """Lists, and the whole of one call."""

    def batch(self, batch_id: BatchId) -> Batch | None:
        row = self._find("batch", batch=batch_id)
        return None if row is None else _batch(row)

    def batches(
        self,
        whose: Whose,
        *,
        deployment_id: DeploymentId | None,
        state: BatchState | None,
        below: BatchId | None,
        limit: int,
    ) -> Sequence[Batch]:
        rows = self._find_all(
            "batches",
            account=whose.account_id,
            user=whose.user_id,
            deployment=deployment_id,
            state=None if state is None else state.value,
            below=HIGHEST if below is None else below,
            limit=limit,
        )
        return [_batch(row) for row in rows]

    def batch_counts(self, batch_id: BatchId, now: datetime) -> Mapping[CallState, int]:
        schedule = self._find("batch_schedule", batch=batch_id)
        if schedule is None:
            return {}
        counts: dict[CallState, int] = {}
        total = waiting = 0
        for lo, hi in self._find_all("batch_ranges", batch=batch_id):
            total += hi - lo + 1
            for query in ("count_ended", "count_active"):
                for state, count in self._rows(query, lo=lo, hi=hi):
                    counts[CallState(state)] = counts.get(CallState(state), 0) + count
            for tried, count in self._rows("count_due", lo=lo, hi=hi):
                waiting += count if tried else 0
        queued = total - waiting - sum(counts.values())
        at = to_micros(now)
        closes_at, canceled_at = schedule
        ending = ending_of(
            closes_at if closes_at is not None and closes_at <= at else None, canceled_at
        )
        for state, count in ((CallState.WAITING, waiting), (CallState.QUEUED, queued)):
            # One schedule for all: a cancellation or the window has ended all that waits, or none.
            stands = state if ending is None else next_state(state, ending[0])
            counts[stands] = counts.get(stands, 0) + count
        return {state: count for state, count in counts.items() if count}

    def find_calls(
        self, sought: CallsSought, *, below: CallId | None, limit: int, now: datetime
    ) -> CallsFound:
        values = _conditions(sought, now)
        found: list[int] = []
        left = LOOK
        look = min(LOOK, 2 * limit)
        for lo, top in self._ranges(sought, downwards=True):
            hi = top if below is None else min(top, below - 1)
            while lo <= hi:
                low, count = self._rows("look_down", below=hi + 1, floor=lo, look=look)[0]
                if low is None:
                    break
                want = limit + 1 - len(found)
                found += _ids(self._rows("seek_calls", lo=low, hi=hi, limit=want, **values))
                if len(found) > limit:
                    del found[limit:]
                    return self._found(found, found[-1], now)
                left -= count
                hi = low - 1
                if left <= 0:
                    return self._found(found, low, now)
                look = left
        return self._found(found, None, now)

    def next_calls(
        self, sought: CallsSought, *, above: CallId | None, look: int, now: datetime
    ) -> CallsFound:
        values = _conditions(sought, now)
        start = 0 if above is None else above
        for lo, hi in self._ranges(sought, downwards=False):
            if hi <= start:
                continue
            after = max(start, lo - 1)
            (high, _) = self._rows("look_up", above=after, ceiling=hi, look=look)[0]
            if high is not None:
                rows = self._rows("seek_calls", lo=after + 1, hi=high, limit=look, **values)
                return self._found(_ids(reversed(rows)), high, now)
        return CallsFound(calls=(), looked_to=None)

    def call_facts(self, call_id: CallId) -> CallFacts:
        keyed: dict[Value, list[Keyed]] = {}
        for attempt, at, name, value in self._rows("answers_of_call", call=call_id):
            keyed.setdefault(attempt, []).append(Keyed(at=to_time(at), name=name, value=value))
        rows = self._rows("attempts_of_call", call=call_id)
        place = self._row("place_of_call", call=call_id)
        if place is None:
            raise ValueError(f"no call {call_id}")
        next_at, paused_at, quarantined_at, deaths, notice, original, refusal = place
        return CallFacts(
            attempts=[_attempt(row, keyed.get(row[0], ())) for row in rows],
            next_attempt_at=None if quarantined_at is not None else to_time_or_none(next_at),
            paused_at=to_time_or_none(paused_at),
            quarantined_at=to_time_or_none(quarantined_at),
            deaths=deaths,
            notice_id=None if notice is None else NoticeId(notice),
            retry_of=None if original is None else CallId(original),
            retried_by=[CallId(row[0]) for row in self._rows("retries_of_call", call=call_id)],
            rejected_because=refusal or "",
        )

    def calls_retried(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        rows = self._rows("calls_retried", calls=json_list(call_ids))
        return frozenset(CallId(row[0]) for row in rows)

    def paused_batches(self, batch_ids: Sequence[BatchId]) -> frozenset[BatchId]:
        rows = self._rows("paused_batches", batches=json_list(batch_ids))
        return frozenset(BatchId(row[0]) for row in rows)

    def quarantined_calls(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        rows = self._rows("quarantined_calls", calls=json_list(call_ids))
        return frozenset(CallId(row[0]) for row in rows)

    def deployment_paused_at(self, deployment_id: DeploymentId) -> datetime | None:
        return to_time_or_none(
            self._number_or_none("deployment_paused_at", deployment=deployment_id)
        )

    def _ranges(self, sought: CallsSought, *, downwards: bool) -> list[tuple[int, int]]:
        """Where to look, in the order of looking."""
        if sought.batch_id is None:
            return [(1, HIGHEST - 1)]
        rows = self._find_all("batch_ranges", batch=sought.batch_id)
        return sorted(((lo, hi) for lo, hi in rows), reverse=downwards)

    def _found(self, ids: Sequence[int], looked_to: int | None, now: datetime) -> CallsFound:
        calls: dict[int, CallDetails] = {}
        for lo, hi in _runs(sorted(ids)):
            calls.update((details.id, details) for details in self._details(lo, hi, now))
        return CallsFound(
            calls=[calls[number] for number in ids],
            looked_to=None if looked_to is None else CallId(looked_to),
        )


def _conditions(sought: CallsSought, now: datetime) -> dict[str, Value]:
    return {
        "batch": sought.batch_id,
        "deployment": sought.deployment_id,
        "user": sought.whose.user_id,
        "account": sought.whose.account_id,
        "state": None if sought.state is None else sought.state.value,
        "ends": sought.number_ends,
        "quarantined": sought.is_quarantined,
        "queued_from": to_micros_or_none(sought.queued_from),
        "queued_before": to_micros_or_none(sought.queued_before),
        "now": to_micros(now),
    }


def _ids(rows: Iterable[Row]) -> list[int]:
    return [row[0] for row in rows]


def _runs(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as runs without a gap."""
    first = last = None
    for number in ids:
        if first is None or last is None or number != last + 1:
            if first is not None and last is not None:
                yield first, last
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last


def _batch(row: Row) -> Batch:
    id_, deployment, product, account, user, state, is_list, queued_at, _, calls = row[:10]
    paused_at, canceled_at = row[10:]
    return Batch(
        id=BatchId(id_),
        deployment_id=DeploymentId(deployment),
        product=Product(product),
        account_id=AccountId(account),
        user_id=UserId(user),
        state=BatchState(state),
        is_list=bool(is_list),
        queued_at=to_time(queued_at),
        calls=calls,
        paused_at=to_time_or_none(paused_at),
        canceled_at=to_time_or_none(canceled_at),
    )


def _attempt(row: Row, keyed: Sequence[Keyed]) -> AttemptFacts:
    number, counts, trunk, dialed, caller_id, started_at, rang_at, answered_at, ended_at = row[:9]
    outcome, code, reason, sip_call_id, from_tag, to_tag, branch, local, remote = row[9:18]
    who, cause, *audio = row[18:]
    return AttemptFacts(
        number=number,
        counts=bool(counts),
        trunk=trunk,
        dialed=dialed,
        caller_id=caller_id,
        started_at=to_time(started_at),
        rang_at=to_time_or_none(rang_at),
        answered_at=to_time_or_none(answered_at),
        ended_at=to_time_or_none(ended_at),
        outcome=None if outcome is None else Outcome(outcome),
        sip_code=code,
        reason=reason,
        sip_call_id=sip_call_id,
        from_tag=from_tag,
        to_tag=to_tag or "",
        branch=branch,
        local_address=local,
        remote_address=remote,
        identified=None if who is None else Verdict(AnsweredBy(who), cause),
        audio=None if audio[0] is None else _audio(*audio),
        keyed=keyed,
    )


def _audio(
    sent: int,
    received: int,
    lost: int,
    jitter_ms: float,
    far_lost: int,
    far_jitter_ms: float,
    round_trip_ms: float | None,
) -> AudioReport:
    return AudioReport(
        sent=sent,
        received=received,
        lost=lost,
        jitter_ms=jitter_ms,
        far_lost=far_lost,
        far_jitter_ms=far_jitter_ms,
        round_trip_ms=round_trip_ms,
    )
