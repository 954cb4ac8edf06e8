"""Notices: written in the transaction that ends a call, handed out until delivered or dead."""

import json
from collections.abc import Collection, Sequence, Set
from datetime import datetime

from callwright.domain.ids import CallId, NoticeId, OwnerId
from callwright.ports.store import NewNotice, OwedNotice, TriedNotice
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import Row, to_micros, to_micros_or_none


class NoticeChanges(Session):
    """What the callback pump does."""

    def add_notices(self, notices: Sequence[NewNotice], due_at: datetime) -> None:
        due = to_micros(due_at)
        self._change_many(
            "add_notice",
            (
                (one.call_id, one.url, one.webhook_id, one.content_type, one.body, due)
                for one in notices
            ),
        )

    def claim_due_notices(self, owner: OwnerId, now: datetime, limit: int) -> Sequence[OwedNotice]:
        if limit <= 0:
            return []
        rows = self._rows("claim_due_notices", owner=owner, now=to_micros(now), limit=limit)
        # RETURNING promises no order; (due_at, id) is the order of claiming
        return [_owed(row) for row in sorted(rows, key=lambda row: row[:2])]

    def note_deliveries(self, owner: OwnerId, tried: Sequence[TriedNotice]) -> Set[NoticeId]:
        numbers: dict[NoticeId, int] = dict(
            self._change_many(
                "note_delivery",
                ((one.state.value, to_micros_or_none(one.due_at), one.id, owner) for one in tried),
            )
        )
        self._change_many(
            "add_try",
            (
                (
                    one.id,
                    numbers[one.id],
                    to_micros(one.at),
                    one.delivery.status,
                    one.delivery.problem,
                    one.delivery.took_ms,
                )
                for one in tried
                if one.id in numbers
            ),
        )
        return numbers.keys()

    def release_notices(self, owner: OwnerId, sending: Collection[NoticeId]) -> int:
        return self._change("release_notices", owner=owner, sending=json.dumps(sorted(sending)))

    def release_notices_of_the_dead(self, alive_since: datetime) -> int:
        return self._change("release_notices_of_the_dead", alive_since=to_micros(alive_since))


def _owed(row: Row) -> OwedNotice:
    _, id_, call, url, webhook_id, content_type, body, tries = row
    return OwedNotice(
        id=NoticeId(id_),
        call_id=CallId(call),
        url=url,
        webhook_id=webhook_id,
        content_type=content_type,
        body=body,
        tries=tries,
    )
