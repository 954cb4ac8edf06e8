"""Lists in the SQLite file: what dropped ones leave, and when a slice reaches the disk."""

import asyncio
from pathlib import Path

from store_world import NOON, contacts, furnish, schedule

from callwright.domain.ids import BatchId
from callwright.ports.store import Lane, RejectedRow, WriteTx
from callwright.store.sqlite import SqliteStore, open_sqlite_store
from callwright.store.sqlite.intake import SWEEP
from callwright.store.sqlite.opening import CHECKPOINT_PAGES


def test_what_a_dropped_list_leaves_of_refused_rows_is_deleted_too(tmp_path: Path) -> None:
    rows = [RejectedRow(line=n, problem="why", text="x") for n in range(2, SWEEP + 50)]

    async def drop() -> None:
        store = open_sqlite_store(tmp_path / "calls.db", server=True)
        user, deployment = await store.write(furnish)

        def load(tx: WriteTx) -> BatchId:
            batch = tx.open_batch(deployment, user.id, schedule(), NOON)
            tx.add_calls(batch, contacts(30))
            tx.add_rejected_rows(batch, "destination", ",", rows)
            return batch

        kept = await store.write(load)
        await store.write(lambda tx: tx.go_live(kept, NOON))
        dropped = await store.write(load)
        await store.write(lambda tx: tx.drop_batch(dropped))
        for _ in range(500):
            left = await store.write(_count)
            if left == (30, len(rows), 1, 1):
                break
            await asyncio.sleep(0.01)
        assert left == (30, len(rows), 1, 1)
        await store.close()

    asyncio.run(drop())


def _count(tx: WriteTx) -> tuple[int, ...]:
    connection = tx._connection  # type: ignore[attr-defined]
    return tuple(
        connection.execute(f"SELECT count(*) FROM {table}").get
        for table in ("call", "rejected_row", "rejected_list", "batch")
    )


def test_a_slice_does_not_wait_for_the_disk_and_everything_else_does(tmp_path: Path) -> None:
    def how(tx: WriteTx) -> str:
        full = tx._connection.pragma("synchronous") == 2  # type: ignore[attr-defined]
        return "full" if full else "normal"

    async def ask() -> list[str]:
        store: SqliteStore = open_sqlite_store(tmp_path / "calls.db", server=True)
        lanes = (Lane.LIFE, Lane.IMPORT, Lane.IMPORT, Lane.INTAKE, Lane.IMPORT, Lane.LIFE)
        try:
            return [await store.write(how, lane=lane) for lane in lanes]
        finally:
            await store.close()

    assert asyncio.run(ask()) == ["full", "normal", "normal", "full", "normal", "full"]


def test_the_log_stays_short_while_a_long_list_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"

    async def load() -> int:
        store = open_sqlite_store(path, server=True)
        user, deployment = await store.write(furnish)
        batch = await store.write(lambda tx: tx.open_batch(deployment, user.id, schedule(), NOON))
        rows = contacts(1000)
        for _ in range(100):
            await store.write(lambda tx: tx.add_calls(batch, rows), lane=Lane.IMPORT)
        size = (tmp_path / "calls.db-wal").stat().st_size
        assert path.stat().st_size > CHECKPOINT_PAGES * 4096
        await store.close()
        return size

    assert asyncio.run(load()) < 2 * CHECKPOINT_PAGES * 4096
