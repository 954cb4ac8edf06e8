"""What slow clients and bombs do to everybody else: nothing, if the door holds.

The whole HTTP side as in production on a real file, in a process of its own. Against it, from
another: connections that take their time in every way there is, and requests made to cost much
to read, over and over. A third process is the healthy client, whose waiting is measured.

    python bench/door.py [--slow N] [--seconds S] [--folder DIR]

Goals: the healthy client's p99 at most 500 ms, the server's memory at most 128 MiB above what
it was, every slow connection closed within 75 s, every bomb refused, and an unknown e-mail
address as slow to refuse as a wrong key (medians within a millisecond). Prints a table and,
last, one JSON object.
"""

import argparse
import asyncio
import base64
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from _door_attacks import EMAIL, FORM, KEY, MEBIBYTE, QUEUE, attack, head, whole
from callwright.cli.init import set_up_store
from callwright.cli.logging_setup import set_up_logging
from callwright.clock import SystemClock
from callwright.config import Config, HostPort, LogSettings, ServerSettings
from callwright.store.sqlite import open_sqlite_store
from callwright.web.app import make_app
from callwright.web.door import Door, DoorLimits
from callwright.web.health import Vitals
from callwright.web.server import HttpServer
from callwright.web.sources import Proxies

MOST_P99_MS = 500


MOST_GROWTH_MIB = 128
MOST_OPEN_S = 75
MOST_APART_MS = 1.0


async def serve(file: Path) -> None:
    """Be the server until SIGTERM."""
    set_up_logging(LogSettings(format="json"))
    listen = HostPort("127.0.0.1", 0)
    store = open_sqlite_store(file, server=True)
    app = make_app(
        store,
        SystemClock(),
        Config(server=ServerSettings(listen=listen, proxies=("127.0.0.1",))),
        can_speak=True,
        on_change=lambda: None,
        vitals=Vitals(is_dialling=lambda: True),
    )
    server = HttpServer(app, listen, Door(DoorLimits(), Proxies(["127.0.0.1"]), SystemClock()))
    print((await server.start()).port, flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(1.0)
    await store.close()


async def be_healthy(port: int, seconds: float) -> dict[str, float]:
    """Queue a call and ask for it, twenty times a second, each measured."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    requests = [
        whole(QUEUE, b"phone_number=6175551234", FORM),
        head("GET", "/api/outbound/1"),
    ]
    took: list[float] = []
    ends_at = time.perf_counter() + seconds
    for request in itertools.cycle(requests):
        asked_at = time.perf_counter()
        if asked_at >= ends_at:
            break
        await exchange(reader, writer, request, b"200")
        took.append(time.perf_counter() - asked_at)
        await asyncio.sleep(max(0.0, asked_at + 0.05 - time.perf_counter()))
    writer.close()
    took.sort()
    return {
        "requests": len(took),
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[int(len(took) * 0.99)] * 1000,
        "max_ms": took[-1] * 1000,
    }


async def guess(port: int, tries: int) -> float:
    """How many milliseconds apart an unknown address and a wrong key are, in the median."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: dict[str, list[float]] = {EMAIL: [], "nobody@example.com": []}
    for number in range(tries):
        for email, seconds in took.items():
            pair = base64.b64encode(f"{email}:guess".encode()).decode()
            # Each from a source of its own, or the throttle would answer.
            source = f"X-Forwarded-For: 10.{number >> 8}.{number & 255}.1"
            request = head("GET", "/api/outbound/1", source, auth=f"Basic {pair}")
            began = time.perf_counter()
            await exchange(reader, writer, request, b"401")
            seconds.append(time.perf_counter() - began)
    writer.close()
    known, unknown = (statistics.median(seconds) for seconds in took.values())
    return abs(known - unknown) * 1000


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, status: bytes
) -> None:
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status), answer
    length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)


