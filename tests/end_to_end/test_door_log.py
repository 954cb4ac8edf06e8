"""The log of a whole server: one line of JSON a request, whatever the request says."""

import asyncio
import json
from pathlib import Path

from callwright.testing.peers.server import server_folder

HOSTILE = [
    b"/%0a{%22event%22:%22forged%22}", b"/%0d%0aforged", b"/%e2%80%a8forged", b"/%c2%85forged",
    b"/%1b[2J%1b]0;title%07", b"/%00", b"/%ff%fe", b"/%ed%a0%80", b"/%e2%80%aeabc", b"/%7f",
    b"/api/outbound/%36175551234", b"/api/outbound/+1(617)555-1234", b"/%s%n{0}{event}",
    b"/x?number=6175551234", b"/x?a=%0aforged&b=%e2%80%a9forged", b"/x?key=sesame&token=sesame",
    b"/x?developer_key=sesame%0a", b"/" + b"a" * 5000, b"/x?" + b"%0a" * 1000,
]  # fmt: skip
HEADERS = [
    b"X-Request-Id: a b", b"X-Request-Id: %0aforged", b"X-Request-Id: " + b"a" * 65,
    b'X-Request-Id: a"b', b"Authorization: Basic eWFzZXNhbWU6c2VzYW1l", b"User-Agent: sesame",
    b"X-Forwarded-For: 6.6.6.6%0aforged", b"Referer: http://sesame/",
]  # fmt: skip
NO_REQUEST = [b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET /\x01 HTTP/1.1\r\n\r\n"]


async def ask(port: int, *requests: bytes) -> None:
    """Send requests, each on a connection of its own, and hear the answers out."""
    for request in requests:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        async with asyncio.timeout(5):
            assert await reader.read(), request
        writer.close()


def test_each_request_is_one_line_of_json_without_numbers_or_secrets(tmp_path: Path):
    end = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    requests = [b"GET " + path + end + b"\r\n" for path in HOSTILE]
    requests += [b"GET /healthy" + end + header + b"\r\n\r\n" for header in HEADERS]
    body = b"phone_number=6175551234&password=sesame"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    requests.append(b"POST /api/apps/1/1/queue" + end + length + body)

    with server_folder(tmp_path, {"log": {"format": "json"}, "limits": {"csv_rows": 5}}) as server:
        server.start()
        before = len(server.log().splitlines())
        asyncio.run(ask(int(server.url.rpartition(":")[2]), *requests, *NO_REQUEST))
        server.stop()
        log = server.log()

    lines = [json.loads(line) for line in log.splitlines()[before:]]
    assert len([line for line in lines if line["event"] == "request"]) == len(requests)
    unread = [line for line in lines if line["event"] == "request refused unread"]
    assert len(unread) == len(NO_REQUEST)
    assert log.isascii()
    assert log.replace("\n", "").isprintable()
    for secret in ("6175551234", "617)555-1234", "sesame", server.key):
        assert secret not in log
    assert not any(line["event"] == "forged" for line in lines)
    ids = [line["request_id"] for line in lines if line["event"].startswith("request")]
    assert len(set(ids)) == len(ids)
