"""The schema of a store in one SQLite file, and what older versions wrote."""

import asyncio
import re
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import apsw
import pytest
from store_world import NOON, OWNER

from callwright.domain.notice import host_of
from callwright.ports.notices import HostsWanted
from callwright.ports.store import Store
from callwright.store.sqlite.opening import APPLICATION_ID, migrations, open_writer
from callwright.store.sqlite.transactions import SqliteWriteTx

_COMMENT = re.compile("--.*")


def close(store: Store) -> None:
    asyncio.run(store.close())


def test_the_schema_file_is_what_the_migrations_make(tmp_path: Path) -> None:
    def contents(connection: apsw.Connection) -> list[tuple[str, ...]]:
        rows = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
        )
        return sorted((*row[:3], " ".join(_COMMENT.sub("", row[3] or "").split())) for row in rows)

    migrated = open_writer(tmp_path / "migrated.db", server=True)
    described = apsw.Connection(":memory:")
    described.execute(files("callwright.store.sqlite").joinpath("schema.sql").read_text())
    assert contents(migrated) == contents(described)
    for table in ("counter", "server_mark"):
        assert migrated.execute(f"SELECT * FROM {table}").fetchall() == (
            described.execute(f"SELECT * FROM {table}").fetchall()
        )
    assert migrated.pragma("user_version") == migrations()[-1][0]
    assert migrated.pragma("integrity_check") == "ok"
    migrated.close()


