"""What a server costs that has a million calls to make, but not yet.

    python bench/idle_server.py [--stored N] [--seconds S]

A whole server as its users run it, with its line process, looked at from outside. Goal: less
than 1 % of a core, and less than 150 MB. Prints a table and, last, the figures as one JSON line.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from callwright.domain.call import Schedule
from callwright.domain.ids import BatchId, DeploymentId
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.ports.store import Lane, WriteTx
from callwright.store.sqlite import open_sqlite_store
from callwright.store.sqlite.values import call_values
from callwright.testing.peers.server import ServerUnderTest
from store_life_cycle import contacts

SLICE = 1_000
WARM_UP_S = 5.0


async def store_future_calls(server: ServerUnderTest, count: int) -> None:
    """Put a list into the store of a server that does not run; it opens tomorrow."""
    deployment = DeploymentId(int(server.application.rsplit("/", 1)[1]))
    now = datetime.now(UTC)
    schedule = Schedule(
        window=Window(opens_at=now + timedelta(days=1), closes_at=None),
        start_given=True,
        retry=RetryPolicy(max_attempts=3, wait=timedelta(minutes=5)),
        wait_given=True,
        result_url="",
    )
    store = open_sqlite_store(server.folder / "callwright.db", server=False)

    def open_batch(tx: WriteTx) -> BatchId:
        user = tx.user_by_email(server.user)
        assert user is not None
        return tx.open_batch(deployment, user.id, schedule, now)

    batch = await store.write(open_batch)
    slice_ = call_values(contacts(SLICE))
    for _ in range(0, count, SLICE):
        await store.write(lambda tx: tx.add_rows(batch, slice_), lane=Lane.IMPORT)
    await store.write(lambda tx: tx.go_live(batch, now))
    await store.close()


def measure(folder: Path, stored: int, seconds: float) -> dict[str, float]:
    server = ServerUnderTest(folder)
    server.init()
    server.configure({})
    asyncio.run(store_future_calls(server, stored))
    try:
        began = time.monotonic()
        server.start()
        start_s = time.monotonic() - began
        time.sleep(WARM_UP_S)
        brain = psutil.Process(server.brain_pid)
        processes = [brain, *brain.children(recursive=True)]
        before, at = [cpu_s(process) for process in processes], time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - at
        used = [cpu_s(process) - was for process, was in zip(processes, before, strict=True)]
        memory = [process.memory_info().rss / 1e6 for process in processes]
    finally:
        server.clean_up()
    return {
        "stored": stored,
        "start_s": start_s,
        "brain_share_of_core": used[0] / took,
        "others_share_of_core": sum(used[1:]) / took,
        "brain_mb": memory[0],
        "others_mb": sum(memory[1:]),
    }


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), options.stored, options.seconds)
    print(f"{options.stored:,} calls that open tomorrow, {options.seconds:g} s")
    print(f"  start to ready      {figures['start_s']:6.2f} s")
    print(
        f"  brain               {figures['brain_share_of_core']:6.2%} of a core,"
        f" {figures['brain_mb']:.0f} MB   goals: 1 %, 150 MB"
    )
    print(
        f"  line and the rest   {figures['others_share_of_core']:6.2%} of a core,"
        f" {figures['others_mb']:.0f} MB"
    )
    print(json.dumps({"bench": "idle_server", **{n: round(v, 4) for n, v in figures.items()}}))


if __name__ == "__main__":
    main()
