"""What the HTTP server does below the routes, told over raw sockets."""

import asyncio
import socket
from pathlib import Path

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from callwright.config import HostPort
from callwright.errors import ConfigInvalid, Unavailable
from callwright.web.door import DoorLimits
from callwright.web.front import Front
from callwright.web.server import HttpServer

CAPTURES = Path(__file__).parents[1] / "captures"
ANY = HostPort("127.0.0.1", 0)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the method, the path and the body it got."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    said = f"{scope['method']} {scope['path']} ".encode() + body
    length = (b"content-length", b"%d" % len(said))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": said})


async def exchange(port: int, *pieces: bytes, until: bytes = b"", wait_s: float = 5.0) -> bytes:
    """Everything the server says to `pieces`, until it closes or has said `until`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(wait_s):
            while not until or until not in said:
                data = await reader.read(65536)
                if not data:
                    break
                said += data
    finally:
        writer.close()
    return said


def with_server(app, test):
    async def run() -> None:
        server = HttpServer(app, ANY)
        address = await server.start()
        try:
            await test(address.port)
        finally:
            await server.stop(1.0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_an_offered_upgrade_does_not_cost_the_body():
    request = (CAPTURES / "curl-http2-upgrade.http").read_bytes()

    async def test(port: int) -> None:
        whole = await exchange(port, request, until=b"6175551234")
        assert whole.startswith(b"HTTP/1.1 200 ")
        assert whole.endswith(b"POST /api/apps/1234/5678/queue phone_number=6175551234")
        for cut in (60, 200, len(request) - 23, len(request) - 5):
            said = await exchange(port, request[:cut], request[cut:], until=b"6175551234")
            assert said.endswith(b"phone_number=6175551234")

    with_server(echo, test)


def test_requests_after_an_offered_upgrade_are_answered_in_order():
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    first = (
        b"POST /1 HTTP/1.1\r\n"
        + upgrade
        + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
    )
    second = b"POST /2 HTTP/1.1\r\n" + upgrade + b"Content-Length: 3\r\n\r\ntwo"
    third = b"GET /3 HTTP/1.1\r\n\r\n"

    async def test(port: int) -> None:
        said = await exchange(port, first + second + third, until=b"GET /3 ")
        places = [said.index(word) for word in (b"POST /1 one", b"POST /2 two", b"GET /3 ")]
        assert places == sorted(places)

    with_server(echo, test)


def test_expect_100_continue_is_answered_before_the_body_comes():
    async def test(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        async with asyncio.timeout(5):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ok")
            assert (await reader.readuntil(b"POST / ok")).startswith(b"HTTP/1.1 200 ")
        writer.close()

    with_server(echo, test)


def test_http_1_0_is_answered_and_closed():
    async def test(port: int) -> None:
        said = await exchange(port, b"POST /old HTTP/1.0\r\nContent-Length: 2\r\n\r\nok")
        assert said.endswith(b"POST /old ok")

    with_server(echo, test)


def test_a_client_that_closes_its_side_after_the_request_still_gets_its_answer():
    async def test(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
        writer.write_eof()
        async with asyncio.timeout(5):
            assert (await reader.read()).endswith(b"POST / ok")
        writer.close()

    with_server(echo, test)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01\x02\x00", b"400"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
        (b"CONNECT host:443 HTTP/1.1\r\nHost: host\r\n\r\n", b"400"),
        (b"GET /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"GET /x HTTP/1.1\r\nX: " + b"y" * DoorLimits().head_bytes * 2, b"431"),
    ],
)
def test_what_is_no_request_is_answered_in_the_dialects_shape(request_bytes, status):
    async def test(port: int) -> None:
        said = await exchange(port, request_bytes)
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status)
        assert b"content-type: application/json" in head
        assert body.startswith(b'{"error":"')

    with_server(echo, test)


@pytest.mark.parametrize(
    ("target", "starts"),
    [
        (b"/api/surveys/1/2/queue", b'{"success":false,"error":"'),
        (b"/api/report/1?limit=1", b'{"success":false,"error":"'),
        (b"/api/apps/1/2/queue", b'{"error":"'),
        (b"/v1/calls", b'{"type":"about:blank",'),
    ],
)
def test_a_method_nobody_knows_is_answered_in_the_shape_of_the_path(target, starts):
    async def test(port: int) -> None:
        said = await exchange(port, b"BREW " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert body.startswith(starts)

    with_server(echo, test)


def test_a_body_that_breaks_off_into_nonsense_is_told_to_client_and_application():
    seen: list[str] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            seen.append(message["body"].decode())
        seen.append("gone")

    head = b"POST /api/surveys/1/2/queue HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def test(port: int) -> None:
        said = await exchange(port, head + b"3\r\none\r\n", b"zz\r\n")
        assert said.startswith(b"HTTP/1.1 400 ")
        assert said.endswith(b'{"success":false,"error":"The request is not valid HTTP."}')

    with_server(note, test)
    assert seen[-1] == "gone"


def test_a_refusal_reaches_a_client_that_has_not_sent_everything_yet():
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        length = (b"content-length", b"2")
        await send({"type": "http.response.start", "status": 401, "headers": [length]})
        await send({"type": "http.response.body", "body": b"no"})

    body = b"x" * 600_000
    head = b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body)

    async def test(port: int) -> None:
        assert (await exchange(port, head, body)).endswith(b"\r\n\r\nno")

    with_server(refuse, test)


def test_a_taken_port_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port} is in use by another program"):
            asyncio.run(HttpServer(echo, HostPort("127.0.0.1", port)).start())


def test_two_servers_cannot_share_a_port():
    async def run() -> None:
        first = HttpServer(echo, ANY)
        address = await first.start()
        with pytest.raises(Unavailable, match="in use"):
            await HttpServer(echo, address).start()
        await first.stop(1.0)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("listen", "problem"),
    [
        (HostPort("192.0.2.1", 0), "not an address of this machine"),
        (HostPort("no-such-host.invalid", 0), "is not known"),
    ],
)
def test_an_address_that_is_not_ours_is_one_clear_line(listen, problem):
    with pytest.raises(ConfigInvalid, match=problem):
        asyncio.run(HttpServer(echo, listen).start())


def test_localhost_is_served_on_every_address_it_has():
    async def run() -> None:
        server = HttpServer(echo, HostPort("localhost", 0))
        address = await server.start()
        assert b"GET /x" in await exchange(address.port, b"GET /x HTTP/1.1\r\n\r\n", until=b"/x")
        await server.stop(1.0)

    asyncio.run(run())


def test_stopping_lets_a_request_finish_and_takes_no_new_one():
    async def run() -> None:
        entered, go_on = asyncio.Event(), asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            entered.set()
            await go_on.wait()
            await echo(scope, receive, send)

        server = HttpServer(slow, ANY)
        port = (await server.start()).port
        under_way = asyncio.create_task(exchange(port, b"GET /slow HTTP/1.1\r\n\r\n"))
        await entered.wait()
        stopping = asyncio.create_task(server.stop(5.0))
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                break
            writer.close()
            await asyncio.sleep(0.01)
        go_on.set()
        assert (await under_way).endswith(b"GET /slow ")
        await stopping

    # Not asyncio's own loop, which leaks a connection accepted while it closes the server.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_a_request_that_outlives_the_grace_is_cut_off_with_an_answer():
    async def run() -> None:
        entered = asyncio.Event()

        async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
            entered.set()
            await asyncio.Event().wait()

        server = HttpServer(Front(stuck), ANY)
        port = (await server.start()).port
        under_way = asyncio.create_task(exchange(port, b"GET /api/surveys HTTP/1.1\r\n\r\n"))
        await entered.wait()
        await server.stop(0.05)
        said = await under_way
        assert said.startswith(b"HTTP/1.1 500 ")
        assert said.endswith(b'{"success":false,"error":"database error"}')

    asyncio.run(run())
