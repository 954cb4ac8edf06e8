"""A server by TCP or TLS of a test's own: hears messages, says and closes what it likes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from callwright.telephony.sip.message import SipRequest, parse_message, render, response_lines
from callwright.telephony.sip.stream import StreamReader


class TcpPeer:
    """One listening port; `requests` are all that were heard, by whatever connection."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[SipRequest] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.opened: list[asyncio.StreamWriter] = []
        self.answers: dict[str, int] = {}
        """By method: what is answered at once."""
        self.raw = b""
        self._news = asyncio.Event()

    async def heard(self, method: str, count: int = 1) -> SipRequest:
        """The `count`th request of that method, once it came."""
        async with asyncio.timeout(10):
            while True:
                found = [each for each in self.requests if each.method == method]
                if len(found) >= count:
                    return found[count - 1]
                self._news.clear()
                await self._news.wait()

    async def ends_with(self, data: bytes) -> None:
        """Until that is the last that was heard."""
        async with asyncio.timeout(10):
            while not self.raw.endswith(data):
                self._news.clear()
                await self._news.wait()

    def answer(
        self, request: SipRequest, status: int, extra: tuple[str, ...] = (), body: bytes = b""
    ) -> None:
        lines = response_lines(request, status, "Phrase", "peer", ("127.0.0.1", 1))
        self.writers[-1].write(render([*lines, *extra], body))

    def hang_up(self) -> None:
        """Close the newest connection, as a server that dies does."""
        self.writers[-1].transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.opened.append(writer)
        self._news.set()
        stream = StreamReader()
        with suppress(OSError):
            while data := await reader.read(65536):
                self.raw += data
                for each in stream.feed(data):
                    message = parse_message(each)
                    if isinstance(message, SipRequest):
                        self.requests.append(message)
                        if message.method in self.answers:
                            self.answer(message, self.answers[message.method])
                self._news.set()
        writer.close()


@asynccontextmanager
async def tcp_peer(context: ssl.SSLContext | None = None) -> AsyncIterator[TcpPeer]:
    peer = TcpPeer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=context)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in peer.opened:
            writer.transport.abort()
        await asyncio.sleep(0)
