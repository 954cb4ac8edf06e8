"""The outermost layer of the API: names each request, logs it, and lets no error out bare.

Bodies, credentials and query strings are never logged; long runs of digits in a path are
starred out, because people do put phone numbers there.
"""

import asyncio
import random
import re
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callwright.dialects.negotiate import wants_xml
from callwright.web.request_body import ClientGone, discard_body
from callwright.web.shapes import error_reply, product_of_path

log = structlog.get_logger()

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
_LONG_NUMBER = re.compile(r"[0-9]{7,}")
_QUIET_PATHS = frozenset({"/healthz", "/readyz"})


class Front:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        status = 0
        all_read = False

        async def receive_noting() -> Message:
            nonlocal all_read
            message = await receive()
            all_read = not message.get("more_body", False)
            return message

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                if not all_read and _closes(scope):
                    await discard_body(receive)
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        # Not taken back: each request runs in a task, and so in a context, of its own.
        structlog.contextvars.bind_contextvars(request_id=request_id.decode("ascii"))
        try:
            await self._app(scope, receive_noting, send_named)
        except ClientGone:
            log.info("client hung up", path=_masked(scope["path"]))
            return
        except (Exception, asyncio.CancelledError) as exc:
            # Cancelled: the server stops and this request outlived the grace it had.
            if isinstance(exc, asyncio.CancelledError):
                log.warning("request cut off by shutdown")
            else:
                log.exception("request failed")
            if not status:
                reply = _last_resort(scope)
                await reply(scope, receive, send_named)
            if isinstance(exc, asyncio.CancelledError):
                raise
        finally:
            if status and scope["path"] not in _QUIET_PATHS:
                log.info(
                    "request",
                    method=scope["method"],
                    path=_masked(scope["path"]),
                    status=status,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                )


def _request_id(scope: Scope) -> bytes:
    """The client's own X-Request-Id if it is harmless, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.match(value):
            return bytes(value)
    # Names a request in the log and guards nothing, so that it need not be hard to guess.
    return b"%016x" % random.getrandbits(64)


def _closes(scope: Scope) -> bool:
    """Whether the connection ends with the reply, and the client sends without being asked."""
    headers = dict(scope["headers"])
    if b"expect" in headers:
        return False
    return scope["http_version"] == "1.0" or b"close" in headers.get(b"connection", b"").lower()


def _masked(path: str) -> str:
    return _LONG_NUMBER.sub(lambda match: "*" * len(match[0]), path)


def _last_resort(scope: Scope) -> ASGIApp:
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    return error_reply(
        product_of_path(scope["path"]),
        500,
        "database error",
        xml=wants_xml(accept.decode("latin-1")),
    )
