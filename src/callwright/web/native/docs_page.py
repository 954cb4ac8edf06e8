"""`/openapi.json` and the page at `/docs` that shows it and sends real requests.

Everything the page needs comes from here: it works on a machine that reaches nothing else,
and its Content-Security-Policy allows nothing else. The page is Scalar's, vendored as it
is published (vendored/README.md).
"""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callwright.web.native.problems import not_allowed, not_found

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Styles are inline because the page writes them itself, one element at a time; scripts are not."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Callwright API</title>
<link rel="icon" href="data:,">
</head>
<body>
<div id="api"></div>
<noscript>This page needs JavaScript. See <a href="/openapi.json">openapi.json</a>.</noscript>
<script src="/docs/scalar.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

_DOCUMENT = "/openapi.json"

_START = b"""Scalar.createApiReference("#api", {
  url: "/openapi.json",
  withDefaultFonts: false,
  hideClientButton: true,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  persistAuth: false,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
});
"""


class DocsPage:
    """An ASGI application that serves a handful of fixed things."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        """`document` is asked for once somebody wants it: to make it takes a while."""
        self._document = document
        script = files("callwright.web.native").joinpath("vendored", "scalar.js.gz").read_bytes()
        page = _Fixed(_PAGE, "text/html; charset=utf-8")
        self._things = {
            "/docs": page,
            "/docs/": page,
            "/docs/start.js": _Fixed(_START, "text/javascript; charset=utf-8"),
            "/docs/scalar.js": _Fixed(script, "text/javascript; charset=utf-8", "gzip"),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if scope["path"] == _DOCUMENT and _DOCUMENT not in self._things:
            self._things[_DOCUMENT] = await asyncio.to_thread(self._written)
        thing = self._things.get(scope["path"])
        if thing is None:
            reply = not_found()
        elif scope["method"] not in ("GET", "HEAD"):
            reply = not_allowed(scope["method"], "GET, HEAD")
        else:
            reply = thing.reply(request)
        await reply(scope, receive, send)

    def _written(self) -> "_Fixed":
        body = json.dumps(self._document(), ensure_ascii=False, separators=(",", ":"))
        return _Fixed(body.encode(), "application/json")


class _Fixed:
    """Bytes that never change while the server runs."""

    def __init__(self, body: bytes, content_type: str, encoding: str = "") -> None:
        self._body = body
        self._tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        self._headers = {
            **HEADERS,
            "Content-Type": content_type,
            "ETag": self._tag,
            "Cache-Control": "no-cache",
        }
        if encoding:
            self._headers |= {"Content-Encoding": encoding, "Vary": "Accept-Encoding"}

    @cached_property
    def _unpacked(self) -> bytes:
        # Once, and not for each who asks: it is megabytes, and takes a while.
        return gzip.decompress(self._body)

    def reply(self, request: Request) -> Response:
        if self._tag in request.headers.get("if-none-match", ""):
            headers = {"ETag": self._tag, "Cache-Control": "no-cache"}
            return Response(status_code=304, headers=headers)
        headers, body = self._headers, self._body
        if "Content-Encoding" in headers and not _takes_gzip(request):
            headers = {k: v for k, v in headers.items() if k != "Content-Encoding"}
            body = self._unpacked
        reply = Response(body, 200, headers)
        if request.method == "HEAD":
            reply.body = b""
        return reply


def _takes_gzip(request: Request) -> bool:
    accepted = request.headers.get("accept-encoding", "").lower()
    return "gzip" in accepted and "gzip;q=0" not in accepted.replace(" ", "")
