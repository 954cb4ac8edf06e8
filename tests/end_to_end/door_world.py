"""A server with nothing behind its door, on a clock that tests turn by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from callwright.config import HostPort
from callwright.testing.manual_clock import ManualClock
from callwright.web.door import LOOK_EVERY_S, Door, DoorLimits
from callwright.web.front import Front
from callwright.web.protocol import Http1Protocol
from callwright.web.server import HttpServer
from callwright.web.sources import Proxies

HEAD = b"POST /api/apps/1/2/queue HTTP/1.1\r\nHost: calls.example.com\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path and the body it got; hears when the client is gone."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            scope["state"]["seen"].append("gone")
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    said = scope["path"].encode() + b" " + body
    length = (b"content-length", b"%d" % len(said))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": said})


@dataclass
class Client:
    """One connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self, until: bytes = b"") -> bytes:
        """All that the server says until it closes, or has said `until`; "" = reset."""
        said = b""
        try:
            async with asyncio.timeout(5):
                while not until or until not in said:
                    data = await self.reader.read(65536)
                    if not data:
                        break
                    said += data
        except ConnectionResetError:
            pass
        return said

    async def is_open(self) -> bool:
        """Whether the server has neither closed nor said anything."""
        await asyncio.sleep(0)
        return not self.reader.at_eof() and not self.writer.is_closing()


@dataclass
class DoorWorld:
    clock: ManualClock
    door: Door
    port: int = 0
    seen: list[str] = field(default_factory=list)
    """What the application heard."""
    refused: list[int] = field(default_factory=list)
    """Statuses of what was refused unread."""
    clients: list[Client] = field(default_factory=list)

    async def connect(self, *pieces: bytes, source: str = "127.0.0.1") -> Client:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(source, 0), limit=1 << 20
        )
        client = Client(reader, writer)
        self.clients.append(client)
        for piece in pieces:
            client.say(piece)
            await writer.drain()
        return client

    async def held(self, count: int) -> None:
        """Until the server holds so many connections."""
        await self.until(lambda: len(self.door) == count)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until something has come about that nobody tells us of."""
        async with asyncio.timeout(5):
            while True:
                if holds():
                    return
                await asyncio.sleep(0.001)

    def connection(self) -> Http1Protocol:
        """The server's end of the only connection."""
        (held,) = self.door._held
        assert isinstance(held, Http1Protocol)
        return held

    async def pass_time(self, seconds: float) -> None:
        """Let the server's time pass in its own small steps."""
        steps = max(1, round(seconds / LOOK_EVERY_S))
        for _ in range(steps):
            self.clock.advance(seconds / steps)
            for _ in range(3):
                await asyncio.sleep(0)


@asynccontextmanager
async def door_world(limits: DoorLimits, app: ASGIApp = echo, proxies: tuple[str, ...] = ()):
    clock = ManualClock()
    refused: list[int] = []
    door = Door(limits, Proxies(proxies), clock, on_refused=refused.append)
    world = DoorWorld(clock, door, refused=refused)

    async def seen(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["seen"] = world.seen
        await app(scope, receive, send)

    server = HttpServer(Front(seen), HostPort("127.0.0.1", 0), door)
    world.port = (await server.start()).port
    try:
        yield world
    finally:
        for client in world.clients:
            client.writer.close()
        await server.stop(1.0)


def run_door(
    test: Callable[[DoorWorld], Awaitable[None]],
    limits: DoorLimits | None = None,
    app: ASGIApp = echo,
    proxies: tuple[str, ...] = (),
) -> None:
    async def run() -> None:
        async with door_world(limits or DoorLimits(), app, proxies) as world:
            await test(world)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
