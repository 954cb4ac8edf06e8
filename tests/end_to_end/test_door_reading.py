"""How much is read of a request, and in one way only; what is on every reply."""

import json
from itertools import product

import pytest
from door_world import HEAD, DoorWorld, run_door
from starlette.types import Receive, Scope, Send
from web_world import DEPLOYMENT, PROGRAM, WebWorld, basic, run_world

from callwright.web.door import DoorLimits
from callwright.web.throttle import SPAN_S

LIMITS = DoorLimits()
QUEUE = f"/api/apps/{PROGRAM}/{DEPLOYMENT}/queue"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


async def status_and_rest(world: DoorWorld, *pieces: bytes) -> tuple[int, bytes]:
    """The status of the first answer, and all that was said until the server hung up."""
    said = await (await world.connect(*pieces)).hear()
    assert said, "hung up without a word"
    return int(said.split(b" ", 2)[1]), said


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),
        (b"Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        (b"Content-Length: 3\r\nContent-Length: 4\r\n", 400),
        (b"Content-Length: 3, 3\r\n", 400),
        (b"Content-Length: +3\r\n", 400),
        (b"Content-Length: -3\r\n", 400),
        (b"Content-Length: 0x3\r\n", 400),
        (b"Content-Length: 1_0\r\n", 400),
        (b"Content-Length: \r\n", 400),
        (b"Content-Length: 99999999999999999999\r\n", 400),
        (b"Content-Length : 3\r\n", 400),
        (b" Content-Length: 3\r\n", 400),
        (b"Transfer-Encoding: identity\r\n", 501),
        (b"Transfer-Encoding: xchunked\r\n", 501),
        (b"Transfer-Encoding: chunked, identity\r\n", 400),
        (b"Transfer-Encoding: \x0bchunked\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Host: other.example.com\r\n", 400),
        (b"X: a\r\n b\r\n", 400),
        (b"X: a\rY: b\r\n", 400),
        (b"X: a\0b\r\n", 400),
        (b": no name\r\n", 400),
        (b"no colon\r\n", 400),
        (b"X Y: z\r\n", 400),
    ],
)
def test_what_two_readers_might_read_differently_is_refused(headers, status):
    async def test(world: DoorWorld) -> None:
        found, said = await status_and_rest(world, HEAD + headers + b"\r\n" + NEXT)
        assert found == status
        assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]
        assert b"/smuggled" not in said
        assert world.refused == [status]

    run_door(test)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET /x HTTP/2.0\r\n\r\n", 505),
        (b"GET /x\r\n\r\n", 505),
        (b"GET /x HTTP/1.2\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\nHost: x\n\n", 400),
        (b"get /x HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc", 400),
    ],
)
def test_what_is_no_request_of_our_version_is_refused(request_bytes, status):
    async def test(world: DoorWorld) -> None:
        assert (await status_and_rest(world, request_bytes))[0] == status

    run_door(test)


