"""HTTP/1 on one connection: uvicorn's httptools protocol, with what the open network needs added.

- A request that offers `Upgrade: h2c` (curl --http2 does, on every request) keeps its
  body. The parser stops at such a head and treats what follows as another protocol, so
  the head is fed to a fresh parse without that header: RFC 9110 section 7.8 lets a server
  ignore the offer.
- Heads, bodies, answers and idleness end in time (`door` has the limits and looks at them).
- What could be read in two ways is not read at all (RFC 9112 section 11.2): the parser
  refuses lengths it cannot trust, `_check_head` the rest.
- What never becomes a whole request is answered in the dialects' shape, and a client that
  still sends when its last answer is out gets the time to read it.

Routing and everything else above one request is left to the ASGI application.
"""

import asyncio
from enum import Enum
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from callwright.web.door import Admission, Door
from callwright.web.refused_unread import REFUSED, Refused, new_request_id, refusal_bytes, target
from callwright.web.unsent import Unsent

FREE_PIECES, MEAN_PIECE = 10_000, 16
"""A body may come in so many pieces, and in more if they hold so many bytes on average: each
costs as much as hundreds of bytes."""


class _Stage(Enum):
    """What the connection waits for. Each has its own time, from `_since` on."""

    HEAD = "the rest of a request's head"
    BODY = "the rest of its body"
    ANSWER = "our own answer"
    IDLE = "the next request"
    LINGER = "the client to notice that we said our last"


