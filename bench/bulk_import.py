"""How fast a large list comes in over HTTP, and what everybody else notices meanwhile.

A whole server in its own folder, with the built-in phones. curl uploads a list with three
variables; when it is answered, every call is checked, on disk and live. The limit, measured
in the same run: the same rows, ready as tuples, into the same table by one `executemany` in
one durable transaction, without foreign keys to check. While lists load, others ask for the
status of a call and queue single calls, some of which are dialled at once.

    python bench/bulk_import.py [--rows N] [--seconds S] [--no-memory] [--folder DIR]

Prints a table, and the figures as one JSON line at the end. The goals are for a million rows.
"""

import argparse
import gc
import json
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from operator import truediv
from pathlib import Path

import psutil

from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, open_list, ready_list
from callwright.ports.store import VALUES_A_CALL
from callwright.service.list_slices import slices_of
from callwright.service.spool_file import SpoolFile
from callwright.store.sqlite.opening import open_writer
from callwright.store.sqlite.queries import QUERIES
from callwright.testing.peers.api import Api
from callwright.testing.peers.server import ServerUnderTest, server_folder

FAR = 4_000_000_000
"""A start that no bench lives to see."""

GOALS = {
    "share_of_bare": (0.5, "at least"),
    "status_p99_ms": (100.0, "at most"),
    "write_p99_ms": (50.0, "at most"),
    "memory_ratio": (1.3, "at most"),
}
BUSY = "6175550150"
"""A built-in phone that is busy at once."""


def make_list(path: Path, rows: int) -> Path:
    """A CSV of `rows` people, about 60 bytes each."""
    chance = random.Random(rows)
    cities = ("Boston", "New York", "San Francisco", "Chicago", "Los Angeles", "Miami")
    with path.open("w", encoding="utf-8") as file:
        file.write("phone_number,first_name,balance,city\n")
        for n in range(rows):
            number = (
                f"{chance.randint(2, 9)}{chance.randint(20, 79)}{chance.randint(10**6, 10**7 - 1)}"
            )
            file.write(
                f"{number},name {n},{n * 0.25:.2f},{chance.choice(cities)} and surroundings\n"
            )
    return path


def ready_rows(path: Path) -> list[tuple[int | str, ...]]:
    """The rows of a list as the table `call` takes them."""
    spool = SpoolFile(path.parent)
    spool.write(path.read_bytes())
    contacts = open_list(read_body("text/csv", spool.content), ListLimits(rows=10**9, bytes=10**12))
    rows: list[tuple[int | str, ...]] = []
    for piece in slices_of(ready_list(contacts, default_country="US"), lenient=False):
        values = iter(piece.values())
        for texts in zip(*[values] * VALUES_A_CALL, strict=True):
            rows.append((len(rows) + 1, 1, *texts))
    spool.close()
    return rows


def bare_rows_per_s(folder: Path, rows: list[tuple[int | str, ...]]) -> tuple[float, float]:
    """The limit: ready tuples in one durable transaction; also its processor time a row."""
    path = folder / "bare.db"
    connection = open_writer(path, server=True)
    connection.pragma("foreign_keys", False)
    began, spent = time.perf_counter(), time.process_time()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(QUERIES["add_call"], rows)
    connection.execute("COMMIT")
    took, spent = time.perf_counter() - began, time.process_time() - spent
    connection.close()
    for left in folder.glob("bare.db*"):
        left.unlink()
    return len(rows) / took, 1e6 * spent / len(rows)


def processor_s(pid: int) -> float:
    """What a server and the readers it had have used so far."""
    return sum(psutil.Process(pid).cpu_times()[:4])


def upload(server: ServerUnderTest, path: Path) -> float:
    """Seconds until curl had its answer; the calls are never due."""
    command = [
        "curl", "--silent", "--show-error", "--user", f"{server.user}:{server.key}",
        "--form", f"csv=@{path}", "--form", f"start_timestamp={FAR}",
        f"{server.url}/api/{server.application}/bulk_queue",
    ]  # fmt: skip
    began = time.perf_counter()
    answer = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    took = time.perf_counter() - began
    assert "calls_queued" in answer, answer
    return took


@dataclass
class Others:
    """What clients notice while lists load: seconds for each answer."""

    status: list[float] = field(default_factory=list)
    write: list[float] = field(default_factory=list)


@contextmanager
def others_at_work(api: Api, application: str, watched: int) -> Iterator[Others]:
    """Clients that ask every 100 ms each, from now until the context ends."""
    others = Others()
    done = threading.Event()

    def repeat(ask: Callable[[], object], times: list[float], delay: float) -> None:
        done.wait(delay)
        while not done.is_set():
            began = time.perf_counter()
            ask()
            times.append(time.perf_counter() - began)
            done.wait(0.1)

    def status() -> None:
        assert api.status(watched).status == 200

    def write(**fields: object) -> None:
        assert api.queue(application, phone_number=BUSY, **fields).status == 200

    later = partial(write, start_timestamp=FAR)
    asks = [(status, others.status)] * 4 + [(later, others.write)] * 4
    threads = [
        threading.Thread(target=repeat, args=(ask, times, 0.1 * n / len(asks)))
        for n, (ask, times) in enumerate(asks)
    ]
    # Two a second are dialled at once: far below the trunk's own rate.
    threads.append(threading.Thread(target=repeat, args=(lambda: (write(), done.wait(0.4)), [], 0)))
    for thread in threads:
        thread.start()
    try:
        yield others
    finally:
        done.set()
        for thread in threads:
            thread.join()


