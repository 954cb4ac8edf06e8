"""Fifty slow clients of every kind, and every kind of bomb: everybody else is served.

bench/door.py does the same with hundreds, in real time, and measures.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from door_world import HEAD, Client, DoorWorld, run_door
from starlette.types import Receive, Scope, Send
from web_world import DEPLOYMENT, PROGRAM, WebWorld, basic, run_world

from callwright.config import Config, HostPort, LimitSettings, ServerSettings
from callwright.web.door import DoorLimits

LIMITS = DoorLimits()
ENOUGH_S = 75
QUEUE = f"/api/apps/{PROGRAM}/{DEPLOYMENT}/queue"
LIST = f"/api/apps/{PROGRAM}/{DEPLOYMENT}/bulk_queue"

STARTS = {
    "nothing": b"",
    "a head": b"POST /x HTTP/1.1\r\nX: ",
    "a body": HEAD + b"Content-Length: 100000\r\n\r\n",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "fetching": b"GET /large HTTP/1.1\r\n\r\n",
}
DROPS = {"a head": b"y", "a body": b"x", "chunks": b"1\r\nx\r\n"}


def test_fifty_slow_clients_hold_nobody_up_and_are_all_gone_in_time():
    # More than the kernels of both sides take.
    large = b"x" * 32_000_000

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
        body = large if scope["path"] == "/large" else b"xx"
        length = (b"content-length", b"%d" % len(body))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def test(world: DoorWorld) -> None:
        slow: list[tuple[str, Client]] = []
        for number in range(50):
            kind = list(STARTS)[number % len(STARTS)]
            client = await world.connect()
            if kind == "fetching":
                client.writer.transport.pause_reading()
            client.say(STARTS[kind])
            slow.append((kind, client))
        healthy = await world.connect()
        await world.held(51)
        for _ in range(ENOUGH_S):
            for kind, client in slow:
                if kind in DROPS and not client.writer.is_closing():
                    client.say(DROPS[kind])
            healthy.say(b"GET /healthy HTTP/1.1\r\n\r\n")
            assert (await healthy.hear(b"\r\n\r\nxx")).startswith(b"HTTP/1.1 200 ")
            await world.pass_time(1)
        await world.held(1)

    run_door(test, app=serve)


def form(path: str, body: bytes, kind: str = "application/x-www-form-urlencoded") -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: x",
        f"Authorization: {basic()}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
CSV_PART = b'--b\r\nContent-Disposition: form-data; name="csv"\r\n\r\n'
MULTIPART = "multipart/form-data; boundary=b"

BOMBS: dict[str, tuple[Callable[[], bytes], int]] = {
    "a long head": (lambda: b"GET / HTTP/1.1\r\nX: " + b"y" * 500_000, 431),
    "many fields": (lambda: form(QUEUE, b"a&" * 200_000), 400),
    "many escapes": (lambda: form(QUEUE, b"a=" + b"%41" * 100_000), 400),
    "many parts": (lambda: form(QUEUE, PART * 5_000, MULTIPART), 400),
    "a long part": (lambda: form(QUEUE, PART[:-3] + b"x" * 300_000, MULTIPART), 400),
    "long part headers": (lambda: form(QUEUE, PART[:-7] + b"y" * 300_000, MULTIPART), 400),
    "a long preamble": (lambda: form(QUEUE, b"y" * 300_000 + b"\r\n" + PART, MULTIPART), 400),
    "near boundaries": (lambda: form(LIST, CSV_PART + b"\r\n--b-x" * 30_000, MULTIPART), 400),
    "deep JSON": (lambda: form(QUEUE, b'{"a":' + b"[" * 300_000, "application/json"), 400),
    "deep metadata": (lambda: form(QUEUE, b"phone_number=1&metadata=" + b"[" * 30_000), 400),
    "much JSON": (
        lambda: form(QUEUE, b"{" + b'"a":1,' * 60_000 + b'"b":1}', "application/json"),
        400,
    ),
    "many digits": (lambda: form(QUEUE, b'{"a":' + b"9" * 200_000 + b"}", "application/json"), 400),
    "many digits in a field": (lambda: form(QUEUE, b"max_attempts=" + b"9" * 60_000), 400),
    "packed": (
        lambda: form(QUEUE, b"x").replace(b"Host: x", b"Host: x\r\nContent-Encoding: gzip"),
        400,
    ),
    "small chunks": (
        lambda: (
            form(QUEUE, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            + b"1\r\nx\r\n" * 50_000
        ),
        400,
    ),
    "no end": (
        lambda: (
            form(QUEUE, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 100
        ),
        400,
    ),
    "an open quote": (lambda: form(LIST, b'destination\n"' + b"x" * 900_000, "text/csv"), 400),
    "line ends": (lambda: form(LIST, b"destination\n" + b"\n" * 900_000, "text/csv"), 400),
    "commas": (lambda: form(LIST, b"destination" + b"," * 900_000, "text/csv"), 400),
    "a large cell": (
        lambda: form(LIST, b"destination,a\n6175551234," + b"x" * 60_000, "text/csv"),
        400,
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_queues_nothing(name: str, tmp_path: Path):
    make, status = BOMBS[name]
    config = Config(
        server=ServerSettings(listen=HostPort("127.0.0.1", 0)),
        limits=LimitSettings(csv_bytes="1MiB", csv_rows=100_000),
    )

    async def test(world: WebWorld) -> None:
        answer, probe = await asyncio.gather(world.raw(make()), world.ask("GET", "/healthz"))
        assert answer is not None
        assert answer.status == status, answer.text
        assert json.loads(answer.body)["error"]
        assert len(answer.body) < 1000
        assert probe.status == 200
        assert await world.waiting() == 0

    run_world(tmp_path, test, config=config)
