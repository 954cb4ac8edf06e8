"""Lists as clients send them: large ones, several at once, with good rows and bad ones."""

import asyncio
from pathlib import Path

import pytest
from intake_world import (
    BOUNDARY,
    PATH,
    ROWS,
    a_list,
    calls_of,
    config,
    field,
    lines,
    multipart,
    other_files,
    request_head,
    send,
)
from web_world import WebWorld, run_world

from callwright.domain.account import Product
from callwright.domain.ids import BatchId
from callwright.service.rejected_rows import rejected_csv
from callwright.web import spool


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
