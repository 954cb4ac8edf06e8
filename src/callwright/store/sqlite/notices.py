"""Notices: written in the transaction that ends a call, handed out until delivered or dead."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from callwright.domain.ids import CallId, NoticeId, OwnerId
from callwright.domain.notice import Delivery, NoticeState
from callwright.ports.store import OwedNotice
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import Row, to_micros, to_micros_or_none


class NoticeChanges(Session):
    """What the callback pump does."""

    def add_notice(
        self,
        call_id: CallId,
        *,
        url: str,
        webhook_id: str,
        content_type: str,
        body: bytes,
        due_at: datetime,
    ) -> None:
        self._change(
            "add_notice",
            call=call_id,
            url=url,
            webhook_id=webhook_id,
            content_type=content_type,
            body=body,
            due_at=to_micros(due_at),
        )

    def claim_due_notices(self, owner: OwnerId, now: datetime, limit: int) -> Sequence[OwedNotice]:
        if limit <= 0:
            return []
        rows = self._rows("claim_due_notices", owner=owner, now=to_micros(now), limit=limit)
        # RETURNING promises no order; (due_at, id) is the order of claiming
        return [_owed(row) for row in sorted(rows, key=lambda row: row[:2])]

    def note_delivery(
        self,
        notice_id: NoticeId,
        owner: OwnerId,
        *,
        at: datetime,
        delivery: Delivery,
        state: NoticeState,
        due_at: datetime | None,
    ) -> bool:
        row = self._row(
            "note_delivery",
            notice=notice_id,
            owner=owner,
            state=state.value,
            due_at=to_micros_or_none(due_at),
        )
        if row is None:
            return False
        self._change(
            "add_try",
            notice=notice_id,
            number=row[0],
            at=to_micros(at),
            status=delivery.status,
            problem=delivery.problem,
            took_ms=delivery.took_ms,
        )
        return True

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