def test_trailers_change_no_header():
    async def show(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        said = b" ".join(name for name, _ in scope["headers"])
        length = (b"content-length", b"%d" % len(said))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": said})

    async def test(world: DoorWorld) -> None:
        body = b"3\r\nabc\r\n0\r\nAuthorization: Basic x\r\n\r\n"
        client = await world.connect(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        assert b"\r\n\r\nhost transfer-encoding" in await client.hear(b"transfer-encoding")

    run_door(test, app=show)


def test_a_body_in_pieces_of_a_byte_is_not_read_to_its_end():
    async def test(world: DoorWorld) -> None:
        request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        small = request + b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n"
        assert b"/queue xxx" in await (await world.connect(small)).hear(b"x" * 10_000)
        status, said = await status_and_rest(world, request + b"1\r\nx\r\n" * 10_001)
        assert status == 400
        assert b"too small pieces" in said
        assert world.seen == ["gone"]

    run_door(test)


def test_who_is_answered_before_all_was_sent_is_told_that_it_was_the_last_answer():
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body"})

    async def test(world: DoorWorld) -> None:
        early = await world.connect(HEAD + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        said = await early.hear()
        assert said.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close\r\n" in said
        whole = await world.connect(HEAD + b"Content-Length: 2\r\n\r\nok")
        assert b"connection: close" not in await whole.hear(b"0\r\n\r\n")
        assert await whole.is_open()

    run_door(test, app=refuse)


def head_of(size: int) -> bytes:
    """A whole head of exactly so many bytes, in headers of a kilobyte."""
    rest = size - len(HEAD) - 2
    lines = b""
    while rest - len(lines) > 1500:
        lines += b"X: " + b"y" * 995 + b"\r\n"
    lines += b"X: " + b"y" * (rest - len(lines) - 5) + b"\r\n"
    return HEAD + lines + b"\r\n"


def test_a_head_may_have_sixteen_kibibytes():
    async def test(world: DoorWorld) -> None:
        fits = head_of(LIMITS.head_bytes - 100)
        assert b" 200 OK" in await (await world.connect(fits)).hear(b"/queue ")
        # In one packet, in two, and without an end.
        too_long = head_of(LIMITS.head_bytes + 100)
        assert (await status_and_rest(world, too_long))[0] == 431
        assert (await status_and_rest(world, too_long[:9000], too_long[9000:]))[0] == 431
        assert (await status_and_rest(world, HEAD + b"X: " + b"y" * LIMITS.head_bytes))[0] == 431
        assert (await status_and_rest(world, b"GET /" + b"y" * LIMITS.head_bytes))[0] == 431

    run_door(test)


def test_a_long_head_behind_another_request_is_no_shorter_for_it():
    async def test(world: DoorWorld) -> None:
        first = HEAD + b"Content-Length: 2\r\n\r\nok"
        said = await (await world.connect(first + head_of(LIMITS.head_bytes + 100))).hear()
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b"/queue ok" in said

    run_door(test)


def test_a_head_may_have_a_hundred_headers():
    async def test(world: DoorWorld) -> None:
        fits = HEAD + b"A: b\r\n" * (LIMITS.head_fields - 1) + b"\r\n"
        assert b" 200 OK" in await (await world.connect(fits)).hear(b"/queue ")
        too_many = HEAD + b"A: b\r\n" * LIMITS.head_fields + b"\r\n"
        assert (await status_and_rest(world, too_many))[0] == 431

    run_door(test)


# Of the whole application

EVERYWHERE = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/nothing"),
    ("GET", "/api/outbound/1"),
    ("GET", QUEUE),
    ("POST", QUEUE),
    ("GET", "/v1/calls"),
    ("GET", "/v1/nothing"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
]


def test_every_reply_is_for_one_client_and_says_what_it_is(tmp_path):
    async def test(world: WebWorld) -> None:
        for (method, path), auth in product(EVERYWHERE, (basic(), basic(key="wrong"), None)):
            body = "phone_number=6175551234" if method == "POST" else None
            answer = await world.ask(method, path, body, auth=auth)
            assert answer.status < 500
            assert answer.headers["x-content-type-options"] == "nosniff"
            # Only what is the same for everybody may be kept, and then asked about again.
            kept = path in ("/openapi.json", "/docs") or answer.headers.get("etag")
            assert answer.headers["cache-control"].endswith("no-cache" if kept else "no-store")
            assert answer.headers["x-request-id"]
            assert "server" not in answer.headers
            if answer.headers["content-type"].startswith(("text/", "application/xml")):
                assert "charset=utf-8" in answer.headers["content-type"]
            world.clock.advance(SPAN_S)

    run_world(tmp_path, test)


def test_trace_tells_nothing_and_nothing_redirects(tmp_path):
    async def test(world: WebWorld) -> None:
        for _, path in EVERYWHERE:
            answer = await world.ask("TRACE", path, X_Secret="do-not-echo")
            assert answer.status in (401, 404, 405)
            assert "do-not-echo" not in answer.text
            for odd in (path + "/", path.replace("/", "//"), path + "?x=//evil.example.com"):
                answer = await world.ask("GET", odd)
                assert not 300 <= answer.status < 400
                assert "location" not in answer.headers

    run_world(tmp_path, test)


def test_a_head_request_has_an_answer_without_a_body(tmp_path):
    async def test(world: WebWorld) -> None:
        for path in ("/healthz", "/readyz", "/metrics"):
            get, head = [await world.ask(method, path) for method in ("GET", "HEAD")]
            assert head.status == get.status == 200
            assert head.body == b""
            assert head.headers["content-type"] == get.headers["content-type"]

    run_world(tmp_path, test)


def test_a_body_that_must_be_unpacked_is_not_taken(tmp_path):
    async def test(world: WebWorld) -> None:
        encodings = ("gzip", "deflate", "br", "identity, gzip", "GZIP", "x")
        for encoding, verb in product(encodings, ("queue", "bulk_queue")):
            path = QUEUE.replace("queue", verb)
            answer = await world.ask("POST", path, "x", Content_Encoding=encoding)
            assert answer.status == 400  # 415 is no code of Fuse's

    run_world(tmp_path, test)
