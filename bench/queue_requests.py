"""How many single queue requests a second the server takes, each on disk before its answer.

The whole HTTP side as in production (server, sign-in, form, dialect, group commit, log) on a
real file, and nothing that dials. Beside it stands the limit: the same route with the commit
left out. Client and server are processes of their own; the client keeps its connections
open and sends the next request when an answer is in. At the end every call that was
answered is looked for on disk.

    python bench/queue_requests.py [--connections N] [--seconds S] [--rounds N] [--folder DIR]

Goals: 3,000 a second with 64 connections, p99 at most 60 ms, at least 40 % of no commit.
Prints a table and, last, one JSON object.
"""

import argparse
import asyncio
import base64
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TypeVar

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from callwright.cli.garbage import spare_what_stands
from callwright.cli.init import set_up_store
from callwright.cli.logging_setup import set_up_logging
from callwright.clock import SystemClock
from callwright.config import Config, HostPort, LogSettings, ServerSettings
from callwright.ports.store import Lane, ReadTx, Store, WriteTx
from callwright.store.sqlite import open_sqlite_store
from callwright.web.app import make_app
from callwright.web.health import Vitals
from callwright.web.server import HttpServer

T = TypeVar("T")

GOAL = 3_000
EMAIL, KEY = "bench@example.com", "bench_developer_key"
BODY = b"phone_number=6175551234&max_attempts=2&reattempt_wait=300&metadata=%7B%22a%22%3A%22b%22%7D"
PATH = "/api/apps/1/1/queue"


class WithoutCommit:
    """A store that answers as if it had written: what is left is everything but the commit."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids = count(1)

    async def write(self, work: Callable[[WriteTx], T], *, lane: Lane = Lane.LIFE) -> T:
        return next(self._ids)  # type: ignore[return-value]

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return await self._store.read(work)

    async def close(self) -> None:
        await self._store.close()


async def serve(kind: str, file: Path) -> None:
    """Be the server until SIGTERM; then print the processor time it took."""
    set_up_logging(LogSettings(format="json"))
    store: Store = open_sqlite_store(file, server=True)
    if kind == "no commit":
        store = WithoutCommit(store)
    app = make_app(
        store,
        SystemClock(),
        Config(server=ServerSettings(listen=HostPort("127.0.0.1", 0))),
        can_speak=True,
        on_change=lambda: None,
        vitals=Vitals(is_dialling=lambda: True),
    )
    server = HttpServer(app, HostPort("127.0.0.1", 0))
    address = await server.start()
    spare_what_stands()
    print(address.port, flush=True)
    resting = resource.getrusage(resource.RUSAGE_SELF)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop()
    await store.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    started = resting.ru_utime + resting.ru_stime
    print(used.ru_utime + used.ru_stime - started, flush=True)


@dataclass
class Tally:
    """What the client saw."""

    request: bytes
    ends_at: float
    open: int
    accepted: int = 0
    refused: int = 0
    latencies: list[float] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Client(asyncio.Protocol):
    """One connection that always has one request under way."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._heard = b""
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, rest = self._heard.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        now = time.perf_counter()
        self._heard = b""
        self._tally.latencies.append(now - self._asked_at)
        if head.startswith(b"HTTP/1.1 200 "):
            self._tally.accepted += 1
        else:
            self._tally.refused += 1
        if now < self._tally.ends_at:
            self._ask()
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.open -= 1
        if self._tally.open == 0:
            self._tally.done.set()

    def _ask(self) -> None:
        assert self._transport is not None
        self._asked_at = time.perf_counter()
        self._transport.write(self._tally.request)


