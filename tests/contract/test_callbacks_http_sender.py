"""What a receiver of notices sees, and what its answers come to."""

import asyncio
import base64
from datetime import timedelta

import pytest
import standardwebhooks
from callback_receiver import (
    BODY,
    NOON,
    Answer,
    notice,
    receiver,
    run,
    says,
    sender,
    status,
)
from delivering import deliver
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright import __version__
from callwright.callbacks.http_sender import read_retry_after
from callwright.callbacks.signature import signing_keys
from callwright.clock import SystemClock
from callwright.domain.notice import Delivery
from callwright.errors import ConfigInvalid

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDMfKQ9r8GKYo="


def test_the_request_is_exactly_this() -> None:
    async def scenario() -> tuple[bytes, int]:
        async with receiver() as target, sender() as one:
            assert (await one.send(notice(target.url(path="/cb?x=1&y=%20")), NOON)).ok
            return target.requests[0], target.port

    request, port = run(scenario())
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "POST /cb?x=1&y=%20 HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"User-Agent: Callwright/{__version__}",
        "Accept: */*",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(BODY)}",
        "X-Call-Id: 12345",
        "webhook-id: msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        f"webhook-timestamp: {int(NOON.timestamp())}",
    ]
    assert body == BODY


def test_every_byte_of_the_body_arrives() -> None:
    body = bytes(range(256)) * 1000

    async def scenario() -> bytes:
        async with receiver() as target, sender(secret=SECRET) as one:
            sent = notice(target.url(), body=body, content_type="application/octet-stream")
            assert (await one.send(sent, NOON)).ok
            return target.requests[0]

    assert run(scenario()).partition(b"\r\n\r\n")[2] == body


def test_a_signature_satisfies_the_standard_s_own_verifier() -> None:
    async def scenario() -> dict[str, str]:
        async with receiver() as target, sender(secret=f"{SECRET} {OTHER_SECRET}") as one:
            await one.send(notice(target.url()), SystemClock().now())
            return target.head()

    headers = run(scenario())
    for secret in (SECRET, OTHER_SECRET):
        webhook = standardwebhooks.Webhook(secret)
        assert webhook.verify(BODY, headers) == {"status": "completed", "name": "Zoë"}
        with pytest.raises(standardwebhooks.webhooks.WebhookVerificationError):
            webhook.verify(BODY + b" ", headers)


def test_without_a_secret_nothing_is_signed() -> None:
    async def scenario() -> dict[str, str]:
        async with receiver() as target, sender() as one:
            await one.send(notice(target.url()), NOON)
            return target.head()

    assert "webhook-signature" not in run(scenario())