class Http1Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        door: Door,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._door = door
        self._limits = door.limits
        self._stage = _Stage.HEAD
        self._since = 0.0
        self._in_head = True
        self._head_bytes = 0
        """Of the head that is being read, as they came."""
        self._fields_bytes = 0
        """The same, without what follows it in the same packet."""
        self._body_bytes = self._body_pieces = 0
        self._reusable = False
        """Whether another request may follow the one that is being read."""
        self._heard_at = 0.0
        """When the client last said something while we lingered."""
        self._offers_upgrade = False
        self._deaf = False
        """What the client sends from now on makes no difference."""
        self._unsent: Unsent
        self._outlet: _Outlet

    @property
    def idle_since(self) -> float | None:
        return self._since if self._stage is _Stage.IDLE else None

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._outlet = _Outlet(self)
        self._unsent = Unsent(transport, self._limits.stall_s)
        peer = self.client[0] if self.client else ""
        self._since = self._door.now()
        match self._door.admit(self, peer):
            case Admission.TURNED_AWAY:
                self._refuse(Refused(503, "There are too many connections; try again later."))
            case Admission.CUT:
                self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._stage is _Stage.LINGER:
            self._swallow(len(data))
            return
        if self._deaf:
            return
        if self._in_head:
            self._head_bytes += len(data)
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as exc:
                if self.parser.get_method() == b"CONNECT":
                    self._refuse(Refused(400, "CONNECT is not served here."))
                    return
                data = self._head_without_upgrade() + data[exc.args[0] :]
            except httptools.HttpParserError as exc:
                reason = exc.__context__
                if not isinstance(reason, Refused):
                    reason = Refused(400, "The request is not valid HTTP.")
                    # A method it does not know ends the parser before it sees the target.
                    self.url = getattr(self, "url", b"") or target(data)
                self._refuse(reason)
                return
            else:
                break
        if self._in_head and self._head_bytes > self._limits.head_bytes:
            self._refuse(_head_too_large())

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """A client may say that it has said everything, and still wait for its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or cycle.more_body:
            return None
        cycle.keep_alive = False
        return True

    def resume_writing(self) -> None:
        self._unsent.went()
        super().resume_writing()

    # From the parser

    def on_message_begin(self) -> None:
        self._in_head = True
        self._fields_bytes = 0
        self._stage = _Stage.HEAD
        self._since = self._door.now()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        # Trailers come after the handlers have begun to look at the headers.
        if self._in_head:
            if len(self.headers) == self._limits.head_fields:
                raise Refused(431, "The request has too many headers.")
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._offers_upgrade = self.parser.should_upgrade()
        if self._offers_upgrade:
            return
        self._check_head()
        super().on_headers_complete()
        self.cycle.transport = self._outlet  # type: ignore[assignment]
        # Until the body is whole: who is answered before has sent what nobody will read.
        self._reusable, self.cycle.keep_alive = self.cycle.keep_alive, False
        self._stage = _Stage.BODY
        self._since = self._door.now()
        self._body_bytes = self._body_pieces = 0

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        self._body_pieces += 1
        if self._body_pieces > FREE_PIECES and self._body_bytes < self._body_pieces * MEAN_PIECE:
            raise Refused(400, "The request's body comes in too small pieces.")
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._offers_upgrade:
            return
        super().on_message_complete()
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._reusable
        self._stage = _Stage.ANSWER

    # From the request's cycle

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._stage is _Stage.LINGER or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._stage is _Stage.ANSWER:
            self._become_idle()

    def close_gently(self) -> None:
        """Say nothing more; hang up when the client has said its own, within reason."""
        if self._stage in (_Stage.HEAD, _Stage.BODY) and not self.transport.is_closing():
            self._linger()
        else:
            self.transport.close()

    # From the door

    def look(self, now: float, elapsed_s: float) -> None:
        """Hang up, with an answer where one is possible, if the client takes too long."""
        if self._unsent.is_stalled(now):
            self._unsent.drop()
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            # It is us who do not read: that is no time of the client's.
            self._since += elapsed_s
            return
        limits, spent = self._limits, now - self._since
        match self._stage:
            case _Stage.HEAD if spent > limits.head_s and not self._answers():
                if self._head_bytes or self._fields_bytes:
                    self._refuse(Refused(408, "The request's head did not arrive in time."))
                else:
                    self.transport.close()
            case _Stage.BODY if spent > limits.body_s + self._body_bytes / limits.body_bytes_per_s:
                self._refuse(Refused(408, "The request's body did not arrive in time."))
            case _Stage.IDLE if spent > limits.keep_alive_s:
                self.transport.close()
            case _Stage.LINGER if (
                now - self._heard_at > limits.silence_s
                or spent > limits.linger_s + self._body_bytes / limits.body_bytes_per_s
            ):
                self._cut()

    def close_idle(self) -> None:
        self.transport.close()

    # Inside

    def _count_head(self, size: int) -> None:
        self._fields_bytes += size + 4
        if self._fields_bytes > self._limits.head_bytes:
            raise _head_too_large()

    def _check_head(self) -> None:
        """Refuse what the parser lets through and somebody else may read differently."""
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise Refused(505, "HTTP/1.1 is served here.")
        if len(self.pipeline) >= self._limits.pipelined:
            raise Refused(400, "There are too many requests at once on one connection.")
        hosts = codings = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"transfer-encoding":
                codings += 1
                if value.lower() != b"chunked":
                    raise Refused(501, "The only Transfer-Encoding taken here is chunked.")
        if hosts > 1:
            raise Refused(400, "The request has more than one Host.")
        if codings > (version == "1.1"):
            raise Refused(400, "The request's Transfer-Encoding is ambiguous.")

    def _head_without_upgrade(self) -> bytes:
        """The head just parsed, as it would read had the client not offered an upgrade."""
        version = self.parser.get_http_version().encode("ascii")
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _become_idle(self) -> None:
        self._stage = _Stage.IDLE
        self._since = self._door.now()

    def _answers(self) -> bool:
        """Whether some request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _refuse(self, refused: Refused) -> None:
        """Answer what never became a whole request, and hang up."""
        self._deaf = True
        if self.transport.is_closing():
            return
        cycle = self.cycle
        request_id = new_request_id()
        if self._stage is _Stage.BODY:
            if self.pipeline or cycle.response_started:
                self._cut()
                return
            # What came so far was given to the application: tell it that no more will.
            cycle.scope["state"][REFUSED] = refused
            request_id = cycle.scope["state"].get("request_id", request_id)
            cycle.disconnected = True
            cycle.message_event.set()
        elif self._answers():
            # The request before this one is whole and gets its answer; then we hang up.
            cycle.keep_alive = False
            return
        else:
            self._door.refused_unread(refused, request_id)
        reply = refusal_bytes(
            refused,
            path=getattr(self, "url", b"").decode("latin-1"),
            asked=self.headers or (),
            default=self.server_state.default_headers,
            request_id=request_id,
        )
        self.transport.write(reply)
        self._linger()

    def _linger(self) -> None:
        self.transport.write_eof()
        self._stage = _Stage.LINGER
        self._since = self._heard_at = self._door.now()
        self._body_bytes = 0
        # It may have been paused for a handler that will not read any more.
        self.flow.resume_reading()

    def _swallow(self, size: int) -> None:
        """Take in what the client sends after our last word, so that it gets to read it."""
        self._heard_at = self._door.now()
        self._body_bytes += size
        if self._body_bytes > self._limits.unwanted_bytes:
            self._cut()

    def _cut(self) -> None:
        self.transport.abort()


class _Outlet:
    """The transport as a request's cycle sees it: closing it waits for the client's last."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, protocol: Http1Protocol) -> None:
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing
        self.close = protocol.close_gently


def _head_too_large() -> Refused:
    return Refused(431, "The request line and headers are too large.")
