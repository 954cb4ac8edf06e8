"""HTTP/1 on one connection: uvicorn's httptools protocol, with what real clients need added.

- A request that offers `Upgrade: h2c` (curl --http2 does, on every request) keeps its
  body. The parser stops at such a head and treats what follows as another protocol, so
  the head is fed to a fresh parse without that header: RFC 9110 section 7.8 lets a server
  ignore the offer.
- A head may not grow without end, nor trickle in for ever.
- A request that cannot be parsed is answered in the dialects' shape, like every other error.

Routing and everything else above one request is left to the ASGI application.
"""

import asyncio

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from callwright.web.shapes import error_body

log = structlog.get_logger()

HEAD_BYTES = 64 * 1024
"""Largest request line and headers together."""

HEAD_SECONDS = 30.0
"""Longest time from the first byte of a head, or from connecting, to its end."""

LINGER_SECONDS = 1.0
"""How long a refused client may go on sending. Hanging up on unread bytes resets the
connection, and the client would lose the answer."""


class Http1Protocol(HttpToolsProtocol):
    """One connection."""

    _head_bytes = 0
    _in_head = True
    _offers_upgrade = False
    _refused = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head_bytes += len(data)
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as exc:
                if self.parser.get_method() == b"CONNECT":
                    self._refuse(400, "CONNECT is not served here.")
                    return
                data = self._head_without_upgrade() + data[exc.args[0] :]
            except httptools.HttpParserError:
                self._refuse(400, "The request is not valid HTTP.")
                return
            else:
                break
        if not self._in_head:
            return
        if self._head_bytes > HEAD_BYTES:
            self._refuse(431, "The request line and headers are too large.")
        elif self._head_bytes:
            self._watch_head()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client may say that it has said everything, and still wait for its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        if self._refused or cycle is None or cycle.response_complete or cycle.more_body:
            return None
        cycle.keep_alive = False
        return True

    # Parser callbacks

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._unwatch_head()
        self._offers_upgrade = self.parser.should_upgrade()
        if not self._offers_upgrade:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._offers_upgrade:
            super().on_message_complete()

    # Inside

    def _head_without_upgrade(self) -> bytes:
        """The head just parsed, as it would read had the client not offered an upgrade."""
        version = self.parser.get_http_version().encode("ascii")
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _watch_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _unwatch_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, problem: str) -> None:
        """Answer what never became a request, and hang up."""
        log.info("request refused unread", status=status, problem=problem)
        self._refused = True
        self._unwatch_head()
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # What came so far was given to the application: tell it that no more will.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
                return
        body, content_type = error_body(_path_of(getattr(self, "url", b"")), problem)
        headers: list[tuple[bytes, bytes]] = [
            *self.server_state.default_headers,
            (b"content-type", content_type.encode("ascii")),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        head = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + body)
        self.transport.write_eof()
        self._head_timer = self.loop.call_later(LINGER_SECONDS, self._hang_up)


def _path_of(target: bytes) -> str:
    return target.decode("latin-1")
