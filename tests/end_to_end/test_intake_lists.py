"""Lists as clients send them: large ones, several at once, and such as break off."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from web_world import WebWorld, basic, run_world

from callwright.config import Config, HostPort, LimitSettings, ServerSettings, StoreSettings
from callwright.domain.account import Product
from callwright.domain.call import CallDetails
from callwright.domain.ids import BatchId
from callwright.service import list_reader
from callwright.service.rejected_rows import rejected_csv
from callwright.web import spool

PATH = "/api/apps/1234/5678/bulk_queue"
BOUNDARY = "----------------intake"
ROWS = 8_000


def config(folder: Path, **limits: object) -> Config:
    """Uploads are spooled in `folder`."""
    return Config(
        server=ServerSettings(listen=HostPort("127.0.0.1", 0)),
        store=StoreSettings(url=f"sqlite:{folder}/calls.db"),
        limits=LimitSettings(**limits),  # type: ignore[arg-type]
    )


def lines(rows: int) -> Iterator[str]:
    for n in range(rows):
        yield f"{6170000000 + n},name {n},{n}.25,Łódź and some more text\n"


def a_list(rows: int = ROWS) -> bytes:
    return ("phone_number,first_name,balance,city\n" + "".join(lines(rows))).encode()


def multipart(csv: bytes, *, file: bool = True, fields: str = "", end: bool = True) -> bytes:
    name = '; filename="list.csv"' if file else ""
    head = f'{fields}--{BOUNDARY}\r\nContent-Disposition: form-data; name="csv"{name}\r\n\r\n'
    tail = f"\r\n--{BOUNDARY}--\r\n" if end else ""
    return head.encode() + csv + tail.encode()


def field(name: str, value: str) -> str:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


async def send(world: WebWorld, body: bytes, content_type: str = "multipart/form-data", **more):
    return await world.ask("POST", PATH, body, content_type=content_type, **more)


async def calls_of(world: WebWorld, batch: int, limit: int = 10**6) -> list[CallDetails]:
    now = world.clock.now()
    return list(await world.store.read(lambda tx: tx.batch_calls(BatchId(batch), now, limit)))


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def other_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".db" not in path.name]


@pytest.mark.parametrize("how", ["file", "text", "no boundary", "raw"])
def test_a_list_too_large_for_memory_is_read_however_it_comes(how: str, tmp_path: Path) -> None:
    csv = a_list()
    assert len(csv) > spool.IN_MEMORY
    body = {"raw": csv, "text": multipart(csv, file=False)}.get(how, multipart(csv))
    kind = {"raw": "text/csv", "file": f"multipart/form-data; boundary={BOUNDARY}"}

    async def test(world: WebWorld) -> None:
        answer = await send(world, body, kind.get(how, "multipart/form-data"))
        assert (answer.status, answer.text) == (200, f'{{"calls_queued":{ROWS}}}')
        calls = await calls_of(world, int(answer.headers["x-batch-id"]))
        assert len(calls) == ROWS == await world.waiting()
        for n in (0, 1, 999, 1000, ROWS - 1):
            contact = calls[n].contact
            assert contact.dial.number.e164 == f"+1{6170000000 + n}"
            assert contact.variables == {
                "first_name": f"name {n}",
                "balance": f"{n}.25",
                "city": "Łódź and some more text",
            }
        assert other_files(tmp_path) == []

    run_world(tmp_path, test, config=config(tmp_path))


def test_fields_after_a_large_list_count_like_those_before(tmp_path: Path) -> None:
    csv = a_list()
    body = multipart(csv, end=False) + b"\r\n" + field("max_attempts", "3").encode()
    body += field("reattempt_wait", "60").encode() + f"--{BOUNDARY}--\r\n".encode()

    async def test(world: WebWorld) -> None:
        answer = await send(world, body)
        (call,) = await calls_of(world, int(answer.headers["x-batch-id"]), 1)
        assert call.schedule.retry.max_attempts == 3

    run_world(tmp_path, test, config=config(tmp_path))


BAD = [
    (b'6175551234,"x,1,y\n', "a quote is opened and never closed"),
    (b"6175551234,a,b,c,d\n", "has 5 cells, but the header names 4 columns"),
    (b"12,a,b,c\n", "phone_number: must have 10 digits"),
    (b"6175551234," + b"x" * 70_000 + b"\n", "longer than 64 KiB"),
    (b"6175551234,\x81,b,c\n", "neither UTF-8 nor Windows-1252"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad[1][:20])
def test_one_bad_row_refuses_a_large_list_by_its_line(bad, tmp_path: Path) -> None:
    row, words = bad
    encoding = "windows-1252" if b"\x81" in row else "utf-8"
    csv = a_list().decode().replace("Łódź", "Köln").encode(encoding) + row

    async def test(world: WebWorld) -> None:
        answer = await send(world, multipart(csv))
        assert answer.status == 400
        assert f"line {ROWS + 2}: " in answer.text
        assert words in answer.text
        assert await world.waiting() == 0
        assert world.changes == 0
        assert "x-batch-id" not in answer.headers

    run_world(tmp_path, test, config=config(tmp_path))


def test_all_bad_rows_of_a_large_list_are_counted(tmp_path: Path) -> None:
    rows = list(lines(ROWS))
    rows[10:ROWS:1000] = ["bad\n"] * len(rows[10:ROWS:1000])
    csv = ("phone_number,first_name,balance,city\n" + "".join(rows)).encode()

    async def test(world: WebWorld) -> None:
        answer = await send(world, multipart(csv))
        assert answer.status == 400
        assert "csv: 8 bad rows, nothing was queued. line 12: phone_number: " in answer.text
        assert "and 3 more" in answer.text
        assert await world.waiting() == 0

    run_world(tmp_path, test, config=config(tmp_path))


@pytest.mark.parametrize("rows", [20, ROWS])
def test_a_lenient_list_queues_the_good_rows_and_keeps_the_others(
    rows: int, tmp_path: Path
) -> None:
    texts = list(lines(rows))
    texts[3] = '12,"a, b",1,x\r\n'
    texts[rows - 1] = "6175551234,too,many,cells,here"
    csv = ("phone_number,first_name,balance,city\n" + "".join(texts)).encode()

    async def test(world: WebWorld) -> None:
        answer = await send(world, multipart(csv), Prefer="return=minimal, handling=lenient")
        assert (answer.status, answer.text) == (200, f'{{"calls_queued":{rows - 2}}}')
        assert answer.headers["preference-applied"] == "handling=lenient"
        assert answer.headers["x-rejected-rows"] == "2"
        batch = BatchId(int(answer.headers["x-batch-id"]))
        kept = await world.store.read(lambda tx: tx.rejected_list(batch))
        assert kept is not None
        assert (kept.header, kept.rows) == ("phone_number,first_name,balance,city", 2)
        refused = await world.store.read(lambda tx: tx.rejected_rows(batch, 0, 10))
        assert [(row.line, row.text) for row in refused] == [
            (5, '12,"a, b",1,x'),
            (rows + 1, "6175551234,too,many,cells,here"),
        ]
        assert "10 digits" in refused[0].problem
        assert "5 cells" in refused[1].problem
        pieces = [piece async for piece in rejected_csv(world.store, batch, kept)]
        report = b"".join(pieces).decode("utf-8-sig")
        first, *rest = report.splitlines()
        assert first == "callwright_line,callwright_problem,phone_number,first_name,balance,city"
        assert [line.split(",")[0] for line in rest] == ["5", str(rows + 1)]
        again = await send(world, multipart(report.replace(",12,", ",6175551234,").encode()))
        assert "line 3: has 7 cells" in again.text
        assert await world.waiting() == rows - 2

    run_world(tmp_path, test, config=config(tmp_path))


@pytest.mark.parametrize("rows", [20, 30_000])
def test_a_lenient_list_of_nothing_but_bad_rows_is_refused(rows: int, tmp_path: Path) -> None:
    csv = b"phone_number\n" + b"not a number\n" * rows

    async def test(world: WebWorld) -> None:
        answer = await send(world, multipart(csv), Prefer="handling=lenient")
        assert answer.status == 400
        assert f"csv: {rows} bad rows, nothing was queued. line 2: " in answer.text
        assert await world.waiting() == 0

    run_world(tmp_path, test, config=config(tmp_path))


@pytest.mark.parametrize("prefer", [None, "handling=strict", "handling=strict, handling=lenient"])
def test_without_the_preference_a_list_is_all_or_nothing(prefer, tmp_path: Path) -> None:
    csv = b"phone_number\n6175551234\nbad\n"

    async def test(world: WebWorld) -> None:
        answer = await send(world, multipart(csv), **({"Prefer": prefer} if prefer else {}))
        assert answer.status == 400
        assert "preference-applied" not in answer.headers
        assert await world.waiting() == 0

    run_world(tmp_path, test, config=config(tmp_path))


def test_insight_takes_the_preference_too(tmp_path: Path) -> None:
    csv = b"phone_number,FIRST_NAME\n6175551234,x\nbad,y\n"

    async def test(world: WebWorld) -> None:
        answer = await world.ask(
            "POST",
            PATH.replace("apps", "surveys"),
            multipart(csv),
            content_type="multipart/form-data",
            Prefer='handling="lenient"',
        )
        assert (answer.status, answer.text) == (200, '{"success":true}')
        assert answer.headers["preference-applied"] == "handling=lenient"
        (call,) = await calls_of(world, int(answer.headers["x-batch-id"]))
        assert call.contact.variables == {"first_name": "x"}

    run_world(tmp_path, test, Product.INSIGHT, config=config(tmp_path))


@pytest.mark.parametrize("rows", [100, ROWS])
def test_a_list_over_a_limit_is_refused_whole(rows: int, tmp_path: Path) -> None:
    csv = a_list(rows)

    async def test(world: WebWorld) -> None:
        answer = await send(world, multipart(csv))
        assert answer.status == 400
        assert f"more than {rows - 1} rows" in answer.text
        assert await world.waiting() == 0

    run_world(tmp_path, test, config=config(tmp_path, csv_rows=rows - 1))


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


def request_head(*more: str) -> bytes:
    return "\r\n".join(
        [
            f"POST {PATH} HTTP/1.1",
            "Host: calls.example.com",
            f"Authorization: {basic()}",
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            *more,
            "",
            "",
        ]
    ).encode()


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


def test_twenty_uploads_at_once_all_add_up(tmp_path: Path) -> None:
    csv = a_list(5_000)
    assert len(csv) > spool.IN_MEMORY

    async def test(world: WebWorld) -> None:
        async def upload() -> tuple[int, str]:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            body = multipart(csv)
            writer.write(request_head(f"Content-Length: {len(body)}", "Connection: close") + body)
            answer = await reader.read()
            writer.close()
            return int(answer[9:12]), answer.partition(b"\r\n\r\n")[2].decode()

        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(upload() for _ in range(20)))
        assert answers == [(200, '{"calls_queued":5000}')] * 20
        assert await world.waiting() == 100_000

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