async def load(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Ask for `seconds`; what came of it."""
    credentials = base64.b64encode(f"{EMAIL}:{KEY}".encode()).decode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {credentials}\r\n"
        "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(BODY)}\r\n\r\n"
    )
    began = time.perf_counter()
    tally = Tally(request=head.encode() + BODY, ends_at=began + seconds, open=connections)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(tally), "127.0.0.1", port)
    async with asyncio.timeout(seconds + 30):
        await tally.done.wait()
    took = time.perf_counter() - began
    ordered = sorted(tally.latencies)
    return {
        "per_second": tally.accepted / took,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
        "accepted": tally.accepted,
        "refused": tally.refused,
    }


@contextmanager
def server_process(kind: str, file: Path) -> Iterator[tuple[int, list[float]]]:
    """Its port, and a list that gets the processor time it used, once it has ended."""
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", kind, "--file", str(file)],
            stdout=subprocess.PIPE,
            stderr=nowhere,
            text=True,
        )
    assert process.stdout is not None
    used: list[float] = []
    try:
        yield int(process.stdout.readline()), used
        process.terminate()
        used.append(float(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def run_round(kind: str, file: Path, connections: int, seconds: float) -> dict[str, float]:
    with server_process(kind, file) as (port, used):
        done = subprocess.run(
            [
                *(sys.executable, __file__, "--load", str(port)),
                *("--connections", str(connections), "--seconds", str(seconds)),
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    result: dict[str, float] = json.loads(done.stdout)
    if result["refused"]:
        raise SystemExit(f"{kind}: {result['refused']} requests were refused")
    return result | {"server_us": used[0] / result["accepted"] * 1e6}


async def prepare(file: Path) -> None:
    store = open_sqlite_store(file, server=False)
    await store.write(lambda tx: set_up_store(tx, EMAIL, KEY, datetime.now(UTC)))
    await store.close()


async def calls_on_disk(file: Path) -> int:
    store = open_sqlite_store(file, server=False)
    counts = await store.read(lambda tx: tx.queue_counts())
    await store.close()
    return counts.waiting


def compare(folder: Path, connections: int, seconds: float, rounds: int) -> None:
    results: dict[str, list[dict[str, float]]] = {"durable": [], "no commit": []}
    for number in range(rounds):
        for kind, done in results.items():
            file = folder / f"{kind.replace(' ', '-')}-{number}.db"
            asyncio.run(prepare(file))
            done.append(run_round(kind, file, connections, seconds))
            found = asyncio.run(calls_on_disk(file))
            expected = int(done[-1]["accepted"]) if kind == "durable" else 0
            if found != expected:
                raise SystemExit(f"{kind}: {expected} calls were answered, {found} are on disk")
    report = {
        kind: {name: statistics.median(r[name] for r in done) for name in done[0]}
        for kind, done in results.items()
    }
    print(f"{connections} connections, {rounds} x {seconds:g} s, medians; every call found on disk")
    print(f"{'':<11}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'server us/request':>19}")
    for kind, row in report.items():
        print(
            f"{kind:<11}{row['per_second']:>11,.0f}{row['p50_ms']:>9.1f}{row['p99_ms']:>9.1f}"
            f"{row['server_us']:>19,.0f}"
        )
    share = report["durable"]["per_second"] / report["no commit"]["per_second"]
    met = report["durable"]["per_second"] >= GOAL
    print(f"durable is {share:.0%} of no commit; goal {GOAL:,}/s: {'met' if met else 'MISSED'}")
    rounded = {k: {n: round(v, 1) for n, v in row.items()} for k, row in report.items()}
    print(
        json.dumps(
            {
                "bench": "queue_requests",
                "connections": connections,
                **rounded,
                "share": round(share, 3),
                "goal": GOAL,
                "met": met,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files go; default a fresh one here")
    # For the two processes this one starts.
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        uvloop.run(serve(given.serve, given.file))
    elif given.load is not None:
        print(json.dumps(uvloop.run(load(given.load, given.connections, given.seconds))))
    else:
        # Not the system's temporary folder, which may be in memory.
        with tempfile.TemporaryDirectory(dir=given.folder or Path.cwd()) as folder:
            compare(Path(folder), given.connections, given.seconds, given.rounds)


if __name__ == "__main__":
    main()