def test_what_an_older_version_wrote_is_brought_along(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(apsw.Connection(str(path))) as old:
        for number, sql in migrations():
            if number <= 4:
                old.execute(sql)
        old.pragma("application_id", APPLICATION_ID)
        old.pragma("user_version", 4)
        old.execute(_OLD_ROWS)
    with closing(open_writer(path, server=True)) as brought:
        columns = brought.execute(
            "SELECT p.id, m.columns FROM program p"
            " LEFT JOIN metadatabase m ON m.id = p.metadatabase ORDER BY p.id"
        ).fetchall()
        assert columns == [(1, '["plan"]'), (2, None)]
        visits = "SELECT program, at, call, attempt, user, finished FROM visit"
        assert brought.execute(visits).fetchall() == [(1, 5, 1, 1, 1, 1)]


def test_who_answered_is_kept_when_screening_is_added(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(apsw.Connection(str(path))) as old:
        for number, sql in migrations():
            if number <= 17:
                old.execute(sql)
            if number == 4:
                old.execute(_OLD_ROWS)
        old.pragma("application_id", APPLICATION_ID)
        old.pragma("user_version", 17)
        old.execute("INSERT INTO identified VALUES (1, 1, 'fax', 'CED')")
        with pytest.raises(apsw.ConstraintError):
            old.execute("UPDATE identified SET who = 'screening'")
    with closing(open_writer(path, server=True)) as brought:
        found = brought.execute("SELECT call, attempt, who, cause FROM identified").fetchall()
        assert found == [(1, 1, "fax", "CED")]
        brought.execute("UPDATE identified SET who = 'screening'")


def test_calls_in_motion_stand_where_an_older_version_left_them(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    asked = "SELECT call, attempt, state, trunk, counted, given_back FROM in_motion ORDER BY call"
    with closing(apsw.Connection(str(path))) as old:
        for number, sql in migrations():
            if number <= 12:
                old.execute(sql)
        old.pragma("application_id", APPLICATION_ID)
        old.pragma("user_version", 12)
        old.execute(_OLD_ROWS.replace("'[\"plan\"]'", "NULL"))
        old.execute(_OLD_MOTION)
        before = old.execute(asked).fetchall()
    assert [row[2] for row in before] == ["claimed", "dialing", "connected"]
    with closing(open_writer(path, server=True)) as brought:
        assert brought.execute(asked).fetchall() == before
        with pytest.raises(apsw.ConstraintError, match="active"):
            brought.execute("INSERT INTO ended (call, state, at) VALUES (2, 'canceled', 0)")


_OLD_MOTION = """
INSERT INTO call (id, batch, sent, number, ani, postd, variables)
SELECT value, 1, '6175550100', '+16175550100', '', '', '{}' FROM json_each('[2, 3, 4]');
INSERT INTO active (call, attempt, owner, state, trunk, claimed_at, counted, given_back)
VALUES (2, 3, 'dead', 'claimed', 'main', 1, 1, 1), (3, 2, 'dead', 'dialing', 'spare', 1, 1, 1),
       (4, 1, 'dead', 'connected', 'spare', 1, 1, 0);
INSERT INTO attempt (call, number, started_at, trunk, dialed, caller_id, sip_call_id, from_tag,
                     branch, cseq, local_sip, answered_at, to_tag)
VALUES (3, 2, 4, 'spare', '+16175550100', '', 'c', 'f', 'z', 1, '127.0.0.1:5060', NULL, NULL),
       (4, 1, 4, 'spare', '+16175550100', '', 'c', 'f', 'z', 1, '127.0.0.1:5060', 5, 't');
"""


_OLD_ROWS = """
INSERT INTO account (id, name, created_at) VALUES (1, 'main', 0);
INSERT INTO account_user (id, account, email, email_key, key_hash, is_admin, created_at)
VALUES (1, 1, 'a@x', 'a@x', x'00', 1, 0);
INSERT INTO program (id, product, account, owner, name, metadatabase, script, created_at)
VALUES (1, 'insight', 1, 1, 'poll', '["plan"]', '{}', 0), (2, 'fuse', 1, 1, 'app', NULL, '{}', 0);
INSERT INTO deployment (id, program, label, script, variables, caller_id, trunk, created_at)
VALUES (1, 1, '', '{}', '{}', '', '', 0);
INSERT INTO batch (id, deployment, user, state, live_seq, queued_at, only_call, opens_at,
                   start_given, max_attempts, wait, wait_given, result_url, is_pci)
VALUES (1, 1, 1, 'live', 1, 0, 1, 0, 0, 1, 0, 0, '', 0);
INSERT INTO call (id, batch, sent, number, ani, postd, variables)
VALUES (1, 1, '6175550100', '+16175550100', '', '', '{}');
INSERT INTO attempt (call, number, started_at, trunk, dialed, caller_id, sip_call_id, from_tag,
                     branch, cseq, local_sip, answered_at, to_tag, ended_at, outcome)
VALUES (1, 1, 4, 'main', '+16175550100', '', 'c', 'f', 'z', 1, '127.0.0.1:5060', 5, 't', 6,
        'answered');
"""


def test_notices_from_before_hosts_were_kept_are_claimed_by_host() -> None:
    connection = apsw.Connection(":memory:")
    for number, sql in migrations():
        if number == 8:
            connection.executemany(
                "INSERT INTO notice (call, url, webhook_id, content_type, body, state, due_at)"
                " VALUES (?, ?, 'w', 't', x'', ?, ?)",
                [
                    (1, "http://Example.org/x?y=http://other", "pending", 5_000_000),
                    (2, "https://user:key@example.org/", "pending", 7_000_000),
                    (3, "https://example.org:8443", "pending", 6_000_000),
                    (4, "http://example.org/", "delivered", None),
                ],
            )
        connection.execute(sql)
    tx = SqliteWriteTx(connection)
    hosts = ["example.org:80", "example.org:8443", "example.org:443"]
    assert tx.hosts_due(NOON, HostsWanted(), 9) == hosts
    claimed = [notice for host in hosts for notice in tx.claim_notices(OWNER, host, NOON, 9)]
    assert [notice.host for notice in claimed] == [host_of(notice.url) for notice in claimed]
    assert [notice.call_id for notice in claimed] == [1, 3, 2]
    assert tx.hosts_due(NOON, HostsWanted(), 9) == []
    connection.close()
