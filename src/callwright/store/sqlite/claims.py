"""Taking calls out of the queue for dialling, and putting them back."""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.call import Schedule
from callwright.domain.ids import BatchId, CallId, DeploymentId, OwnerId
from callwright.ports.queues import QueueKind, WaitingQueue
from callwright.ports.store import ActiveCall, Claim
from callwright.store.sqlite.limits import LimitChanges
from callwright.store.sqlite.queues import LOOK_PAST
from callwright.store.sqlite.stops import StopChanges
from callwright.store.sqlite.values import (
    Value,
    contact_of,
    json_list,
    schedule_of,
    to_micros,
    to_time,
)


class ClaimChanges(StopChanges, LimitChanges):
    """What the dispatcher does, and who dispatches."""

    def add_owner(self, owner: OwnerId, now: datetime) -> None:
        self._change("add_owner", owner=owner, now=to_micros(now))

    def heartbeat(self, owner: OwnerId, now: datetime) -> bool:
        return self._change("heartbeat", owner=owner, now=to_micros(now)) == 1

    def remove_owner(self, owner: OwnerId) -> None:
        self._change("remove_owner", owner=owner)

    def open_queues(self, trunks: Sequence[str], now: datetime) -> None:
        self.settle_pauses()
        self.settle_limits()
        for trunk in trunks:
            self._change("open_segments", trunk=trunk, now=to_micros(now))

    def take_calls(
        self, owner: OwnerId, queue: WaitingQueue, limit: int, now: datetime
    ) -> Sequence[Claim]:
        at = to_micros(now)
        if limit <= 0:
            return []
        take = self._take_from_lists if queue.kind is QueueKind.LISTS else self._take_due
        # (due_at, call, counted, given_back); tuples sort into the order of claiming
        taken = take(queue, limit, at)
        if not taken:
            return []
        self._change_rows(
            "add_active",
            (
                (call, counted + given_back + 1, owner, queue.trunk, at, given_back)
                for _, call, counted, given_back in taken
            ),
        )
        return self._claims(owner, taken)

    def _take_due(
        self, queue: WaitingQueue, limit: int, now: int
    ) -> list[tuple[int, int, int, int]]:
        rows = self._rows(
            "take_due_calls",
            **_place(queue),
            tried=queue.kind.value,
            now=now,
            limit=limit,
            look=limit + LOOK_PAST,
        )
        # RETURNING promises no order
        return sorted(rows)

    def _take_from_lists(
        self, queue: WaitingQueue, limit: int, now: int
    ) -> list[tuple[int, int, int, int]]:
        taken: list[tuple[int, int, int, int]] = []
        while len(taken) < limit:
            row = self._row("first_open_segment", **_place(queue), now=now)
            if row is None:
                break
            lo, hi, cursor, opens_at = row
            stop = min(hi + 1, cursor + limit - len(taken))
            self._change_one("advance_cursor", lo=lo, cursor=cursor, next=stop)
            taken += [(opens_at, call, 0, 0) for call in range(cursor, stop)]
        return taken

    def _claims(self, owner: OwnerId, taken: list[tuple[int, int, int, int]]) -> list[Claim]:
        ids = json_list(call for _, call, _, _ in taken)
        rows = {row[0]: row for row in self._rows("calls_to_dial", calls=ids)}
        schedules: dict[Value, Schedule] = {}
        claims = []
        at, due = 0, to_time(0)
        for due_at, call, counted, given_back in taken:
            row = rows[call]
            if due_at != at:  # one moment for all calls of a list
                at, due = due_at, to_time(due_at)
            schedule = schedules.get(row[1])
            if schedule is None:
                schedule = schedules[row[1]] = schedule_of(row[8:])
            deployment = row[2]
            claims.append(
                Claim(
                    call_id=CallId(call),
                    attempt=counted + given_back + 1,
                    counted=counted,
                    given_back=given_back,
                    owner=owner,
                    deployment_id=DeploymentId(deployment),
                    batch_id=BatchId(row[1]),
                    contact=contact_of(row[3:8]),
                    schedule=schedule,
                    due_at=due,
                )
            )
        return claims

    def release_claim(self, claim: Claim | ActiveCall, due_at: datetime) -> bool:
        row = self._row(
            "release_claim", call=claim.call_id, attempt=claim.attempt, owner=claim.owner
        )
        if row is None:
            return False
        counted, given_back = row
        self._put_back([(claim.call_id, due_at, counted, given_back)])
        return True

    def _put_back(self, calls: Sequence[tuple[CallId, datetime, int, int]]) -> None:
        """Let calls wait again: each with when it is due and its counts of attempts."""
        places = self._change_many(
            "put_back",
            (
                (to_micros(due_at), counted, given_back, call)
                for call, due_at, counted, given_back in calls
            ),
        )
        # Cancelled while they were in motion: they wait again, so there is something to settle.
        self._change_many("reopen_cancellations", set(places))
        self._change("reopen_call_cancellations", calls=json_list(call for call, _, _, _ in calls))


def _place(queue: WaitingQueue) -> dict[str, Value]:
    """The columns by which a queue is found."""
    return {
        "trunk": queue.trunk,
        "deployment": queue.deployment_id,
        "lane": queue.batch_id or 0,
    }
