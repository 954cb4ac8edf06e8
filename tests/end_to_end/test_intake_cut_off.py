"""Uploads of lists that are cut off, break off or lose their reader."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from intake_world import (
    ROWS,
    a_list,
    config,
    multipart,
    open_files,
    other_files,
    request_head,
    send,
)
from web_world import WebWorld, run_world

from callwright.service import list_reader


def test_a_body_over_the_limit_is_cut_off_while_it_comes(tmp_path: Path) -> None:
    csv = a_list()
    size = 300 * 1024
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in _cut(multipart(csv), 65_536))
    head = request_head("Transfer-Encoding: chunked")

    async def test(world: WebWorld) -> None:
        announced = await send(world, multipart(csv))
        answer = await world.raw(head + chunked + b"0\r\n\r\n")
        assert answer is not None
        for said in (announced, answer):
            assert said.status == 400
            assert f"larger than {size} bytes" in said.text
        assert await world.waiting() == 0

    run_world(tmp_path, test, config=config(tmp_path, csv_bytes="300KiB"))


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@asynccontextmanager
async def connected(
    world: WebWorld,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{true.__name__}: not within 10 s")


def test_an_upload_that_breaks_off_queues_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    body = multipart(a_list(3 * ROWS))

    async def test(world: WebWorld) -> None:
        before = open_files()
        async with connected(world) as (_, writer):
            writer.write(request_head(f"Content-Length: {len(body)}") + body[: len(body) // 2])
            await writer.drain()

            async def spooling() -> bool:
                return open_files() >= before + 3  # both ends of the connection, and the file

            await until(spooling)

        async def released() -> bool:
            return open_files() <= before

        await until(released)
        assert await world.waiting() == 0
        assert other_files(tmp_path) == []
        assert world.changes == 0

    run_world(tmp_path, test, config=config(tmp_path))


def test_a_reader_that_dies_is_a_500_and_nothing_is_queued(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(list_reader.sys, "executable", "/bin/false")
    body = multipart(a_list())

    async def test(world: WebWorld) -> None:
        answer = await send(world, body)
        assert answer.status == 500
        assert json.loads(answer.body) == {"error": "database error"}
        assert await world.waiting() == 0

    run_world(tmp_path, test, config=config(tmp_path))
