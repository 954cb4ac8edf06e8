"""One path and method: everything else about a request is answered here, in one shape."""

from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callwright.dialects.negotiate import wants_xml
from callwright.domain.account import Product
from callwright.errors import RequestRefused, StoreUnavailable
from callwright.web.shapes import error_reply, refusal_reply

log = structlog.get_logger()

Handler = Callable[[Request], Awaitable[Response]]


class Endpoint:
    """Runs `handle` for the methods it takes; errors come out as `product`'s.

    An ASGI application rather than a function, so that the router leaves every method to
    it: its own answer to a wrong one has no dialect's shape.
    """

    def __init__(self, handle: Handler, *, methods: tuple[str, ...], product: Product) -> None:
        self._handle = handle
        self._methods = methods
        self._product = product

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        xml = wants_xml(request.headers.get("accept"))
        if scope["method"] not in self._methods:
            allow = ", ".join(self._methods)
            text = f"The method {scope['method']} is not allowed here."
            response = error_reply(self._product, 405, text, xml=xml, allow=allow)
        else:
            try:
                response = await self._handle(request)
            except RequestRefused as refusal:
                response = refusal_reply(self._product, refusal, xml=xml)
            except StoreUnavailable as exc:
                log.error("store failed", problem=str(exc))
                response = error_reply(self._product, 500, "database error", xml=xml)
        await response(scope, receive, send)
