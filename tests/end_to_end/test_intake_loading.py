"""Lists while they are loaded: how far they are, what others see, and `kill -9` in the middle."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import callwright
from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, ReadyList, open_list, ready_list
from callwright.dialects.content import Content
from callwright.domain.ids import BatchId
from callwright.errors import ListInvalid, Unavailable
from callwright.ports.store import WriteTx
from callwright.service import list_reader
from callwright.service.load_list import ListLoader, QueuedList
from callwright.service.spool_file import SpoolFile
from callwright.store.sqlite import SqliteStore, open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.world import World, seed

HEADER = b"phone_number,first_name\n"


def a_list(rows: int) -> bytes:
    return HEADER + b"".join(b"%d,name %d and more\n" % (6170000000 + n, n) for n in range(rows))


def spooled(folder: Path, data: bytes) -> SpoolFile:
    spool = SpoolFile(folder)
    spool.write(data)
    return spool


def ready(data: Content) -> ReadyList:
    contacts = open_list(read_body("text/csv", data), ListLimits())
    return ready_list(contacts, default_country="US")


async def furnished(folder: Path) -> World:
    store: SqliteStore = open_sqlite_store(folder / "calls.db", server=True)
    clock = ManualClock()
    user, deployment = await store.write(lambda tx: seed(tx, clock.now()))
    return World(store=store, clock=clock, user=user, deployment=deployment)


async def load(world: World, loader: ListLoader, data: Content, **options) -> QueuedList:
    return await loader.load(
        world.user,
        world.deployment,
        world.schedule(),
        ready(data),
        world.clock.now(),
        **options,
    )


def test_a_list_tells_how_far_it_is_until_it_is_live(tmp_path: Path) -> None:
    data = a_list(30_000)

    async def run() -> None:
        world = await furnished(tmp_path)
        loader = ListLoader(world.store)
        spool = spooled(tmp_path, data)
        seen: list[tuple[int, int, int]] = []
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[BatchId] = loop.create_future()

        async def watch() -> None:
            batch = await opened
            for _ in range(10_000):  # told of inside the transaction, so a little early
                if loader.progress(batch) is not None:
                    break
                await asyncio.sleep(0)
            while (progress := loader.progress(batch)) is not None:
                seen.append((progress.calls, progress.bytes_read, progress.bytes_total))
                # All of it or nothing: what was just read may have gone live before this look.
                counts = await world.store.read(lambda tx: tx.queue_counts())
                assert counts.waiting in (0, 30_000)
                await asyncio.sleep(0.001)

        watching = asyncio.create_task(watch())
        queued = await load(
            world,
            loader,
            spool.content,
            at_open=lambda tx, batch: loop.call_soon_threadsafe(opened.set_result, batch),
        )
        await watching
        assert queued.calls == 30_000
        assert loader.progress(queued.id) is None
        assert seen == sorted(seen)
        assert {total for _, _, total in seen} == {len(data)}
        assert any(0 < calls < 30_000 for calls, _, _ in seen)
        assert all(read <= len(data) for _, read, _ in seen)
        spool.close()
        await world.store.close()

    asyncio.run(run())


@pytest.mark.parametrize("in_file", [False, True])
def test_what_takes_part_in_opening_and_going_live_is_done_with_it(
    in_file: bool, tmp_path: Path
) -> None:
    data = a_list(3_000)

    async def run() -> None:
        world = await furnished(tmp_path)
        loader = ListLoader(world.store)
        spool = spooled(tmp_path, data)
        told: list[object] = []

        def at_open(tx: WriteTx, batch: int) -> None:
            told.append(batch)

        def at_end(tx: WriteTx, queued: QueuedList) -> None:
            assert tx.queue_counts().waiting == 3_000
            told.append(queued)

        content = spool.content if in_file else data
        queued = await load(world, loader, content, at_open=at_open, at_end=at_end)
        assert told == [queued.id, queued]

        def failing(tx: WriteTx, queued: QueuedList) -> None:
            raise ListInvalid([(1, "no")], 1)

        with pytest.raises(ListInvalid):
            await load(world, loader, content, at_end=failing)
        assert (await world.store.read(lambda tx: tx.queue_counts())).waiting == 3_000
        spool.close()
        await world.store.close()

    asyncio.run(run())


def test_a_load_that_is_cancelled_leaves_nothing_to_be_seen_and_no_process(tmp_path: Path) -> None:
    async def run() -> None:
        world = await furnished(tmp_path)
        loader = ListLoader(world.store)
        spool = spooled(tmp_path, a_list(60_000))
        loading = asyncio.create_task(load(world, loader, spool.content))
        while not any(progress.calls for progress in loader._loading.values()):
            assert not loading.done()
            await asyncio.sleep(0.001)
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
        assert not loader._loading
        assert _readers(os.getpid()) == []
        spool.close()
        assert await world.store.write(lambda tx: tx.drop_unfinished_batches()) == 0
        assert (await world.store.read(lambda tx: tx.queue_counts())).waiting == 0
        await world.store.close()

    asyncio.run(run())


def test_a_reader_that_is_killed_is_no_refusal_and_nothing_is_queued(tmp_path: Path) -> None:
    async def run() -> None:
        world = await furnished(tmp_path)
        loader = ListLoader(world.store)
        spool = spooled(tmp_path, a_list(100_000))
        loading = asyncio.create_task(load(world, loader, spool.content))
        while not any(progress.calls for progress in loader._loading.values()):
            assert not loading.done()
            await asyncio.sleep(0.001)
        (reader,) = _readers(os.getpid())
        reader.kill()
        with pytest.raises(Unavailable, match="ended"):
            await loading
        spool.close()
        assert (await world.store.read(lambda tx: tx.queue_counts())).waiting == 0
        await world.store.close()

    asyncio.run(run())


def test_large_lists_wait_for_their_turn_and_small_ones_do_not(tmp_path: Path) -> None:
    async def run() -> None:
        world = await furnished(tmp_path)
        loader = ListLoader(world.store)
        turns = loader._readers._turns
        spool = spooled(tmp_path, a_list(100))
        async with turns, turns:
            large = asyncio.create_task(load(world, loader, spool.content))
            small = await load(world, loader, a_list(5))
            assert small.calls == 5
            assert not large.done()
        assert (await large).calls == 100
        spool.close()
        await world.store.close()

    asyncio.run(run())


def test_a_reader_that_was_started_early_reads_the_list_or_ends_with_its_file(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        world = await furnished(tmp_path)
        loader = ListLoader(world.store)
        first, second, third = (spooled(tmp_path, a_list(100)) for _ in range(3))
        for file in (first, second, third):
            loader.expect(file)
        for _ in range(1000):
            if len(early := _readers(os.getpid())) == 2:
                break
            await asyncio.sleep(0.01)
        assert len(early) == 2
        assert (await load(world, loader, first.content)).calls == 100
        assert early[0].pid not in [reader.pid for reader in _readers(os.getpid())]
        assert (await load(world, loader, third.content)).calls == 100
        for file in (first, second, third):
            await asyncio.to_thread(file.close)
        for _ in range(1000):
            if not _readers(os.getpid()):
                break
            await asyncio.sleep(0.01)
        assert _readers(os.getpid()) == []
        await world.store.close()

    asyncio.run(run())


def _readers(pid: int) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(pid).children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
        and any("list_process" in word for word in child.cmdline())
    ]


CHILD = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_intake_loading as tests
from callwright.service.load_list import ListLoader

async def main():
    folder = Path(sys.argv[1])
    world = await tests.furnished(folder)
    loader = ListLoader(world.store)
    await tests.load(world, loader, tests.a_list(7))
    spool = tests.spooled(folder, tests.a_list(400_000))
    loading = asyncio.create_task(tests.load(world, loader, spool.content))
    while not any(progress.calls > 20_000 for progress in loader._loading.values()):
        await asyncio.sleep(0.001)
    print("loading", flush=True)
    await loading
    print("live", flush=True)

asyncio.run(main())
"""


