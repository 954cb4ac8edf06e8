"""Taking calls out of the queue for dialling, and putting them back."""

import json
from collections.abc import Sequence
from datetime import datetime

from callwright.domain.call import Schedule
from callwright.domain.ids import CallId, DeploymentId, OwnerId
from callwright.ports.store import ActiveCall, Claim
from callwright.store.sqlite.stops import StopChanges
from callwright.store.sqlite.values import (
    Value,
    contact_of,
    schedule_of,
    to_micros,
    to_time,
)

LOOK_PAST = 2_000
"""How many ended calls that nobody has settled yet a claim looks past before it gives up."""


class ClaimChanges(StopChanges):
    """What the dispatcher does, and who dispatches."""

    def add_owner(self, owner: OwnerId, now: datetime) -> None:
        self._change("add_owner", owner=owner, now=to_micros(now))

    def heartbeat(self, owner: OwnerId, now: datetime) -> bool:
        return self._change("heartbeat", owner=owner, now=to_micros(now)) == 1

    def remove_owner(self, owner: OwnerId) -> None:
        self._change("remove_owner", owner=owner)

    def claim_due_calls(
        self, owner: OwnerId, trunk: str, limit: int, now: datetime
    ) -> Sequence[Claim]:
        at = to_micros(now)
        # (due_at, call, counted, given_back); tuples sort into the order of claiming
        taken: list[tuple[int, int, int, int]] = []
        if limit > 0:
            self.settle_pauses()
            taken = self._take_due(trunk, limit, at)
            if len(taken) < limit:
                taken += self._take_from_lists(trunk, limit - len(taken), at)
        if not taken:
            return []
        self._change_many(
            "add_active",
            (
                (call, counted, given_back, owner, trunk, at)
                for _, call, counted, given_back in taken
            ),
        )
        return self._claims(owner, taken)

    def _take_due(self, trunk: str, limit: int, now: int) -> list[tuple[int, int, int, int]]:
        rows = self._rows(
            "take_due_calls", trunk=trunk, now=now, limit=limit, look=limit + LOOK_PAST
        )
        # RETURNING promises no order
        return sorted(rows)

    def _take_from_lists(self, trunk: str, limit: int, now: int) -> list[tuple[int, int, int, int]]:
        self._change("open_segments", trunk=trunk, now=now)
        taken: list[tuple[int, int, int, int]] = []
        while len(taken) < limit:
            row = self._row("first_open_segment", trunk=trunk, now=now)
            if row is None:
                break
            lo, hi, cursor, opens_at = row
            stop = min(hi + 1, cursor + limit - len(taken))
            self._change_one("advance_cursor", lo=lo, cursor=cursor, next=stop)
            taken += [(opens_at, call, 0, 0) for call in range(cursor, stop)]
        return taken

    def _claims(self, owner: OwnerId, taken: list[tuple[int, int, int, int]]) -> list[Claim]:
        ids = json.dumps([call for _, call, _, _ in taken])
        rows = {row[0]: row for row in self._rows("calls_to_dial", calls=ids)}
        schedules: dict[Value, Schedule] = {}
        claims = []
        for due_at, call, counted, given_back in taken:
            row = rows[call]
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
                    contact=contact_of(row[3:8]),
                    schedule=schedule,
                    due_at=to_time(due_at),
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
        self._change(
            "reopen_call_cancellations", calls=json.dumps([call for call, _, _, _ in calls])
        )
