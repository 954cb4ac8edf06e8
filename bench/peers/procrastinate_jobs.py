"""How many no-op jobs a second procrastinate completes: `procrastinate_jobs.py JOBS DSN`."""

import asyncio
import sys
import time

import procrastinate


async def main(jobs: int, dsn: str) -> None:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn))
    done = 0

    @app.task(name="noop")
    async def noop() -> None:
        nonlocal done
        done += 1

    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        await noop.batch_defer_async(*({} for _ in range(jobs)))
        began = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=20, listen_notify=False)
        took = time.perf_counter() - began
    assert done == jobs, f"{done} of {jobs} done"
    print(jobs / took)


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