def p99(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


def dial_delays_ms(database: Path) -> list[float]:
    """How long each call that was due at once waited to be dialled."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    sql = """
        SELECT (a.started_at - b.queued_at) / 1000.0
          FROM attempt a JOIN call c ON c.id = a.call JOIN batch b ON b.id = c.batch
    """
    try:
        return [delay for (delay,) in connection.execute(sql)]
    finally:
        connection.close()


class PeakMemory:
    """The most memory that the server and its readers of lists had, in MiB."""

    def __init__(self, pid: int) -> None:
        self._server = psutil.Process(pid)
        self.reader = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    @property
    def server(self) -> float:
        status = Path(f"/proc/{self._server.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            for child in self._server.children():
                try:
                    if "list_process" in " ".join(child.cmdline()):
                        self.reader = max(self.reader, child.memory_info().rss / 2**20)
                except psutil.Error:
                    continue


def measure_imports(folder: Path, path: Path, rows: int, seconds: float) -> dict[str, float]:
    """Rates against the bare limit, and what others noticed."""
    ready = ready_rows(path)
    assert len(ready) == rows
    bare: list[tuple[float, float]] = []
    imports: list[float] = []
    spent = 0.0
    with server_folder(folder / "server", {"limits": {"csv_rows": rows}}) as server:
        server.start()
        queued = server.api.queue(server.application, phone_number=BUSY, start_timestamp=FAR)
        watched = queued.json()["call_id"]
        with others_at_work(server.api, server.application, watched) as idle:
            time.sleep(2.0)
        while sum(imports) < seconds or len(imports) < 3:
            bare.append(bare_rows_per_s(folder, ready))
            before = processor_s(server.brain_pid)
            imports.append(upload(server, path))
            spent += processor_s(server.brain_pid) - before
        bare.append(bare_rows_per_s(folder, ready))
        alone = [rows / took for took in imports]
        # Each import beside the limits just before and after it: other work on the machine
        # comes and goes.
        limits = [(one + two) / 2 for (one, _), (two, _) in pairwise(bare)]
        # Nor may our own collector look through millions of rows while answers are timed.
        del ready
        gc.collect()
        gc.freeze()
        busy = Others()
        crowded: list[float] = []
        while sum(crowded) < seconds:
            with others_at_work(server.api, server.application, watched) as others:
                crowded.append(upload(server, path))
            busy.status += others.status
            busy.write += others.write
        time.sleep(1.0)
        delays = dial_delays_ms(server.folder / "callwright.db")
        server.stop()
    return {
        "bare_rows_per_s": statistics.median(limits),
        "import_rows_per_s": statistics.median(alone),
        "share_of_bare": statistics.median(map(truediv, alone, limits)),
        "bare_cpu_us_a_row": statistics.median(us for _, us in bare),
        "import_cpu_us_a_row": 1e6 * spent / (rows * len(imports)),
        "import_rows_per_s_with_others": statistics.median(rows / took for took in crowded),
        "status_p99_ms_idle": 1000 * p99(idle.status),
        "status_p99_ms": 1000 * p99(busy.status),
        "status_asked": len(busy.status),
        "write_p99_ms_idle": 1000 * p99(idle.write),
        "write_p99_ms": 1000 * p99(busy.write),
        "writes_asked": len(busy.write),
        "dial_delay_p99_ms": p99(delays),
        "dialled": len(delays),
    }


def measure_memory(folder: Path, path: Path, rows: int) -> tuple[float, float]:
    """Peak of a fresh server that takes one list in, and of the reader beside it, in MiB."""
    with server_folder(folder / f"memory{rows}", {"limits": {"csv_rows": rows}}) as server:
        server.start()
        peak = PeakMemory(server.brain_pid)
        try:
            upload(server, path)
            return peak.server, peak.reader
        finally:
            peak.stop()
            server.stop()


def measure(folder: Path, rows: int, seconds: float, *, memory: bool) -> dict[str, float]:
    path = make_list(folder / "list.csv", rows)
    figures = {"rows": float(rows), "bytes": float(path.stat().st_size)}
    figures |= measure_imports(folder, path, rows, seconds)
    if memory:
        small = measure_memory(folder, path, rows)
        large = measure_memory(folder, make_list(folder / "large.csv", 3 * rows), 3 * rows)
        figures |= {
            "server_mib": small[0],
            "server_mib_at_three_times": large[0],
            "reader_mib": small[1],
            "reader_mib_at_three_times": large[1],
            "memory_ratio": sum(large) / sum(small),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the list")
    parser.add_argument("--seconds", type=float, default=8, help="how long lists load at least")
    parser.add_argument("--no-memory", action="store_true", help="leave the peak memory out")
    parser.add_argument("--folder", type=Path, help="where the files are made and left")
    options = parser.parse_args()
    if shutil.which("curl") is None:
        sys.exit("curl is missing: python3 go system")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = measure(folder, options.rows, options.seconds, memory=not options.no_memory)
    print(f"a list of {options.rows:,} rows, {figures['bytes'] / 1e6:.0f} MB, through bulk_queue")
    for name, value in figures.items():
        goal, kind = GOALS.get(name, (None, ""))
        shown = f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"
        print(f"  {name:34} {shown:>12}" + (f"   goal: {kind} {goal}" if goal else ""))
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"bench": "bulk_import", **rounded}))


if __name__ == "__main__":
    main()