@contextmanager
def server_process(file: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Its port, and itself."""
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(file)],
            stdout=subprocess.PIPE,
            stderr=nowhere,
            text=True,
            # The processes that it starts itself read lists, and must find the package too.
            env={**os.environ, "PYTHONPATH": sys.path[0]},
        )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), psutil.Process(process.pid)
        process.terminate()
        process.wait(10)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def client_process(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result_of(process: subprocess.Popen[str], within_s: float) -> Any:
    said, _ = process.communicate(timeout=within_s)
    if process.returncode:
        raise SystemExit(f"a client ended with {process.returncode}")
    return json.loads(said)


def mebibytes(server: psutil.Process) -> float:
    return float(server.memory_info().rss) / MEBIBYTE


def measure(file: Path, slow: int, seconds: float, tries: int) -> dict[str, Any]:
    with server_process(file) as (port, server):
        quiet = result_of(client_process("--healthy", str(port), "--seconds", "3"), 60)
        apart_ms = uvloop.run(guess(port, tries))
        before = peak = mebibytes(server)
        attacker = client_process(
            *("--attack", str(port), "--slow", str(slow), "--seconds", str(seconds))
        )
        healthy = client_process("--healthy", str(port), "--seconds", str(seconds))
        while attacker.poll() is None or healthy.poll() is None:
            time.sleep(0.2)
            peak = max(peak, mebibytes(server))
        attacked, pressed = result_of(attacker, 5), result_of(healthy, 5)
        time.sleep(1.0)
        after = mebibytes(server)
    return {
        "quiet": quiet,
        "pressed": pressed,
        "apart_ms": apart_ms,
        "rss_before_mib": before,
        "rss_peak_mib": peak,
        "rss_after_mib": after,
        **attacked,
    }


def report(slow: int, found: dict[str, Any]) -> bool:
    """Print the table and the figures; whether every goal is met."""
    print(f"{slow} slow connections, {found['bombs']} bombs of {len(found['bomb_s'])} kinds")
    for kind in ("quiet", "pressed"):
        row = found[kind]
        print(
            f"  healthy client, {kind:<8} p50 {row['p50_ms']:6.1f} ms  p99 {row['p99_ms']:6.1f} ms"
            f"  longest {row['max_ms']:6.1f} ms  ({row['requests']} requests)"
        )
    growth = found["rss_peak_mib"] - found["rss_before_mib"]
    print(f"  memory of the server: {found['rss_before_mib']:.0f} MiB, at most {growth:.0f} more")
    for name, seconds in found["lasted"].items():
        print(f"  {name:<16} hung up on after at most {seconds:5.1f} s")
    for name, seconds in found["bomb_s"].items():
        print(f"  {name:<32} refused in at most {seconds:5.2f} s")
    print(f"  unknown address and wrong key: {found['apart_ms']:.3f} ms apart")
    misses = [
        text
        for missed, text in (
            (found["pressed"]["p99_ms"] > MOST_P99_MS, f"p99 over {MOST_P99_MS} ms"),
            (growth > MOST_GROWTH_MIB, f"memory over {MOST_GROWTH_MIB} MiB more"),
            (found["still_open"] > 0, f"{found['still_open']} slow connections still open"),
            (max(found["lasted"].values()) > MOST_OPEN_S, f"open for over {MOST_OPEN_S} s"),
            (bool(found["wrong"]), f"bombs answered otherwise: {found['wrong'][:5]}"),
            (found["apart_ms"] > MOST_APART_MS, f"{MOST_APART_MS} ms tell who is known"),
        )
        if missed
    ]
    print(f"goals {'MISSED: ' + '; '.join(misses) if misses else 'met'}")
    rounded = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in found.items()
    }
    print(json.dumps({"bench": "door", "slow": slow, **rounded, "met": not misses}))
    return not misses


async def prepare(file: Path) -> None:
    store = open_sqlite_store(file, server=False)
    await store.write(lambda tx: set_up_store(tx, EMAIL, KEY, datetime.now(UTC)))
    await store.close()


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slow", type=int, default=500, help="connections that take their time")
    parser.add_argument("--seconds", type=float, default=80.0, help="for how long")
    parser.add_argument("--tries", type=int, default=2000, help="sign-ins of each kind that fail")
    parser.add_argument("--folder", type=Path, help="where the files go; default a fresh one here")
    # For the processes this one starts.
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--healthy", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        uvloop.run(serve(given.serve))
    elif given.attack is not None:
        print(json.dumps(uvloop.run(attack(given.attack, given.slow, given.seconds))))
    elif given.healthy is not None:
        print(json.dumps(uvloop.run(be_healthy(given.healthy, given.seconds))))
    else:
        # Not the system's temporary folder, which may be in memory.
        with tempfile.TemporaryDirectory(dir=given.folder or Path.cwd()) as folder:
            file = Path(folder) / "calls.db"
            asyncio.run(prepare(file))
            if not report(given.slow, measure(file, given.slow, given.seconds, given.tries)):
                raise SystemExit(1)


if __name__ == "__main__":
    main()
