"""How many no-op jobs a second pgqueuer completes: `pgqueuer_jobs.py JOBS DSN`."""

import sys
import time

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, Job, Queries, QueueManager
from pgqueuer.types import QueueExecutionMode


async def main(jobs: int, dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    driver = AsyncpgDriver(connection)
    queries = Queries(driver)
    if not await queries.schema_is_installed():
        await queries.install()
    await queries.enqueue(["noop"] * jobs, [None] * jobs, [0] * jobs)
    manager = QueueManager(queries)
    done = 0

    @manager.entrypoint("noop")
    async def noop(job: Job) -> None:
        nonlocal done
        done += 1

    began = time.perf_counter()
    await manager.run(batch_size=100, mode=QueueExecutionMode.drain)
    took = time.perf_counter() - began
    assert done == jobs, f"{done} of {jobs} done"
    print(jobs / took)


uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