def test_kill_9_in_the_middle_of_a_list_leaves_nothing_after_a_restart(tmp_path: Path) -> None:
    source = str(Path(callwright.__file__).parents[1])
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "loading\n"
        (reader,) = _readers(child.pid)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert child.stdout.readline() == ""
        reader.wait(10)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert [path.name for path in tmp_path.iterdir() if ".db" not in path.name] == []

    async def restart() -> None:
        store = open_sqlite_store(tmp_path / "calls.db", server=True)
        assert await store.write(lambda tx: tx.drop_unfinished_batches()) == 1
        assert (await store.read(lambda tx: tx.queue_counts())).waiting == 7
        # What is left is deleted while there is nothing else to do.
        for _ in range(1000):
            left = await store.write(
                lambda tx: tx._connection.execute("SELECT count(*) FROM call").get
            )
            if left == 7:
                break
            await asyncio.sleep(0.01)
        assert left == 7
        await store.close()

    asyncio.run(restart())


def test_a_reader_that_cannot_start_is_no_refusal(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(list_reader.sys, "executable", str(tmp_path / "missing"))

    async def run() -> None:
        world = await furnished(tmp_path)
        spool = spooled(tmp_path, a_list(10))
        with pytest.raises(Unavailable, match="cannot start: No such file"):
            await load(world, ListLoader(world.store), spool.content)
        spool.close()
        await world.store.close()

    asyncio.run(run())