@pytest.mark.parametrize(
    "secret",
    ["secret", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", f"{SECRET} x", "whsec_" + "A" * 92],
)
def test_a_malformed_secret_is_a_clear_error(secret: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"callbacks\.secret"):
        signing_keys(secret)


def test_credentials_in_the_url_become_basic_authentication() -> None:
    async def scenario() -> dict[str, str]:
        async with receiver() as target, sender() as one:
            await one.send(notice(target.url(host="al%40x:pa%3Ass@127.0.0.1")), NOON)
            return target.head()

    headers = run(scenario())
    assert headers["authorization"] == "Basic YWxAeDpwYTpzcw=="
    assert "al" not in headers["host"]


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(code: int) -> None:
    answer = says("HTTP/1.1 204 No\r\n\r\n") if code == 204 else status(code)
    delivery = deliver(answer)
    assert (delivery.ok, delivery.status, delivery.problem) == (True, code, "")


@pytest.mark.parametrize("code", [300, 301, 302, 303, 307, 308, 400, 404, 410, 429, 500, 503, 999])
def test_any_other_status_is_a_failure_that_says_which(code: int) -> None:
    delivery = deliver(status(code))
    assert (delivery.ok, delivery.status, delivery.problem) == (False, code, f"http {code}")


def test_nothing_the_receiver_says_is_repeated() -> None:
    delivery = deliver(says("HTTP/1.1 500 root:x:0:0\r\nX: y\r\nContent-Length: 6\r\n\r\nsecret"))
    assert delivery.problem == "http 500"


def test_retry_after_is_passed_on_for_a_failure() -> None:
    assert deliver(status(503, "Retry-After: 120")).retry_after == timedelta(minutes=2)
    assert deliver(status(200, "Retry-After: 120")).retry_after is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("86400", 86400),
        ("86401", 86400),
        ("9" * 20, 86400),
        ("Wed, 01 May 2024 12:02:00 GMT", 120),
        ("Wednesday, 01-May-24 12:02:00 GMT", 120),
        ("Wed May  1 12:02:00 2024", 120),
        ("Wed, 01 May 2024 14:02:00 +0200", 120),
        ("Fri, 01 May 2099 12:02:00 GMT", 86400),
        ("Wed, 01 May 2024 11:00:00 GMT", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("9" * 5000, None),
        ("Wed, 99 May 2024 12:00:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert read_retry_after(text, NOON) == expected


@REPEATABLE
@given(text=st.text(max_size=60))
def test_any_retry_after_is_a_wait_of_at_most_a_day_or_nothing(text: str) -> None:
    wait = read_retry_after(text, NOON)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)


def test_a_try_tells_where_it_went_and_what_went_over_the_line() -> None:
    delivery, request = exchanged(status(500, "X-Word: \xe4"))
    assert delivery.address == "127.0.0.1"
    assert delivery.request_head == request.removesuffix(BODY)
    assert delivery.request_head.startswith(b"POST /result HTTP/1.1\r\n")
    assert delivery.request_head.endswith(b"\r\n\r\n")
    assert delivery.answer.startswith(b"HTTP/1.1 500 Word\r\nX-Word: \xe4\r\n")
    assert delivery.answer.endswith(b"\r\n\r\nok")
    assert delivery.answer_size == len(delivery.answer)


def test_only_the_beginning_of_an_answer_is_kept_but_all_of_it_is_counted() -> None:
    text = "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + "x" * 9000
    for keep, kept in ((100, 100), (0, 0), (65536, len(text))):
        delivery, _ = exchanged(says(text), keep_answers=keep)
        assert delivery.ok
        assert delivery.answer == text.encode()[:kept]
        assert delivery.answer_size == len(text)


def test_an_answer_that_never_ended_is_kept_as_far_as_it_came() -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await writer.drain()
        await asyncio.sleep(60)

    delivery, _ = exchanged(dribble, deadline_s=0.5)
    assert (delivery.problem, delivery.answer) == ("timeout", b"HTTP/1.1 200 OK\r\n")


def test_credentials_are_not_kept() -> None:
    async def scenario() -> Delivery:
        async with receiver() as target, sender() as one:
            return await one.send(notice(target.url(host="al%40x:pa%3Ass@127.0.0.1")), NOON)

    head = run(scenario()).request_head
    assert b"\r\nAuthorization: ***\r\n" in head
    assert base64.b64encode(b"al@x:pa:ss") not in head


def test_a_connection_that_fails_tells_the_address_it_was_for() -> None:
    async def scenario() -> Delivery:
        async with sender() as one:
            return await one.send(notice("http://127.0.0.1:1/"), NOON)

    delivery = run(scenario())
    assert (delivery.problem, delivery.address) == ("refused", "127.0.0.1")
    assert (delivery.request_head, delivery.answer, delivery.answer_size) == (b"", b"", 0)


def test_what_is_blocked_has_no_address() -> None:
    async def scenario() -> Delivery:
        async with sender(allow=[]) as one:
            return await one.send(notice("http://127.0.0.1:1/"), NOON)

    delivery = run(scenario())
    assert (delivery.problem, delivery.address) == ("blocked address", "")


def exchanged(answer: Answer, **settings: object) -> tuple[Delivery, bytes]:
    """What one try comes to, and the request as it arrived."""

    async def scenario() -> tuple[Delivery, bytes]:
        async with receiver(answer) as target, sender(**settings) as one:
            delivery = await one.send(notice(target.url()), NOON)
            return delivery, target.requests[0]

    return run(scenario())
