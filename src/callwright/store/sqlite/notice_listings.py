"""Looking through notices, and sending one again."""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.ids import AccountId, CallId, NoticeId, UserId
from callwright.domain.notice import LASTS, NoticeState
from callwright.ports.control import (
    DeadPlace,
    DeadReplayed,
    NoticesFound,
    NoticeTry,
    StoredNotice,
    Whose,
)
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import Row, to_micros, to_time, to_time_or_none

LOOK = 50_000
"""Most notices that one search looks at."""

HIGHEST = 2**63 - 1


class NoticeQuestions(Session):
    """What became of what is owed to result URLs."""

    def notice(self, notice_id: NoticeId) -> StoredNotice | None:
        row = self._find("notice", notice=notice_id)
        return None if row is None else _notice(row)

    def notice_of_call(self, call_id: CallId) -> StoredNotice | None:
        number = self._number_or_none("notice_of_call", call=call_id)
        return None if number is None else self.notice(NoticeId(number))

    def notices(
        self,
        whose: Whose,
        *,
        state: NoticeState | None,
        below: NoticeId | None,
        limit: int,
    ) -> NoticesFound:
        top = HIGHEST if below is None else below
        low = self._number_or_none("look_down_notices", below=top, look=LOOK)
        if low is None:
            return NoticesFound(notices=(), looked_to=None)
        rows = self._rows(
            "notices",
            lo=low,
            below=top,
            state=None if state is None else state.value,
            user=whose.user_id,
            account=whose.account_id,
            limit=limit + 1,
        )
        found = [_notice(row) for row in rows]
        if len(found) > limit:
            del found[limit:]
            return NoticesFound(notices=found, looked_to=found[-1].id)
        more = self._number_or_none("look_down_notices", below=low, look=1)
        return NoticesFound(notices=found, looked_to=None if more is None else NoticeId(low))

    def notice_tries(self, notice_id: NoticeId) -> Sequence[NoticeTry]:
        return [
            NoticeTry(
                number=number,
                at=to_time(at),
                status=status,
                problem=problem,
                took_ms=took_ms,
                address=address,
                request_head=request_head,
                answer=answer,
                answer_size=answer_size,
            )
            for (
                number,
                at,
                status,
                problem,
                took_ms,
                address,
                request_head,
                answer,
                answer_size,
            ) in self._rows("notice_tries", notice=notice_id)
        ]


class NoticeReplays(NoticeQuestions):
    """Sending again."""

    def replay_notice(self, notice_id: NoticeId, now: datetime) -> bool:
        return (
            self._change(
                "replay_notice",
                notice=notice_id,
                now=to_micros(now),
                lasts_until=to_micros(now + LASTS),
            )
            == 1
        )

    def replay_dead_notices(
        self, whose: Whose, *, after: DeadPlace, before: datetime, limit: int, now: datetime
    ) -> DeadReplayed:
        rows = self._rows(
            "dead_notices",
            account=whose.account_id,
            user=whose.user_id,
            after=to_micros(after.over_at),
            notice=after.id,
            before=to_micros(before),
            limit=limit,
        )
        replayed = [
            notice for _, notice, may in rows if may and self.replay_notice(NoticeId(notice), now)
        ]
        looked_to = None
        if len(rows) == limit:
            over_at, notice, _ = rows[-1]
            looked_to = DeadPlace(over_at=to_time(over_at), id=NoticeId(notice))
        return DeadReplayed(count=len(replayed), looked_to=looked_to)


def _notice(row: Row) -> StoredNotice:
    id_, call, account, user, url, webhook_id, content_type, body, state, due_at, tries = row[:11]
    return StoredNotice(
        id=NoticeId(id_),
        call_id=CallId(call),
        account_id=AccountId(account),
        user_id=UserId(user),
        url=url,
        webhook_id=webhook_id,
        content_type=content_type,
        body=body,
        state=NoticeState(state),
        due_at=to_time_or_none(due_at),
        tries=tries,
        is_being_sent=bool(row[11]),
        over_at=to_time_or_none(row[12]),
        host=row[13],
        host_rests_until=to_time_or_none(row[14]),
    )
