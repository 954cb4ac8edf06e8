"""Where calls stand among those that wait, and what is left of a batch."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from callwright.domain.ids import AccountId, BatchId, CallId, DeploymentId
from callwright.domain.outcome import Outcome
from callwright.ports.places import AttemptSum, BatchWork, Place
from callwright.ports.queues import QueueKind, WaitingQueue
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import Row, Value, to_micros, to_time, to_time_or_none

LOOK = 50_000
"""Calls looked at to find out which goes next."""

LAST = 2**63 - 1


class PlaceQuestions(Session):
    """What explanations and forecasts ask."""

    def place_of(self, call_id: CallId) -> Place | None:
        row = self._find("waiting_single", call=call_id)
        if row is not None:
            return _single(call_id, row)
        row = self._find("waiting_in_list", call=call_id)
        return None if row is None else _in_list(call_id, row)

    def next_of_batch(self, batch_id: BatchId, now: datetime) -> CallId | None:
        row = self._find("place_of_batch", batch=batch_id)
        return None if row is None else self._next(row[0], row[1], to_micros(now))

    def next_of_deployment(self, deployment_id: DeploymentId, now: datetime) -> CallId | None:
        return self._next(deployment_id, 0, to_micros(now))

    def count_first(
        self, queue: WaitingQueue, now: datetime, most: int, *, before: Place | None = None
    ) -> int:
        of: dict[str, Value] = {
            "trunk": queue.trunk,
            "deployment": queue.deployment_id,
            "lane": queue.batch_id or 0,
        }
        if queue.kind is QueueKind.LISTS:
            live_seq = LAST if before is None else before.live_seq
            return min(most, self._number("count_in_lists_before", live_seq=live_seq, **of))
        # A call that waits singly goes by its time; one of a list after all of these.
        at, call = to_micros(now), LAST
        if before is not None and before.segment is None:
            at, call = to_micros(before.next_at), before.call_id
        kinds = (0, 1) if queue.kind is QueueKind.SINGLES else (queue.kind.value,)
        counts = (
            self._number("count_singles_before", tried=tried, at=at, call=call, most=most, **of)
            for tried in kinds
        )
        return min(most, sum(counts))

    def batch_work(self, batch_id: BatchId, *, look_back: int) -> BatchWork:
        ranges = self._find_all("batch_ranges", batch=batch_id)
        untried = self._number("count_left_in_list", batch=batch_id)
        quarantined, last_due_at = 0, None
        tried: Counter[int] = Counter()
        for used, is_tried, is_quarantined, count, due_at in self._between("singles_left", ranges):
            if is_quarantined:
                quarantined += count
            elif is_tried:
                tried[used] += count
                last_due_at = max(due_at, last_due_at or 0)
            else:
                untried += count
        in_motion: Counter[int] = Counter()
        for used, count in self._between("active_left", ranges):
            in_motion[used] += count
        return BatchWork(
            untried=untried,
            tried=dict(tried),
            last_due_at=to_time_or_none(last_due_at),
            in_motion=dict(in_motion),
            quarantined=quarantined,
            attempts=self._latest(ranges, look_back),
        )

    def _latest(self, ranges: Iterable[Row], look_back: int) -> dict[Outcome, AttemptSum]:
        counts: Counter[Outcome] = Counter()
        micros: Counter[Outcome] = Counter()
        for lo, hi in sorted(ranges, reverse=True):
            look = look_back - counts.total()
            if look <= 0:
                break
            for outcome, count, lasted in self._rows("latest_attempts", lo=lo, hi=hi, look=look):
                counts[Outcome(outcome)] += count
                micros[Outcome(outcome)] += lasted
        return {
            outcome: AttemptSum(count=count, seconds=micros[outcome] / 1e6)
            for outcome, count in counts.items()
        }

    def _between(self, query: str, ranges: Iterable[Row]) -> Iterable[Row]:
        return (row for lo, hi in ranges for row in self._rows(query, lo=lo, hi=hi))

    def _next(self, deployment: int, live_seq: int, now: int) -> CallId | None:
        place: dict[str, Value] = {"deployment": deployment, "live_seq": live_seq}
        rows = [
            self._row("next_single", look=LOOK, **place),
            self._row("next_in_list", **place),
        ]
        # Of what is due already, single calls go before lists.
        found = [
            (held, max(at, now), from_list, call)
            for from_list, row in enumerate(rows)
            if row is not None
            for call, at, held in [row]
        ]
        return CallId(min(found)[3]) if found else None


def _single(call_id: CallId, row: Row) -> Place:
    account, deployment, batch, lane, trunk, next_at, tried, live_seq = row[:8]
    quarantined_at, batch_paused_at, deployment_paused_at, is_stopped = row[8:]
    is_paused = batch_paused_at is not None or deployment_paused_at is not None
    return Place(
        call_id=call_id,
        account_id=AccountId(account),
        deployment_id=DeploymentId(deployment),
        batch_id=BatchId(batch),
        lane=BatchId(lane) if lane else None,
        trunk=trunk,
        next_at=to_time(next_at),
        is_tried=bool(tried),
        live_seq=live_seq,
        segment=None,
        before_in_list=0,
        quarantined_at=to_time_or_none(quarantined_at),
        batch_paused_at=to_time_or_none(batch_paused_at),
        deployment_paused_at=to_time_or_none(deployment_paused_at),
        is_settling=bool(is_stopped) and not is_paused,
    )


def _in_list(call_id: CallId, row: Row) -> Place:
    account, deployment, batch, lane, trunk, opens_at, live_seq, lo, before = row[:9]
    batch_paused_at, deployment_paused_at = row[9:]
    return Place(
        call_id=call_id,
        account_id=AccountId(account),
        deployment_id=DeploymentId(deployment),
        batch_id=BatchId(batch),
        lane=BatchId(lane) if lane else None,
        trunk=trunk,
        next_at=to_time(opens_at),
        is_tried=False,
        live_seq=live_seq,
        segment=lo,
        before_in_list=before,
        quarantined_at=None,
        batch_paused_at=to_time_or_none(batch_paused_at),
        deployment_paused_at=to_time_or_none(deployment_paused_at),
        is_settling=False,
    )
