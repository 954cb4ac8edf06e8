"""Notices: written in the transaction that ends a call, handed out until delivered or dead."""

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import datetime

from callwright.domain.ids import CallId, NoticeId, OwnerId
from callwright.domain.notice import LASTS, NoticeState, Problem, receiver_of
from callwright.domain.receiver import Standing, remembered
from callwright.ports.notices import HostsWanted, NewNotice, OwedNotice, TriedNotice
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import (
    Row,
    Value,
    json_list,
    span_to_micros,
    to_micros,
    to_micros_or_none,
    to_time,
    to_time_or_none,
)

LOOK = 20_000
"""Most notices of a host that are looked at for some to give up."""


class DueNotices(Session):
    """What the callback pump asks before it claims."""

    def next_notice_at(self, wanted: HostsWanted) -> datetime | None:
        return to_time_or_none(self._number_or_none("next_notice_at", **_lists(wanted)))

    def hosts_in_trouble(self) -> Mapping[str, Standing]:
        return {
            host: remembered(to_time(since), to_time(until))
            for host, since, until in self._rows("hosts_in_trouble")
        }


class NoticeChanges(DueNotices):
    """What the callback pump does."""

    def add_notices(self, notices: Sequence[NewNotice], due_at: datetime) -> None:
        due, lasts_until = to_micros(due_at), to_micros(due_at + LASTS)
        self._change_rows(
            "add_notice",
            (
                (
                    one.call_id,
                    one.url,
                    receiver_of(one.url, one.account_id),
                    one.webhook_id,
                    one.content_type,
                    one.body,
                    due,
                    lasts_until,
                )
                for one in notices
            ),
        )
        hosts = {receiver_of(one.url, one.account_id) for one in notices}
        self._change_many("wait_for_host", ((host, due) for host in hosts))

    def hosts_due(self, now: datetime, wanted: HostsWanted, limit: int) -> Sequence[str]:
        rows = self._rows("hosts_due", now=to_micros(now), limit=limit, **_lists(wanted))
        return [host for (host,) in rows]

    def claim_notices(
        self, owner: OwnerId, host: str, now: datetime, limit: int
    ) -> Sequence[OwedNotice]:
        rows = self._rows("claim_notices", owner=owner, host=host, now=to_micros(now), limit=limit)
        self._change("look_at_host", host=host)
        # RETURNING promises no order; (due_at, id) is the order of claiming
        return [_owed(row) for row in sorted(rows, key=lambda row: row[:2])]

    def note_deliveries(self, owner: OwnerId, tried: Sequence[TriedNotice]) -> Set[NoticeId]:
        numbers: dict[NoticeId, int] = dict(
            self._change_many("note_delivery", (_what_became(one, owner) for one in tried))
        )
        kept = [one for one in tried if one.id in numbers]
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
                    one.delivery.address,
                )
                for one in kept
            ),
        )
        self._change_many(
            "add_exchange",
            (
                (
                    one.id,
                    numbers[one.id],
                    one.delivery.request_head,
                    one.delivery.answer,
                    one.delivery.answer_size,
                )
                for one in kept
                if one.delivery.request_head
            ),
        )
        return numbers.keys()

    def note_standing(self, host: str, standing: Standing) -> None:
        rests_until, since = standing.rests_until, standing.failing_since
        self._change(
            "note_standing",
            host=host,
            rests_until=0 if rests_until is None else to_micros(rests_until),
            failing_since=0 if rests_until is None or since is None else to_micros(since),
        )

    def shorten_rests(self, latest: datetime) -> None:
        self._change("shorten_rests", latest=to_micros(latest))

    def give_up_notices(self, host: str, now: datetime, limit: int) -> Sequence[NoticeId]:
        at = to_micros(now)
        overdue = self._rows("overdue_notices", host=host, now=at, look=LOOK, limit=limit)
        given_up = self._change_many("give_up_notice", ((at, notice) for (notice,) in overdue))
        self._change_many(
            "add_try",
            ((notice, number, at, None, Problem.HOST_DOWN, 0, "") for notice, number in given_up),
        )
        self._change("look_at_host", host=host)
        return [NoticeId(notice) for notice, _ in given_up]

    def release_notices(self, owner: OwnerId, sending: Collection[NoticeId]) -> int:
        return self._change("release_notices", owner=owner, sending=json_list(sorted(sending)))

    def release_notices_of_the_dead(self, alive_since: datetime) -> int:
        return self._change("release_notices_of_the_dead", alive_since=to_micros(alive_since))

    def drop_old_notices(self, over_before: datetime, limit: int) -> int:
        old = self._rows("old_notices", over_before=to_micros(over_before), limit=limit)
        for query in ("drop_exchange", "drop_tries", "drop_notice"):
            self._change_many(query, old)
        if len(old) < limit:
            self._change("drop_idle_hosts", over_before=to_micros(over_before))
        return len(old)


def _lists(wanted: HostsWanted) -> dict[str, Value]:
    return {
        "only": None if wanted.only is None else json_list(wanted.only),
        "but_not": json_list(wanted.but_not),
    }


def _what_became(one: TriedNotice, owner: OwnerId) -> tuple[Value, ...]:
    over_at = None if one.state is NoticeState.PENDING else to_micros(one.ended_at)
    extended_by = span_to_micros(one.extended_by)
    return one.state.value, to_micros_or_none(one.due_at), over_at, extended_by, one.id, owner


def _owed(row: Row) -> OwedNotice:
    _, id_, call, url, host, webhook_id, content_type, body, tries, replayed_after = row
    return OwedNotice(
        id=NoticeId(id_),
        call_id=CallId(call),
        url=url,
        host=host,
        webhook_id=webhook_id,
        content_type=content_type,
        body=body,
        tries=tries,
        tries_before_replay=replayed_after,
    )
