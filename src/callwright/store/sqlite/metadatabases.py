"""Metadatabases and their records."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from callwright.domain.account import Metadatabase
from callwright.domain.ids import AccountId, MetadatabaseId, UserId
from callwright.ports.metadatabases import MetadatabaseRecord
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import (
    Row,
    json_mapping,
    json_texts,
    to_json,
    to_micros,
    to_time,
)


class MetadatabaseQuestions(Session):
    """Looking them up."""

    def metadatabase_by_name(self, account_id: AccountId, name: str) -> Metadatabase | None:
        row = self._find("metadatabase_by_name", account=account_id, name_key=name.casefold())
        return None if row is None else _metadatabase(row)

    def metadatabases(self, account_id: AccountId) -> Sequence[Metadatabase]:
        return [_metadatabase(row) for row in self._rows("metadatabases", account=account_id)]

    def metadatabase_records(
        self, metadatabase_id: MetadatabaseId, *, after: int, limit: int
    ) -> Sequence[MetadatabaseRecord]:
        rows = self._find_all(
            "metadatabase_records", metadatabase=metadatabase_id, after=after, limit=limit
        )
        return [
            MetadatabaseRecord(
                id=id_, user_id=UserId(user), at=to_time(at), values=json_mapping(record)
            )
            for id_, user, at, record in rows
        ]


class MetadatabaseChanges(MetadatabaseQuestions):
    """Adding to them."""

    def add_metadatabase(
        self, account_id: AccountId, name: str, columns: Sequence[str], now: datetime
    ) -> MetadatabaseId | None:
        row = self._row(
            "add_metadatabase",
            account=account_id,
            name=name,
            name_key=name.casefold(),
            columns=to_json(list(columns)),
            now=to_micros(now),
        )
        return None if row is None else MetadatabaseId(row[0])

    def add_record(
        self,
        metadatabase_id: MetadatabaseId,
        user_id: UserId,
        values: Mapping[str, object],
        now: datetime,
    ) -> None:
        self._change(
            "add_record",
            metadatabase=metadatabase_id,
            user=user_id,
            record=to_json(values),
            now=to_micros(now),
        )


def _metadatabase(row: Row) -> Metadatabase:
    id_, account, name, columns = row
    return Metadatabase(
        id=MetadatabaseId(id_),
        account_id=AccountId(account),
        name=name,
        columns=json_texts(columns),
    )
