"""One connection, as the transactions use it: named queries in, plain rows out.

The only place where SQL runs and where apsw's errors become ours; apsw's names never leave
this package.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain

import apsw

from callwright.errors import FieldInvalid, StoreUnavailable
from callwright.store.sqlite.queries import QUERIES, for_rows
from callwright.store.sqlite.values import Row, Value

ROWS_A_STATEMENT = 20
"""Rows that `_change_rows` and `_add_columns` write in one statement: a third faster than one at a
time, and more makes no difference."""


def translated(exc: Exception) -> Exception:
    """`exc` in this package's terms, with itself as the cause: what a caller is told.

    A broken constraint is a fault of ours, not of the disk, and comes out as ValueError:
    trying again would not help.
    """
    told = _translated(exc)
    if told is not exc:
        told.__cause__ = exc
    return told


def _translated(exc: Exception) -> Exception:
    if isinstance(exc, apsw.ConstraintError):
        return ValueError(f"the database forbids this: {exc}")
    if isinstance(exc, apsw.Error):
        return StoreUnavailable(f"the database failed: {type(exc).__name__}: {exc}")
    if isinstance(exc, UnicodeEncodeError):
        return FieldInvalid("text", "holds a character that is no Unicode text")
    return exc


class Session:
    """Runs named queries on one connection, inside whatever transaction is open there."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def _rows(self, query: str, **values: Value) -> list[Row]:
        return self._connection.execute(QUERIES[query], values).fetchall()

    def _row(self, query: str, **values: Value) -> Row | None:
        """The only row, or None."""
        return self._connection.execute(QUERIES[query], values).fetchone()

    def _find(self, query: str, **values: Value) -> Row | None:
        """The row that a question is about, or None; no row holds what SQLite cannot hold."""
        try:
            return self._row(query, **values)
        except (OverflowError, UnicodeEncodeError):
            return None

    def _find_all(self, query: str, **values: Value) -> list[Row]:
        """The rows that a question is about; no row holds what SQLite cannot hold."""
        try:
            return self._rows(query, **values)
        except (OverflowError, UnicodeEncodeError):
            return []

    def _number(self, query: str, **values: Value) -> int:
        """The one number that a query always gives."""
        number: int = self._connection.execute(QUERIES[query], values).get
        return number

    def _number_or_none(self, query: str, **values: Value) -> int | None:
        row = self._find(query, **values)
        return None if row is None else row[0]

    def _change(self, query: str, **values: Value) -> int:
        """How many rows the query changed."""
        self._connection.execute(QUERIES[query], values)
        return self._connection.changes()

    def _change_one(self, query: str, **values: Value) -> None:
        """Run a query that changes one row.

        Raises:
            ValueError: there was no such row.
        """
        if self._change(query, **values) == 0:
            raise ValueError(f"{query}: there is no such row")

    def _change_many(self, query: str, rows: Iterable[Sequence[Value]]) -> list[Row]:
        """Run a query for each of `rows`, values in the order in which the query names them;
        what it returned for all of them."""
        # Often there is nothing to do, and asking the database to do it takes longer.
        values = list(rows)
        return self._connection.executemany(QUERIES[query], values).fetchall() if values else []

    def _change_rows(self, query: str, rows: Iterable[Sequence[Value]]) -> list[Row]:
        """The same for a query of one row of VALUES, none of which depends on what the query did
        for another: many of them are done in one statement."""
        given = list(rows)
        whole = len(given) - len(given) % ROWS_A_STATEMENT
        done: list[Row] = []
        if whole:
            groups = (
                tuple(chain.from_iterable(given[at : at + ROWS_A_STATEMENT]))
                for at in range(0, whole, ROWS_A_STATEMENT)
            )
            done = self._connection.executemany(_query_for_rows(query), groups).fetchall()
        return done + self._change_many(query, given[whole:])

    def _count_changes(self, query: str, rows: Iterable[Sequence[Value]]) -> int:
        """The same for a query that returns nothing: how many rows it changed."""
        before = self._connection.total_changes()
        self._change_rows(query, rows)
        return self._connection.total_changes() - before

    def _add_columns(self, query: str, columns: Sequence[Sequence[Value]]) -> None:
        """Run an INSERT of one row for each row of `columns`, all as long as one another and
        in the order in which the query names them."""
        width, count = len(columns), len(columns[0])
        values: list[Value] = [None] * (width * count)
        for position, column in enumerate(columns):
            values[position::width] = column
        step = width * ROWS_A_STATEMENT
        whole = len(values) // step * step
        self._connection.executemany(
            _query_for_rows(query), (values[at : at + step] for at in range(0, whole, step))
        )
        self._connection.executemany(
            QUERIES[query],
            (values[at : at + width] for at in range(whole, len(values), width)),
        )


@cache
def _query_for_rows(query: str) -> str:
    return for_rows(QUERIES[query], ROWS_A_STATEMENT)
