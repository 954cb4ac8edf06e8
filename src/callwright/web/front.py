"""The outermost layer of the API: names each request, logs and counts it, and lets no error
out bare.

Exactly one line of the log tells of each request, with the status it was answered with, or
499 if the client had gone. What the line may say is in `request_log`.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callwright.web.refused_unread import GUARDS, REFUSED, new_request_id
from callwright.web.request_body import ClientGone
from callwright.web.request_log import shown_path, shown_query
from callwright.web.shapes import reply_at
from callwright.web.sources import Proxies

log = structlog.get_logger()

CLIENT_GONE = 499
"""nginx's word for it; no client ever sees it."""

UNKNOWN_ROUTE = "(none)"

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestMeter(Protocol):
    """Whoever counts requests."""

    def request_done(self, route: str, method: str, status: int, seconds: float) -> None:
        """`route` is the path with the names of its parameters."""
        ...


class _NoMeter:
    def request_done(self, route: str, method: str, status: int, seconds: float) -> None:
        pass


@dataclass(slots=True)
class _Answer:
    """How far the answer to one request has come."""

    status: int = 0


class Front:
    """An ASGI application around another."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        proxies: Proxies | None = None,
        meter: RequestMeter | None = None,
    ) -> None:
        self._app = app
        self._proxies = proxies or Proxies(())
        self._meter = meter or _NoMeter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        answer = _Answer()

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id)]
                has = {name.lower() for name, _ in headers}
                message["headers"] = headers + [guard for guard in GUARDS if guard[0] not in has]
            await send(message)

        # Not taken back: each request runs in a task, and so in a context, of its own.
        structlog.contextvars.bind_contextvars(request_id=request_id.decode("ascii"))
        try:
            await self._app(scope, receive, send_dressed)
        except (ClientGone, ClientDisconnect):
            # Too slow, and told so by the connection itself; or gone on its own.
            refused = state.get(REFUSED)
            answer.status = refused.status if refused else answer.status or CLIENT_GONE
        except (Exception, asyncio.CancelledError) as exc:
            # Cancelled: the server stops and this request outlived the grace it had.
            if isinstance(exc, asyncio.CancelledError):
                log.warning("request cut off by shutdown")
            else:
                log.exception("request failed")
            if not answer.status:
                reply = reply_at(scope, 500, "database error")
                await reply(scope, receive, send_dressed)
            if isinstance(exc, asyncio.CancelledError):
                raise
        finally:
            self._tell(scope, answer.status, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        self._meter.request_done(route_of(scope), scope["method"], status, seconds)
        facts = {
            "method": scope["method"],
            "path": shown_path(scope, found=status < 400),
            "status": status,
            "ms": round(seconds * 1000, 1),
            "source": self._proxies.text_of(scope),
        }
        if scope.get("query_string"):
            facts["query"] = shown_query(scope)
        if scope["path"] in _QUIET_PATHS:
            log.debug("request", **facts)
        else:
            log.info("request", **facts)


def route_of(scope: Scope) -> str:
    """The path of the route that took a request, with the names of its parameters."""
    route = scope.get("route")
    path: str = getattr(route, "path", UNKNOWN_ROUTE)
    root: str = scope.get("root_path", "")
    return root + path if path != UNKNOWN_ROUTE else path


def _request_id(scope: Scope) -> bytes:
    """The client's own X-Request-Id if it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.match(value):
            return bytes(value)
    return new_request_id()
