"""One connection with an HTTP client: requests one after the other, or a websocket."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked; `parts` are those of the path, decoded one by one."""

    method: str
    parts: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What is said to that; 101 = let there be a websocket."""

    status: int
    value: object = None


NO_ANSWER = Answer(0)
"""The connection breaks instead."""

Serve = Callable[[Request, "Connection"], Answer]


class Connection(asyncio.Protocol):
    """`serve` answers each request; with 101 it sets the websocket's two callbacks."""

    def __init__(self, serve: Serve) -> None:
        self.on_message: Callable[[str | bytes], None] | None = None
        self.on_closed: Callable[[], None] | None = None
        self._serve = serve
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._websocket: ServerProtocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        closed, self.on_closed = self.on_closed, None
        if closed is not None:
            closed()

    def data_received(self, data: bytes) -> None:
        if self._websocket is not None:
            self._websocket.receive_data(data)
            self._read_websocket()
            return
        self._data += data
        while b"\r\n\r\n" in self._data and self._websocket is None:
            head, _, rest = self._data.partition(b"\r\n\r\n")
            length = _headers(head).get("content-length", "0")
            if len(rest) < int(length):
                return
            whole = len(head) + 4 + int(length)
            taken, self._data = self._data[:whole], self._data[whole:]
            self._answer(_request(head, rest[: int(length)]), taken)

    def send(self, message: str | bytes) -> None:
        """Send one message; nothing, once the websocket is closed."""
        websocket = self._websocket
        if websocket is None or websocket.state is not State.OPEN:
            return
        if isinstance(message, str):
            websocket.send_text(message.encode())
        else:
            websocket.send_binary(message)
        self._flush()

    def close(self) -> None:
        """Close the websocket."""
        if self._websocket is not None and self._websocket.state is State.OPEN:
            self._websocket.send_close(1000)
            self._flush()
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Break the connection off, as a lost network does."""
        if self._transport is not None:
            self._transport.abort()

    def _answer(self, request: Request, raw: bytes) -> None:
        answer = self._serve(request, self)
        assert self._transport is not None
        if answer is NO_ANSWER:
            self.cut()
            return
        if answer.status == 101:
            self._open(request, raw)
            return
        body = b"" if answer.value is None else json.dumps(answer.value).encode()
        status = HTTPStatus(answer.status)
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)

    def _open(self, request: Request, raw: bytes) -> None:
        offered = request.headers.get("sec-websocket-protocol")
        self._websocket = ServerProtocol(subprotocols=[Subprotocol(offered)] if offered else None)
        self._websocket.receive_data(raw)
        self._read_websocket()

    def _read_websocket(self) -> None:
        websocket = self._websocket
        assert websocket is not None
        for event in websocket.events_received():
            if isinstance(event, Handshake):
                websocket.send_response(websocket.accept(event))
            elif isinstance(event, Frame) and self.on_message is not None:
                if event.opcode is Opcode.TEXT:
                    self.on_message(bytes(event.data).decode())
                elif event.opcode is Opcode.BINARY:
                    self.on_message(bytes(event.data))
        self._flush()
        if websocket.close_expected() and self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        assert self._websocket is not None
        assert self._transport is not None
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _request(head: bytes, body: bytes) -> Request:
    method, target, _ = head.decode("latin-1").split("\r\n", 1)[0].split(" ")
    url = urlsplit(target)
    return Request(
        method=method,
        parts=tuple(unquote(part) for part in url.path.strip("/").split("/")),
        query={name: values[-1] for name, values in parse_qs(url.query).items()},
        headers=_headers(head),
        body=json.loads(body) if body else {},
    )
