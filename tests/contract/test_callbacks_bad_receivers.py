"""Receivers of notices that are slow, endless, broken or not there hold nobody up."""

import asyncio
import socket
import struct

import pytest
from callback_receiver import (
    NOON,
    Answer,
    notice,
    receiver,
    resolves,
    run,
    says,
    sender,
)
from delivering import deliver

from callwright.domain.notice import Delivery


async def _hang(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def _dribble(start: bytes, drop: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _hang,
        _dribble(b"", b"H"),
        _dribble(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        _dribble(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        _dribble(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"."),
        _dribble(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n.\r\n"),
        _dribble(b"HTTP/1.1 200 OK\r\n\r\n", b"."),
    ],
    ids=["silent", "status", "headers", "continue", "body", "chunks", "until-closed"],
)
def test_a_slow_answer_ends_at_the_deadline(answer: Answer) -> None:
    delivery = deliver(answer, deadline_s=0.2)
    assert (delivery.status, delivery.problem) == (None, "timeout")
    assert 190 <= delivery.took_ms < 3000


def test_a_resolver_that_hangs_ends_at_the_deadline() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return ["127.0.0.1"]

    async def scenario() -> Delivery:
        async with sender(resolve=resolve, deadline_s=0.1) as one:
            return await one.send(notice("http://slow.example/"), NOON)

    assert run(scenario()).problem == "timeout"


def _endless(start: bytes, block: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(block)
            await writer.drain()

    return answer


def test_of_a_huge_answer_only_the_beginning_is_read() -> None:
    async def scenario() -> Delivery:
        answer = _endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)
        async with receiver(answer) as target, sender() as one:
            delivery = await one.send(notice(target.url()), NOON)
            await target.closed.wait()
            return delivery

    assert run(scenario()).ok


def test_endless_headers_are_no_answer() -> None:
    answer = _endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"y" * 1000 + b"\r\n")
    assert deliver(answer).problem == "bad answer"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_whole_answer_is_a_failure(text: str) -> None:
    delivery = deliver(says(text))
    assert (delivery.status, delivery.problem) == (None, "bad answer")


def test_a_reset_is_a_lost_connection() -> None:
    async def reset(writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    assert deliver(reset).problem == "connection lost"


def test_a_port_nobody_listens_on_refuses() -> None:
    async def scenario() -> Delivery:
        async with receiver() as target:
            url = target.url()
        async with sender() as one:
            return await one.send(notice(url), NOON)

    delivery = run(scenario())
    assert (delivery.status, delivery.problem) == (None, "refused")


def test_a_dead_address_leaves_the_next_one_its_chance() -> None:
    async def scenario() -> Delivery:
        async with (
            receiver(hosts=["127.0.0.2"]) as target,
            sender(resolve=resolves(["127.0.0.3", "127.0.0.2"])) as one,
        ):
            return await one.send(notice(target.url("two.example")), NOON)

    assert run(scenario()).ok


def test_a_fault_of_our_own_is_reported_and_not_raised() -> None:
    async def scenario() -> Delivery:
        async with receiver() as target, sender() as one:
            return await one.send(notice(target.url(), content_type="a\r\nX-Evil: 1"), NOON)

    assert run(scenario()).problem == "internal error"


def test_slow_receivers_do_not_hold_up_others() -> None:
    async def scenario() -> Delivery:
        async with receiver(_hang) as slow, receiver() as quick, sender() as one:
            waiting = [asyncio.create_task(one.send(notice(slow.url()), NOON)) for _ in range(20)]
            delivery = await one.send(notice(quick.url()), NOON)
            for task in waiting:
                assert not task.done()
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return delivery

    assert run(scenario()).ok
