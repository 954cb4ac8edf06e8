"""Stores as an older version of the program left them, with work under way."""

import time
from pathlib import Path

import apsw

from callwright.store.sqlite.opening import APPLICATION_ID, migrations

OLD_VERSIONS = (1, 4, 8)
KEPT = ("account", "account_user", "user_right", "program", "deployment")
SECOND = 1_000_000
HOUR = 3600 * SECOND

Plan = tuple[str, str]
"""Where a call stands in the old store, and how it must end."""

CALLS: tuple[Plan, ...] = (
    ("due", "completed"),
    ("tried", "completed"),
    ("listed", "completed"),
    ("listed", "completed"),
    ("dialing", "failed"),
    ("connected", "completed"),
    ("closed", "failed"),
)


def age_store(store: Path, version: int, url: str) -> dict[str, str]:
    """Put a store of that schema in place of `store`, with its people and programs and a call
    in each place where one can stand; by number, how each of these must end."""
    old = store.with_name("old.db")
    old.unlink(missing_ok=True)
    connection = apsw.Connection(str(old))
    for number, sql in migrations():
        if number <= version:
            connection.execute(sql)
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", version)
    connection.execute("ATTACH ? AS now", (str(store),))
    for table in KEPT:
        columns = ", ".join(_columns(connection, table))
        connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM now.{table}")
    connection.execute("DETACH now")
    wanted = _add_calls(connection, version, url)
    connection.close()
    for file in store.parent.glob(f"{store.name}-*"):
        file.unlink()
    old.rename(store)
    return wanted


def _columns(connection: apsw.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _add_calls(connection: apsw.Connection, version: int, url: str) -> dict[str, str]:
    now = int(time.time()) * SECOND
    user = connection.execute("SELECT min(id) FROM account_user").get
    # The flow that the run added: the newest.
    deployment = connection.execute("SELECT max(id) FROM deployment").get
    connection.execute("INSERT INTO owner (id, heartbeat_at) VALUES ('dead', ?)", (now,))
    wanted = {}
    for call, (place, status) in enumerate(CALLS, 1):
        number = f"61756{version}{call:02d}00"
        wanted[number] = status
        closes_at = now - SECOND if place == "closed" else None
        batch = connection.execute(
            "INSERT INTO batch (deployment, user, state, live_seq, queued_at, only_call, opens_at,"
            " closes_at, start_given, max_attempts, wait, wait_given, result_url, is_pci)"
            " VALUES (?, ?, 'live', ?, ?, ?, ?, ?, 0, ?, ?, 1, ?, 0) RETURNING id",
            (
                *(deployment, user, call, now - HOUR, None if place == "listed" else call),
                *(now - HOUR, closes_at, 2 if place == "tried" else 1, 60 * SECOND, url),
            ),
        ).get
        connection.execute(
            "INSERT INTO call (id, batch, sent, number, ani, postd, variables)"
            " VALUES (?, ?, ?, ?, '', '', '{}')",
            (call, batch, number, f"+1{number}"),
        )
        if place in ("due", "closed", "tried"):
            connection.execute(
                "INSERT INTO due (call, trunk, next_at, closes_at, deployment, live_seq, counted,"
                " given_back) VALUES (?, '', ?, ?, ?, ?, ?, 0)",
                (call, now - HOUR, closes_at, deployment, call, place == "tried"),
            )
        elif place == "listed":
            connection.execute(
                "INSERT INTO segment (lo, hi, room, cursor, batch, deployment, trunk, live_seq,"
                " opens_at) VALUES (?1, ?1, ?1, ?1, ?2, ?3, '', ?1, ?4)",
                (call, batch, deployment, now - HOUR),
            )
        else:
            connection.execute(
                "INSERT INTO active (call, attempt, owner, state, trunk, claimed_at, counted,"
                " given_back) VALUES (?, 1, 'dead', ?, 'main', ?, 1, 0)",
                (call, place, now - 60 * SECOND),
            )
        if place in ("tried", "dialing", "connected"):
            talks = place == "connected"
            connection.execute(
                "INSERT INTO attempt (call, number, started_at, trunk, dialed, caller_id,"
                " sip_call_id, from_tag, branch, cseq, local_sip, answered_at, to_tag,"
                " remote_target, route_set, dialog_cseq, ended_at, outcome) VALUES"
                " (?, 1, ?, 'main', ?, '', ?, 'ft', 'z9hG4bKold', 1, '', ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(call, now - HOUR, f"+1{number}", f"old{version}-{call}-1@127.0.0.1"),
                    *((now - HOUR, "tt", "", "[]", 1) if talks else (None,) * 5),
                    *((now - HOUR, "busy") if place == "tried" else (None, None)),
                ),
            )
    connection.execute("UPDATE counter SET last = 100 WHERE name IN ('call', 'live')")
    return wanted
