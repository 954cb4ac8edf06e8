"""How long a connection may take for each of its stages, on a clock turned by hand."""

import asyncio
import json
import socket

import pytest
from door_world import HEAD, DoorWorld, run_door
from starlette.types import Receive, Scope, Send

from callwright.web.door import DoorLimits

LIMITS = DoorLimits()


def status_of(said: bytes) -> bytes:
    return said.split(b" ", 2)[1] if said else b""


def test_a_head_that_never_comes_is_hung_up_on_without_a_word():
    async def test(world: DoorWorld) -> None:
        client = await world.connect()
        await world.held(1)
        await world.pass_time(LIMITS.head_s - 1)
        assert await client.is_open()
        await world.pass_time(2)
        assert await client.hear() == b""
        await world.held(0)
        assert world.refused == []

    run_door(test)


@pytest.mark.parametrize(
    ("start", "shape"),
    [
        (b"POST /api/apps/1/2/queue HTTP/1.1\r\nHost: x\r\nX-", {"error"}),
        (b"POST /api/surveys/1/2/queue HTTP/1.1\r\nHo", {"success", "error"}),
        (b"POST /v1/batches HTTP/1.1\r\nA: b\r\n", {"type", "title", "status", "detail"}),
    ],
)
def test_a_head_that_trickles_in_is_answered_408_in_the_shape_of_its_path(start, shape):
    async def test(world: DoorWorld) -> None:
        client = await world.connect(start)
        await world.held(1)
        for _ in range(9):
            await world.pass_time(1)
            client.say(b"a")
        await world.pass_time(2)
        head, _, body = (await client.hear()).partition(b"\r\n\r\n")
        assert status_of(head) == b"408"
        assert b"connection: close" in head
        assert b"x-request-id: " in head
        assert b"x-content-type-options: nosniff" in head
        assert set(json.loads(body)) == shape
        assert world.refused == [408]

    run_door(test)


def test_a_body_that_trickles_in_is_answered_408_and_the_application_hears_of_it():
    async def test(world: DoorWorld) -> None:
        client = await world.connect(
            HEAD + b"Accept: application/xml\r\nContent-Length: 100000\r\n\r\na"
        )
        await world.held(1)
        await world.pass_time(LIMITS.body_s - 1)
        client.say(b"b")
        assert await client.is_open()
        await world.pass_time(2)
        said = await client.hear()
        assert status_of(said) == b"408"
        assert b"<error>" in said
        assert world.seen == ["gone"]
        assert world.refused == []  # the log of requests tells of it

    run_door(test)


