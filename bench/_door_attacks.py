"""Slow clients and bombs, as `door` sets them on a server."""

import asyncio
import base64
import gzip
import itertools
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, suppress
from typing import Any

MEBIBYTE = 1024 * 1024
TCP_ESTABLISHED = 1
ANSWERED_WITHIN_S = 20.0

EMAIL = "bench@example.com"
KEY = "bench_developer_key"
AUTHORIZATION = "Basic " + base64.b64encode(f"{EMAIL}:{KEY}".encode()).decode()
QUEUE = "/api/apps/1/1/queue"
LIST = "/api/apps/1/1/bulk_queue"
FORM = "application/x-www-form-urlencoded"


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
