"""How many no-op jobs a second huey completes on SQLite: `huey_jobs.py JOBS FILE`."""

import sys
import time

from huey import SqliteHuey

jobs, file = int(sys.argv[1]), sys.argv[2]
huey = SqliteHuey(filename=file, fsync=True, results=False)
done = 0


@huey.task()
def noop() -> None:
    global done
    done += 1


for _ in range(jobs):
    noop()
began = time.perf_counter()
while (task := huey.dequeue()) is not None:
    huey.execute(task)
took = time.perf_counter() - began
assert done == jobs, f"{done} of {jobs} done"
print(jobs / took)
