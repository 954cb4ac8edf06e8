"""What is particular to a store in one SQLite file: opening, the lock, failing disks, the sweep."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from store_world import NOON, OWNER, contacts, furnish, schedule

from callwright.domain.ids import CallId
from callwright.domain.receiver import Standing
from callwright.errors import ConfigInvalid, StoreUnavailable
from callwright.ports.notices import HostsWanted, NewNotice
from callwright.ports.store import Store, WriteTx
from callwright.store.sqlite import open_sqlite_store
from callwright.store.sqlite.opening import open_writer
from callwright.store.sqlite.transactions import SqliteWriteTx

_COMMENT = re.compile("--.*")


def close(store: Store) -> None:
    asyncio.run(store.close())


def test_every_commit_is_flushed_to_the_disk(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "calls.db", server=True)
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("foreign_keys") == 1
    connection.close()


def test_only_the_owner_of_the_file_can_read_it(tmp_path: Path) -> None:
    store = open_sqlite_store(tmp_path / "calls.db", server=True)
    try:
        asyncio.run(store.write(furnish))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    finally:
        close(store)
    assert set(modes.values()) == {0o600}
    assert {"calls.db", "calls.db-wal", "calls.db.lock"} <= set(modes)


def test_a_second_server_on_the_same_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    first = open_sqlite_store(path, server=True)
    try:
        with pytest.raises(ConfigInvalid, match=rf"process {os.getpid()}\).*calls\.db"):
            open_sqlite_store(path, server=True)
        asyncio.run(first.write(furnish))
    finally:
        close(first)
    close(open_sqlite_store(path, server=True))


def test_a_link_to_the_file_is_the_same_file(tmp_path: Path) -> None:
    path, link = tmp_path / "calls.db", tmp_path / "link.db"
    link.symlink_to(path)
    first = open_sqlite_store(path, server=True)
    try:
        with pytest.raises(ConfigInvalid, match="another server"):
            open_sqlite_store(link, server=True)
    finally:
        close(first)


def test_the_lock_goes_with_its_process_even_on_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    program = (
        "import sys, pathlib\n"
        "from callwright.store.sqlite import open_sqlite_store\n"
        "store = open_sqlite_store(pathlib.Path(sys.argv[1]), server=True)\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(ConfigInvalid, match=f"process {child.pid}"):
            open_sqlite_store(path, server=True)
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        close(open_sqlite_store(path, server=True))


def test_an_admin_command_works_beside_a_running_server(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"

    async def both() -> None:
        server = open_sqlite_store(path, server=True)
        await server.write(furnish)
        admin = open_sqlite_store(path, server=False)
        user = await admin.read(lambda tx: tx.user_by_email("ann@example.org"))
        assert user is not None
        await admin.write(lambda tx: tx.set_user_active(user.id, active=False))
        seen = await server.read(lambda tx: tx.user_by_email("ann@example.org"))
        assert seen is not None
        assert not seen.is_active
        await admin.close()
        await server.write(lambda tx: tx.set_user_active(user.id, active=True))
        await server.close()

    asyncio.run(both())


def test_an_admin_command_can_make_the_file(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    close(open_sqlite_store(path, server=False))
    close(open_sqlite_store(path, server=True))


@pytest.mark.parametrize("server", [True, False])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, server: bool) -> None:
    path = tmp_path / "calls.db"
    path.write_bytes(b"phone_number\n6175551234\n" * 100)
    with pytest.raises(ConfigInvalid, match=r"store\.url: .*calls\.db is not a SQLite database"):
        open_sqlite_store(path, server=server)
    assert path.read_bytes().startswith(b"phone_number")


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE bookmark (url)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigInvalid, match="some other program"):
        open_sqlite_store(path, server=True)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    close(open_sqlite_store(path, server=True))
    newer = apsw.Connection(str(path))
    newer.pragma("user_version", 999)
    newer.close()
    with pytest.raises(ConfigInvalid, match="newer version of this program"):
        open_sqlite_store(path, server=True)


def test_a_refused_file_is_not_kept_locked(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    path.write_bytes(b"x" * 4096)
    with pytest.raises(ConfigInvalid):
        open_sqlite_store(path, server=True)
    path.unlink()
    close(open_sqlite_store(path, server=True))


@pytest.mark.parametrize("where", ["missing/calls.db", "."])
@pytest.mark.parametrize("server", [True, False])
def test_a_place_that_cannot_hold_a_file_is_refused(
    tmp_path: Path, where: str, server: bool
) -> None:
    with pytest.raises(ConfigInvalid, match=r"^store\.url: "):
        open_sqlite_store(tmp_path / where, server=server)


def test_a_failing_disk_is_told_and_the_next_change_works_again(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"

    async def fill() -> None:
        store = open_sqlite_store(path, server=True)
        user, deployment = await store.write(furnish)
        connection = store._writer._connection
        connection.pragma("max_page_count", connection.pragma("page_count") + 20)
        batch = await store.write(lambda tx: tx.open_batch(deployment, user.id, schedule(), NOON))
        with pytest.raises(StoreUnavailable, match="FullError"):
            await store.write(lambda tx: tx.add_calls(batch, contacts(5000)))
        connection.pragma("max_page_count", 2**31)
        await store.write(lambda tx: tx.add_calls(batch, contacts(5000)))
        assert await store.write(lambda tx: tx.go_live(batch, NOON)) == 5000
        await store.close()

    asyncio.run(fill())


class FailingSync(apsw.VFS):
    """The usual file system, whose flushes fail while `broken` is set."""

    def __init__(self) -> None:
        self.broken = False
        super().__init__("failing-sync", "unix", makedefault=True)

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        disk = self

        class File(apsw.VFSFile):
            def __init__(self) -> None:
                super().__init__("unix", name, flags)

            def xSync(self, flags: int) -> None:  # noqa: N802
                if disk.broken:
                    raise apsw.IOError("the disk is gone")
                super().xSync(flags)

        return File()


def test_a_commit_that_fails_is_told_to_everybody_in_it(tmp_path: Path) -> None:
    disk = FailingSync()

    async def work() -> None:
        store = open_sqlite_store(tmp_path / "calls.db", server=True)
        user, deployment = await store.write(furnish)

        def add(tx: WriteTx) -> int:
            return tx.add_call(deployment, user.id, schedule(), contacts(1)[0], NOON)

        disk.broken = True
        told = await asyncio.gather(*(store.write(add) for _ in range(20)), return_exceptions=True)
        disk.broken = False
        assert {type(one) for one in told} == {StoreUnavailable}
        calls = await asyncio.gather(*(store.write(add) for _ in range(5)))
        waiting = await store.read(lambda tx: tx.queue_counts().waiting)
        assert 5 <= waiting <= 25  # a commit that failed may be there all the same
        for call in calls:
            assert await store.read(lambda tx, c=call: tx.call_details(c, NOON)) is not None
        await store.close()

    try:
        asyncio.run(work())
    finally:
        disk.unregister()


def test_what_dropped_lists_leave_is_deleted_while_nothing_waits(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"

    async def drop() -> None:
        store = open_sqlite_store(path, server=True)
        user, deployment = await store.write(furnish)

        def load(tx: WriteTx) -> int:
            batch = tx.open_batch(deployment, user.id, schedule(), NOON)
            tx.add_calls(batch, contacts(4500))
            return batch

        kept = await store.write(load)
        await store.write(lambda tx: tx.go_live(kept, NOON))
        for _ in range(2):
            await store.write(load)
        assert await store.write(lambda tx: tx.drop_unfinished_batches()) == 2
        for _ in range(200):
            left = await store.write(_count_calls)
            if left == 4500:
                break
            await asyncio.sleep(0.01)
        assert left == 4500
        assert len(await store.read(lambda tx: tx.batch_calls(kept, NOON, 9999))) == 4500
        await store.close()

    asyncio.run(drop())


def _count_calls(tx: WriteTx) -> int:
    return tx._connection.execute("SELECT count(*) FROM call").get  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_left_alone", [True, False])
def test_claiming_past_a_host_costs_the_same_however_much_waits_for_it(
    tmp_path: Path, is_left_alone: bool
) -> None:
    connection = open_writer(tmp_path / "calls.db", server=True)
    connection.pragma("foreign_keys", False)
    tx = SqliteWriteTx(connection)

    def owe(host: str, calls: range) -> None:
        tx.add_notices(
            [
                NewNotice(
                    call_id=CallId(call),
                    url=f"http://{host}/",
                    webhook_id="w",
                    content_type="t",
                    body=b"",
                )
                for call in calls
            ],
            NOON,
        )

    def steps(wanted: HostsWanted) -> int:
        """What it takes to find out who is due and claim for each of them."""
        count = 0

        def step() -> bool:
            nonlocal count
            count += 1
            return False

        connection.set_progress_handler(step, 10)
        assert tx.next_notice_at(wanted) == NOON
        assert tx.hosts_due(NOON, wanted, 10) == ["good:80"]
        assert len(tx.claim_notices(OWNER, "good:80", NOON, 10)) == 10
        connection.set_progress_handler(None)
        return count

    wanted = HostsWanted() if is_left_alone else HostsWanted(but_not=["down:80"])
    taken = []
    for start, waiting in ((0, 10), (100_000, 20_000)):
        with connection:
            owe("down", range(start, start + waiting))
            owe("good", range(start + waiting, start + waiting + 20))
        if is_left_alone:
            resting = Standing(failing_since=NOON, rests_until=NOON + timedelta(minutes=1))
            tx.note_standing("down:80", resting)
        taken.append(steps(wanted))
    few, many = taken
    assert many < 2 * few
    connection.close()