def test_a_long_body_has_a_second_more_for_each_quarter_of_a_mebibyte_that_came():
    size = 10 * LIMITS.body_bytes_per_s

    async def test(world: DoorWorld) -> None:
        client = await world.connect(HEAD + b"Content-Length: %d\r\n\r\n" % size, b"x" * (size - 1))
        await world.held(1)
        await world.until(lambda: sum(map(len, pieces)) == size - 1)
        await world.pass_time(LIMITS.body_s + 8)
        assert await client.is_open()
        await world.pass_time(4)
        assert status_of(await client.hear()) == b"408"

    async def keep(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            pieces.append(message["body"])

    pieces: list[bytes] = []
    run_door(test, app=keep)


def test_time_in_which_we_do_not_read_is_not_the_clients():
    go_on = asyncio.Event()

    async def hesitate(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def test(world: DoorWorld) -> None:
        body = b"x" * 3_000_000
        client = await world.connect(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        client.say(body)
        await world.held(1)
        await world.until(lambda: world.connection().flow.read_paused)
        await world.pass_time(LIMITS.body_s * 3)
        assert await client.is_open()
        go_on.set()
        assert status_of(await client.hear(b"\r\n\r\n")) == b"204"

    run_door(test, app=hesitate)


def test_a_slow_answer_of_ours_is_waited_for():
    go_on = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def test(world: DoorWorld) -> None:
        client = await world.connect(HEAD + b"\r\n")
        await world.held(1)
        await world.pass_time(3600)
        assert await client.is_open()
        go_on.set()
        assert status_of(await client.hear(b"\r\n\r\n")) == b"204"

    run_door(test, app=slow)


def test_an_idle_connection_is_kept_for_a_while_and_then_closed():
    async def test(world: DoorWorld) -> None:
        client = await world.connect(HEAD + b"Content-Length: 2\r\n\r\nok")
        await client.hear(b"ok")
        await world.pass_time(LIMITS.keep_alive_s - 1)
        client.say(HEAD + b"Content-Length: 2\r\n\r\nok")
        assert status_of(await client.hear(b"ok")) == b"200"
        await world.pass_time(LIMITS.keep_alive_s + 1)
        assert await client.hear() == b""
        await world.held(0)

    run_door(test)


def test_line_ends_do_not_keep_an_idle_connection_awake():
    async def test(world: DoorWorld) -> None:
        client = await world.connect(HEAD + b"Content-Length: 2\r\n\r\nok")
        await client.hear(b"ok")
        for _ in range(8):
            client.say(b"\r\n")
            await world.pass_time(LIMITS.keep_alive_s / 7)
        assert await client.hear() == b""

    run_door(test)


def test_a_client_that_leaves_its_answer_lying_is_cut_off():
    chunk = b"x" * 65536

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    async def test(world: DoorWorld) -> None:
        client = await world.connect()
        client.writer.transport.pause_reading()
        client.say(HEAD + b"\r\n")
        await world.held(1)
        await world.until(lambda: world.connection().flow.write_paused)
        await world.pass_time(LIMITS.stall_s - 2)
        assert len(world.door) == 1
        await world.pass_time(4)
        await world.held(0)

    run_door(test, app=large)


def test_a_client_that_fetches_its_answer_slowly_gets_it():
    size = 3_000_000

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        length = (b"content-length", b"%d" % size)
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        for _ in range(size // 50_000):
            body = {"type": "http.response.body", "body": b"x" * 50_000, "more_body": True}
            await send(body)
        await send({"type": "http.response.body"})

    async def test(world: DoorWorld) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            # Of a size that tells when it is full, as behind a slow line.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", world.port))
            await loop.sock_sendall(client, HEAD + b"\r\n")
            await world.until(lambda: world.connection().flow.write_paused)
            got = 0
            async with asyncio.timeout(5):
                while got < size:
                    span = min(got + 200_000, size)
                    while got < span:
                        got += len(await loop.sock_recv(client, 65536))
                    await world.pass_time(LIMITS.stall_s - 2)

    run_door(test, app=large)


def test_a_refused_client_may_finish_sending_and_reads_its_answer():
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})

    async def test(world: DoorWorld) -> None:
        body = b"x" * 20_000_000
        client = await world.connect(HEAD + b"Content-Length: %d\r\n\r\n" % len(body))
        await client.hear(b"\r\n\r\nno")
        async with asyncio.timeout(5):
            client.say(body)
            await client.writer.drain()
        await world.pass_time(LIMITS.silence_s + 1)
        await world.held(0)

    run_door(test, app=refuse)


def test_a_refused_client_cannot_go_on_sending_for_ever():
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})

    limits = DoorLimits(unwanted_bytes=1_000_000)

    async def test(world: DoorWorld) -> None:
        head = HEAD + b"Content-Length: 100000000000\r\n\r\n"
        greedy = await world.connect(head, b"x" * 2_000_000)
        await world.held(0)
        slow = await world.connect(head)
        await slow.hear(b"no")
        for _ in range(round(LIMITS.linger_s) - 1):
            slow.say(b"x")
            await world.pass_time(1)
        assert len(world.door) == 1
        slow.say(b"x")
        await world.pass_time(1.5)
        await world.held(0)
        assert greedy.writer is not slow.writer

    run_door(test, limits, app=refuse)
