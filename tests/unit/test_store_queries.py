"""The named SQL: each query has a name, a sentence, and a use."""

import re
from pathlib import Path

import apsw
import pytest

import callwright.store.sqlite as package
from callwright.store.sqlite.opening import migrations
from callwright.store.sqlite.queries import QUERIES, for_rows, parse_queries


def test_queries_are_read_by_name_without_their_comments() -> None:
    one = "-- name: one\n-- Gives one.\n-- Really.\nSELECT 1;\n\n"
    text = one + "-- name: two\n-- Gives.\nSELECT\n 2;\n"
    assert parse_queries(text, "x.sql") == {"one": "SELECT 1;", "two": "SELECT\n 2;"}


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "-- name: one\nSELECT 1;",
        "-- name: one\n-- Gives nothing.\n",
        "-- name: one\n-- Has no end.\nSELECT 1",
        "-- name: One\n-- Is no word.\nSELECT 1;",
        "-- name:\n-- Has no name.\nSELECT 1;",
        "-- name: one\n-- A.\nSELECT 1;\n-- name: one\n-- B.\nSELECT 2;",
    ],
)
def test_a_file_that_is_not_in_order_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^x\.sql: "):
        parse_queries(text, "x.sql")


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_fits_the_schema_and_names_its_parameters(name: str) -> None:
    connection = apsw.Connection(":memory:")
    for _, sql in migrations():
        connection.execute(sql)
    query = QUERIES[name]
    names = dict.fromkeys(re.findall(r":([a-z_]+)", query))
    connection.execute("EXPLAIN " + query, names).fetchall()
    assert "?" not in query


def test_every_query_is_used() -> None:
    sources = Path(package.__file__).parent.glob("*.py")
    used = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    assert [name for name in QUERIES if f'"{name}"' not in used] == []


def test_an_insert_takes_several_rows_and_the_parameters_stay_in_order() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE pair (a, b)")
    several = for_rows("INSERT INTO pair (b, a) VALUES (:b, :a);", 3)
    connection.execute(several, (1, 2, 3, 4, 5, 6))
    rows = connection.execute("SELECT a, b FROM pair ORDER BY a").fetchall()
    assert rows == [(2, 1), (4, 3), (6, 5)]


def test_a_change_takes_several_rows_too() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE pair (a, b); INSERT INTO pair VALUES (1, 1), (2, 2), (3, 3)")
    changed = """WITH new (a, b) AS (VALUES (:a, abs(:b)))
        UPDATE pair SET b = new.b FROM new WHERE pair.a = new.a RETURNING pair.a;"""
    done = connection.execute(for_rows(changed, 2), (1, -10, 3, -30)).fetchall()
    assert sorted(done) == [(1,), (3,)]
    assert connection.execute("SELECT b FROM pair ORDER BY a").fetchall() == [(10,), (2,), (30,)]


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO pair SELECT 1, 2;",
        "WITH new AS (VALUES (:a)) UPDATE pair SET b = :b FROM new;",
        "INSERT INTO pair VALUES (:a, :b;",
        "INSERT INTO pair VALUES (:a, :a);",
    ],
)
def test_what_is_no_row_of_values_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="one row of VALUES"):
        for_rows(query, 3)
