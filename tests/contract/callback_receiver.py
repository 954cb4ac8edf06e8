"""Real servers on loopback that notices are sent to, each with the answer a test gives it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from callwright.callbacks import HttpSender
from callwright.clock import SystemClock
from callwright.domain.ids import CallId, NoticeId
from callwright.domain.notice import host_of
from callwright.ports.store import OwedNotice

T = TypeVar("T")
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
BODY = '{"status":"completed","name":"Zoë"}'.encode()


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """What the scenario returns; it fails rather than hang."""
    return asyncio.run(asyncio.wait_for(scenario, 10))


def notice(url: str, *, body: bytes = BODY, content_type: str = "application/json") -> OwedNotice:
    return OwedNotice(
        id=NoticeId(1),
        call_id=CallId(12345),
        url=url,
        host=host_of(url),
        webhook_id="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        content_type=content_type,
        body=body,
        tries=0,
    )


def says(text: str) -> Answer:
    """An answer that is sent whole, after which the server closes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(text.encode("latin-1"))
        await writer.drain()

    return answer


def status(code: int, *headers: str) -> Answer:
    lines = [f"HTTP/1.1 {code} Word", *headers, "Content-Length: 2", "", "ok"]
    return says("\r\n".join(lines))


class Receiver:
    """A server that counts its connections and keeps what each one sent."""

    def __init__(self, answer: Answer) -> None:
        self.called: list[str] = []
        """The address of ours that each connection came in on."""
        self.requests: list[bytes] = []
        self.closed = asyncio.Event()
        """The other side closed a connection while we were still answering."""
        self.port = 0
        self._answer = answer

    @property
    def connections(self) -> int:
        return len(self.called)

    def url(self, host: str = "127.0.0.1", path: str = "/result") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.called.append(writer.get_extra_info("sockname")[0])
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            self.requests.append(head + await reader.readexactly(length))
            await self._answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.closed.set()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    def head(self, index: int = -1) -> dict[str, str]:
        """The header fields of a request, names in lower case."""
        lines = self.requests[index].partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        fields = (line.split(": ", 1) for line in lines[1:])
        return {name.lower(): value for name, value in fields}


@contextlib.asynccontextmanager
async def receiver(
    answer: Answer | None = None,
    *,
    hosts: Sequence[str] = ("127.0.0.1",),
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Receiver]:
    """A server on one port of these addresses, which says 200 unless told otherwise."""
    one = Receiver(answer or status(200))
    sockets = _listening(hosts)
    one.port = sockets[0].getsockname()[1]
    servers = [await asyncio.start_server(one.serve, sock=sock, ssl=tls) for sock in sockets]
    try:
        yield one
    finally:
        for server in servers:
            server.close()
            await server.wait_closed()


def _listening(hosts: Sequence[str]) -> list[socket.socket]:
    """A bound socket for each host, all with one port that was free on each of them."""
    while True:
        sockets = [socket.create_server((hosts[0], 0))]
        port = sockets[0].getsockname()[1]
        try:
            sockets += [socket.create_server((host, port)) for host in hosts[1:]]
        except OSError:
            sockets[0].close()
        else:
            return sockets


def resolves(*answers: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that gives these answers in turn, and the last one for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@contextlib.asynccontextmanager
async def sender(**settings: Any) -> AsyncIterator[HttpSender]:
    """A sender that may call loopback unless told otherwise."""
    settings.setdefault("allow", ["127.0.0.0/8"])
    one = HttpSender(clock=SystemClock(), **settings)
    try:
        yield one
    finally:
        await one.close()
