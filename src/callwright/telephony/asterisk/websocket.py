"""A websocket to an Asterisk that is written to without waiting: for audio every 20 ms.

The protocol is the `websockets` library's; here are its bytes' ways to a socket, and the
pings that notice a peer who has gone without a word.

Source: RFC 6455.
"""

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from callwright.errors import Unavailable

OPEN_WITHIN_S = 5.0
PING_EVERY_S = 5.0
SILENT_FOR_S = 15.0
_MOST_UNSENT = 64 * 1024
"""Bytes that wait for a peer who does not read: eight seconds of audio."""


class WebSocketRefused(Unavailable):
    """The server answered, and not with a websocket. `status` is its HTTP code."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class WebSocket(asyncio.Protocol):
    """One connection. `on_text` and `on_bytes` get messages, `on_closed` a reason, once."""

    def __init__(self, url: str, headers: dict[str, str], subprotocol: str = "") -> None:
        self.on_text: Callable[[str], None] | None = None
        self.on_bytes: Callable[[bytes], None] | None = None
        self.on_closed: Callable[[str], None] | None = None
        offered = [Subprotocol(subprotocol)] if subprotocol else None
        self._protocol = ClientProtocol(parse_uri(url), subprotocols=offered)
        self._headers = headers
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pinging: asyncio.TimerHandle | None = None
        self._heard_at = 0.0
        self._parts: list[bytes] = []
        self._is_text = False

    @classmethod
    async def connect(
        cls, url: str, headers: dict[str, str], *, subprotocol: str = "", pings: bool = False
    ) -> "WebSocket":
        """An open websocket; nothing is heard before the caller has said to whom.

        Raises:
            WebSocketRefused: the server answered something else.
            Unavailable: nobody there, or no answer within 5 s.
        """
        websocket = cls(url, headers, subprotocol)
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        secure = parts.scheme == "wss"
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await loop.create_connection(
                    lambda: websocket,
                    parts.hostname or "",
                    parts.port or (443 if secure else 80),
                    ssl=True if secure else None,
                )
                await websocket._opened
        except TimeoutError as exc:
            websocket.close()
            raise Unavailable(f"no answer within {OPEN_WITHIN_S:g} s") from exc
        except OSError as exc:
            websocket.close()
            raise Unavailable(exc.strerror or str(exc)) from exc
        except BaseException:
            websocket.close()
            raise
        if pings:
            websocket._ping()
        return websocket

    def send_text(self, text: str) -> None:
        """Send `text` as soon as the socket takes it; nothing, if it is closed."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text.encode())
            self._flush()

    def send_bytes(self, data: bytes) -> bool:
        """Whether `data` was sent: a peer who does not read misses it."""
        transport = self._transport
        if transport is None or self._protocol.state is not State.OPEN:
            return False
        if transport.get_write_buffer_size() > _MOST_UNSENT:
            return False
        self._protocol.send_binary(data)
        self._flush()
        return True

    def close(self) -> None:
        """Say goodbye and go, without waiting for an answer; `on_closed` is not called."""
        self.on_text = self.on_bytes = self.on_closed = None
        if self._pinging is not None:
            self._pinging.cancel()
        if self._transport is not None and not self._transport.is_closing():
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                self._flush()
            self._transport.close()

    # The socket's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the websocket."""
        self._transport = cast(asyncio.Transport, transport)
        request = self._protocol.connect()
        request.headers.update(self._headers)
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        self._heard_at = asyncio.get_running_loop().time()
        self._protocol.receive_data(data)
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._on_answer(event)
            elif isinstance(event, Frame):
                self._on_frame(event)
        if self._protocol.close_expected() and self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._protocol.receive_eof()
        if self._pinging is not None:
            self._pinging.cancel()
        if not self._opened.done():
            self._opened.set_exception(Unavailable("it hung up"))
            self._opened.exception()  # seen, even when nobody waits any more
        self._tell_closed(str(exc) if exc is not None else "it hung up")

    def _tell_closed(self, reason: str) -> None:
        closed, self.on_closed = self.on_closed, None
        if closed is not None:
            closed(reason)

    def _on_answer(self, answer: Response) -> None:
        if self._opened.done():
            return
        problem = self._protocol.handshake_exc
        if problem is None:
            self._opened.set_result(None)
        elif answer.status_code != 101:
            self._opened.set_exception(WebSocketRefused(answer.status_code))
        else:
            self._opened.set_exception(Unavailable(str(problem)))

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text = frame.opcode is Opcode.TEXT
            self._parts = []
        elif frame.opcode is not Opcode.CONT:
            return
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        message, self._parts = b"".join(self._parts), []
        if self._is_text and self.on_text is not None:
            self.on_text(message.decode("utf-8", "replace"))
        elif not self._is_text and self.on_bytes is not None:
            self.on_bytes(message)

    def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        if self._heard_at and loop.time() - self._heard_at > SILENT_FOR_S:
            self._tell_closed(f"silent for {SILENT_FOR_S:g} s")
            self.close()
            return
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            self._flush()
            self._pinging = loop.call_later(PING_EVERY_S, self._ping)

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            for data in self._protocol.data_to_send():
                if data:
                    transport.write(data)
                elif transport.can_write_eof():
                    transport.write_eof()
        except WebSocketException:  # pragma: no cover - the library closes by itself
            transport.close()
