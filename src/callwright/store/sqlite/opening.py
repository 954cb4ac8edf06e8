"""Opening a database file: connections set up alike, and the schema brought up to date."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import apsw

from callwright.errors import ConfigInvalid

APPLICATION_ID = 0x43616C6C
"""Marks the file as ours ("Call"), so that nobody else's database is taken for one."""

BUSY_TIMEOUT_MS = 10_000
"""How long to wait for an admin command's transaction, or for the server's."""

_STATEMENTS = 1_024
"""Far more than there are, because apsw counts uses: a statement is forgotten after so many uses
of whatever statements, and each row of `executemany` is one."""

_WRITER_CACHE_KIB = 8_192
"""Small, because a server is to reach its size soon: 64 MiB took hours of calls to fill, looked
like a leak, and cost a tenth more processor time a call over a big store, where the kernel has
the file in memory anyway."""
_READER_CACHE_KIB = 2_048

CHECKPOINT_PAGES = 1_000
"""Small, because the writer stands still meanwhile: four times as many made others wait
20 ms instead of 8 during an import, and did not make the import faster."""

_MAX_IDLE_WAL = 64 * 1024 * 1024


def open_writer(path: Path, *, server: bool) -> apsw.Connection:
    """The connection that writes, with the schema in place.

    Only a server's connection checkpoints; two that do were SQLite's WAL-reset bug.

    Raises:
        ConfigInvalid: the file cannot be opened, is no database of ours, or is newer than
            this program.
    """
    with _told_as_config(path):
        # Created by us, because SQLite would let the whole machine read it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = apsw.Connection(str(path), statementcachesize=_STATEMENTS)
        try:
            _set_up(connection, _WRITER_CACHE_KIB)
            _require_ours(connection, path)
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            connection.pragma("foreign_keys", True)
            connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES if server else 0)
            connection.pragma("journal_size_limit", _MAX_IDLE_WAL)
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def open_memory() -> apsw.Connection:
    """A connection to a fresh database in memory, which is gone when it is closed."""
    connection = apsw.Connection(":memory:", statementcachesize=_STATEMENTS)
    _set_up(connection, _WRITER_CACHE_KIB)
    connection.pragma("foreign_keys", True)
    # What the migrations make, in a tenth of the time; a test holds the two together.
    connection.execute(files(__package__).joinpath("schema.sql").read_text(encoding="utf-8"))
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """A connection that can only ask. The writer's must have been opened before.

    Raises:
        ConfigInvalid: the file cannot be opened.
    """
    with _told_as_config(path):
        connection = apsw.Connection(
            str(path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=_STATEMENTS
        )
        _set_up(connection, _READER_CACHE_KIB)
        connection.pragma("query_only", True)
    return connection


def migrations() -> list[tuple[int, str]]:
    """The migrations in order: their numbers, of which none is there twice, and SQL."""
    folder = files(__package__).joinpath("migrations")
    found = sorted(
        (int(file.name[:4]), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    )
    assert len({number for number, _ in found}) == len(found)
    return found


def _set_up(connection: apsw.Connection, cache_kib: int) -> None:
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    # One plan a statement, whatever is bound to it. Without this, SQLite (as apsw builds it,
    # with STAT4) plans every join anew for new values: 97 us instead of 3 for `active_call`.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.pragma("cache_size", -cache_kib)
    connection.pragma("temp_store", "memory")


def _require_ours(connection: apsw.Connection, path: Path) -> None:
    mark = connection.pragma("application_id")
    is_empty = not connection.execute("SELECT count(*) FROM sqlite_schema").get
    if mark != APPLICATION_ID and not (mark == 0 and is_empty):
        raise ConfigInvalid(
            f"store.url: {path} is a SQLite database of some other program; name another file"
        )


def _migrate(connection: apsw.Connection, path: Path) -> None:
    known = migrations()
    newest = known[-1][0]
    if connection.pragma("user_version") == newest:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: another process may have migrated while we waited for the lock.
        version = connection.pragma("user_version")
        if version > newest:
            raise ConfigInvalid(
                f"store.url: {path} was written by a newer version of this program (its schema is "
                f"{version}, this program knows {newest}); install that version again"
            )
        for number, sql in known:
            if number > version:
                connection.execute(sql)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", newest)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


@contextmanager
def _told_as_config(path: Path) -> Iterator[None]:
    """Say what opening a file met as what it means for the setting that names the file."""
    try:
        yield
    except OSError as exc:
        raise ConfigInvalid(
            f"store.url: cannot open {path} ({exc.strerror}); its folder must exist and be "
            "writable for the server"
        ) from exc
    except apsw.NotADBError as exc:
        raise ConfigInvalid(
            f"store.url: {path} is not a SQLite database, or is damaged; name another file, or "
            "restore it from a backup"
        ) from exc
    except apsw.Error as exc:
        raise ConfigInvalid(f"store.url: cannot use {path} as the database: {exc}") from exc
