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
import gzip
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

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

MOST_P99_MS, MOST_GROWTH_MIB, MOST_OPEN_S, MOST_APART_MS = 500, 128, 75, 1.0
MEBIBYTE = 1024 * 1024
TCP_ESTABLISHED = 1
ANSWERED_WITHIN_S = 20.0

EMAIL, KEY = "bench@example.com", "bench_developer_key"
AUTHORIZATION = "Basic " + base64.b64encode(f"{EMAIL}:{KEY}".encode()).decode()
QUEUE, LIST = "/api/apps/1/1/queue", "/api/apps/1/1/bulk_queue"
FORM = "application/x-www-form-urlencoded"


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


def head(method: str, path: str, *lines: str, auth: str = AUTHORIZATION) -> bytes:
    fixed = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: {auth}")
    return "\r\n".join([*fixed, *lines, "", ""]).encode()


def whole(path: str, body: bytes, content_type: str, *lines: str) -> bytes:
    more = (f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *lines)
    return head("POST", path, *more) + body


# Slow ones: each ends when the server has hung up.


async def say_nothing(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        await heard_out(reader)


def trickle(start: bytes, drop: bytes) -> Callable[[int], Coroutine[Any, Any, None]]:
    """`start`, and then a drop each second, whatever the server says meanwhile."""

    async def slow(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with closing(writer):
            writer.write(start)
            listening = asyncio.create_task(heard_out(reader))
            while not writer.is_closing():
                writer.write(drop)
                await asyncio.sleep(1.0)
            await listening

    return slow


def leave_lying(bytes_a_second: int) -> Callable[[int], Coroutine[Any, Any, None]]:
    """Ask for a megabyte, and fetch so little of it."""

    async def slow(port: int) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            sock.setblocking(False)
            await loop.sock_connect(sock, ("127.0.0.1", port))
            await loop.sock_sendall(sock, head("GET", "/docs/scalar.js"))
            # Being hung up on must be seen without reading.
            while sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_ESTABLISHED:
                await asyncio.sleep(1.0)
                with suppress(BlockingIOError, ConnectionError):
                    sock.recv(bytes_a_second)

    return slow


async def heard_out(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(65536):
            pass


SLOW = {
    "says nothing": say_nothing,
    "slow head": trickle(b"POST /api/apps/1/1/queue HTTP/1.1\r\nX: ", b"y"),
    "slow body": trickle(head("POST", QUEUE, "Content-Length: 100000"), b"x"),
    "slow chunks": trickle(head("POST", LIST, "Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
    "fetches nothing": leave_lying(0),
    "fetches slowly": leave_lying(10),
}


# Bombs: how they are sent, and the statuses that refuse them.


def chunks(size: int, count: int) -> Iterator[bytes]:
    yield head("POST", QUEUE, f"Content-Type: {FORM}", "Transfer-Encoding: chunked")
    at_once = max(1, 16384 // size)
    part = (b"%x\r\n" % size + b"x" * size + b"\r\n") * at_once
    for _ in range(0, count, at_once):
        yield part


def csv(body: bytes) -> list[bytes]:
    return [whole(LIST, body, "text/csv")]


def bombs() -> dict[str, tuple[Callable[[], Iterator[bytes] | list[bytes]], frozenset[int]]]:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    packed = gzip.compress(b"phone_number=6175551234&" * 400_000)
    json_type, multipart = "application/json", "multipart/form-data; boundary=b"
    deep = b'{"metadata":' + b"[" * 500_000
    digits = b'{"phone_number":' + b"9" * 250_000 + b"}"
    close = b'--b\r\nContent-Disposition: form-data; name="csv"\r\n\r\n' + b"\r\n--b-x" * 100_000
    refused = frozenset({400})
    return {
        "1 MiB of head": (lambda: [b"GET / HTTP/1.1\r\nX: " + b"y" * MEBIBYTE], frozenset({431})),
        "5,000 requests at once": (
            lambda: [head("GET", "/healthz") * 5000],
            frozenset({200}),
        ),
        "500,000 form fields": (lambda: [whole(QUEUE, b"a&" * 500_000, FORM)], refused),
        "a form of escapes": (lambda: [whole(QUEUE, b"a=" + b"%41" * 330_000, FORM)], refused),
        "18,000 parts": (lambda: [whole(QUEUE, part * 18_000, multipart)], refused),
        "100,000 lines like a boundary": (lambda: [whole(LIST, close, multipart)], refused),
        "JSON 500,000 deep": (lambda: [whole(QUEUE, deep, json_type)], refused),
        "a number of 250,000 digits": (lambda: [whole(QUEUE, digits, json_type)], refused),
        "10 MiB packed small": (
            lambda: [whole(QUEUE, packed, FORM, "Content-Encoding: gzip")],
            frozenset({400}),
        ),
        "chunks of one byte": (lambda: chunks(1, 2_000_000), refused),
        # Who sends on in spite of the answer is cut off, and may lose it.
        "a body without an end": (lambda: chunks(16384, 100_000), frozenset({400, 0})),
        "a CSV quote never closed": (
            lambda: csv(b'destination,a\n6175551234,"' + b"x" * 20_000_000),
            refused,
        ),
        "a CSV of line ends": (lambda: csv(b"destination\n" + b"\n" * 5_000_000), refused),
        "a CSV of commas": (lambda: csv(b"destination" + b"," * 5_000_000), refused),
    }


async def throw(port: int, pieces: Iterator[bytes] | list[bytes]) -> int:
    """Send a bomb; the status of the first answer, 0 if there was none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.readuntil(b"\r\n"))
    try:
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if answer.done():
                    break
        with suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                return int((await answer).split(b" ")[1])
        return 0
    finally:
        answer.cancel()
        writer.transport.abort()


async def attack(port: int, slow: int, seconds: float) -> dict[str, object]:
    """Everything at once; how long each slow connection lasted, and what bombs were told."""
    began = time.perf_counter()
    lasted: dict[str, list[float]] = {name: [] for name in SLOW}
    still_open = dict.fromkeys(SLOW, 0)

    async def dawdle(name: str) -> None:
        opened = time.perf_counter()
        try:
            async with asyncio.timeout(began + seconds - opened):
                await SLOW[name](port)
            lasted[name].append(time.perf_counter() - opened)
        except TimeoutError:
            still_open[name] += 1

    told: dict[str, list[float]] = {name: [] for name in bombs()}
    wrong: list[str] = []

    async def bomber() -> None:
        while time.perf_counter() - began < seconds - 30:
            for name, (pieces, wanted) in bombs().items():
                thrown_at = time.perf_counter()
                status = await throw(port, pieces())
                told[name].append(time.perf_counter() - thrown_at)
                if status not in wanted:
                    wrong.append(f"{name}: {status}")

    names = itertools.islice(itertools.cycle(SLOW), slow)
    await asyncio.gather(*(dawdle(name) for name in names), bomber(), bomber())
    return {
        "lasted": {name: max(spans, default=0.0) for name, spans in lasted.items()},
        "still_open": sum(still_open.values()),
        "bombs": sum(map(len, told.values())),
        "bomb_s": {name: max(spans, default=0.0) for name, spans in told.items()},
        "wrong": wrong,
    }


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
