"""Metadatabases: named tables of an account, with records that programs push into them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count

from callwright.dialects.charset import quote_for_people
from callwright.domain.account import Metadatabase, User
from callwright.domain.ids import AccountId, MetadatabaseId
from callwright.errors import Conflict, FieldInvalid, NotFound
from callwright.ports.store import ReadTx, WriteTx

MAX_NAME_LENGTH = 200
MAX_COLUMNS = 200

_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)


def add_metadatabase(
    tx: WriteTx, account_id: AccountId, name: str, columns: Sequence[str], now: datetime
) -> MetadatabaseId:
    """The id of a new metadatabase.

    Raises:
        FieldInvalid: no name, or a column that no variable can be called.
        Conflict: the account has one of that name, in whatever case.
    """
    name = check_name(name)
    check_columns(columns)
    added = tx.add_metadatabase(account_id, name, columns, now)
    if added is None:
        raise Conflict(f"There is a metadatabase {name} already.")
    return added


def check_name(text: str) -> str:
    """`text` as the name of a metadatabase.

    Raises:
        FieldInvalid: it can be none.
    """
    name = text.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise FieldInvalid("name", f"must have 1 to {MAX_NAME_LENGTH} printable characters")
    return name


def metadatabase_with(
    tx: WriteTx, account_id: AccountId, name: str, columns: Sequence[str], now: datetime
) -> MetadatabaseId:
    """The metadatabase of that name with just these columns, made if it does not exist.

    If the name stands for one with other columns, `name 2` is tried, and so on.

    Raises:
        FieldInvalid: a column that no variable can be called.
    """
    check_columns(columns)
    for number in count(1):
        tried = name if number == 1 else f"{name} {number}"
        found = tx.metadatabase_by_name(account_id, tried)
        if found is not None and found.columns == tuple(columns):
            return found.id
        if found is None:
            return add_metadatabase(tx, account_id, tried, columns, now)
    raise AssertionError("count() has no end")


def find_metadatabase(tx: ReadTx, user: User, name: str) -> Metadatabase:
    """The metadatabase of the user's account with that name, in whatever case.

    Raises:
        NotFound: there is none.
    """
    found = tx.metadatabase_by_name(user.account_id, name)
    if found is None:
        raise NotFound("metadatabase")
    return found


def find_metadatabase_by_id(
    tx: ReadTx, user: User, metadatabase_id: MetadatabaseId
) -> Metadatabase:
    """The metadatabase of the user's account with that id.

    Raises:
        NotFound: there is none.
    """
    for found in tx.metadatabases(user.account_id):
        if found.id == metadatabase_id:
            return found
    raise NotFound("metadatabase")


def metadatabase_wanted(tx: ReadTx, user: User, text: str) -> Metadatabase | list[str]:
    """What `text` means: the name of a metadatabase there is, else columns with commas between.

    Raises:
        FieldInvalid: neither.
    """
    found = tx.metadatabase_by_name(user.account_id, text.strip())
    if found is not None:
        return found
    columns = [column.strip() for column in text.split(",")]
    if len(columns) == 1 and not _COLUMN.match(columns[0]):
        raise FieldInvalid(
            "metadatabase", f"there is no {quote_for_people(text)}, and it is no name of a column"
        )
    check_columns(columns)
    return columns


def push_record(
    tx: WriteTx,
    user: User,
    metadatabase: Metadatabase,
    record: Mapping[str, object],
    now: datetime,
) -> None:
    """Add a record; columns are compared without case, and some may be left out.

    Raises:
        FieldInvalid: the record is empty, or has a column that the metadatabase has not.
    """
    if not record:
        raise FieldInvalid("record", "has no values")
    spelt = {column.casefold(): column for column in metadatabase.columns}
    values: dict[str, object] = {}
    for column, value in record.items():
        known = spelt.get(column.casefold())
        if known is None:
            raise FieldInvalid(
                "record", f"{quote_for_people(column)} is no column of the metadatabase"
            )
        if known in values:
            raise FieldInvalid("record", f"the column {quote_for_people(known)} is given twice")
        values[known] = value
    tx.add_record(metadatabase.id, user.id, values, now)


def check_columns(columns: Sequence[str]) -> None:
    """Whether variables can be called so.

    Raises:
        FieldInvalid: one cannot, or one is named twice.
    """
    if not 1 <= len(columns) <= MAX_COLUMNS:
        raise FieldInvalid("columns", f"must be 1 to {MAX_COLUMNS}")
    for column in columns:
        if not _COLUMN.match(column):
            raise FieldInvalid("columns", f"{quote_for_people(column)} is no name of a column")
    if len({column.casefold() for column in columns}) != len(columns):
        raise FieldInvalid("columns", "one is named twice")
