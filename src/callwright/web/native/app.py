"""The native API as an ASGI application: the routers, the errors, the document, the entrance.

FastAPI serves `/v1` and nothing else; the dialects never pass through it.
"""

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from callwright.web.native.desk import Parts
from callwright.web.native.docs_page import DocsPage
from callwright.web.native.entrance import Entrance
from callwright.web.native.imports import Imports
from callwright.web.native.openapi import document_of
from callwright.web.native.problems import HANDLERS
from callwright.web.native.routes import (
    batches,
    callbacks,
    calls,
    deployments,
    exports,
    limits,
    metadatabases,
    optouts,
    people,
    programs,
    recordings,
    server,
    sip,
    trunks,
    why,
)
from callwright.web.native.wire import PREFIX

_DOCUMENTS = ("/openapi.json", "/docs")
_PARTS = (
    calls,
    batches,
    callbacks,
    optouts,
    deployments,
    limits,
    programs,
    people,
    exports,
    server,
    metadatabases,
    recordings,
    sip,
    trunks,
    why,
)


def with_native(parts: Parts, otherwise: ASGIApp) -> ASGIApp:
    """The native API on its own paths, be there anything or not, and `otherwise` elsewhere."""
    api = make_api()
    api.state.parts = parts
    api.state.imports = Imports(parts.clock.now, parts.on_change)
    entrance = Entrance(api, parts.store, parts.clock, parts.config.limits)
    docs = DocsPage(_document)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == PREFIX or path.startswith(f"{PREFIX}/"):
            await entrance(scope, receive, send)
        elif path in _DOCUMENTS or path.startswith("/docs/"):
            await docs(scope, receive, send)
        else:
            await otherwise(scope, receive, send)

    return app


@cache
def _document() -> dict[str, Any]:
    return document_of(make_api())


def make_api() -> FastAPI:
    """The routes, without a server behind them: enough for the document."""
    api = FastAPI(
        title="Callwright",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=HANDLERS,
    )
    for part in _PARTS:
        api.include_router(part.router)
    api.state.methods_at = methods_at
    return api


def methods_at(path: str) -> list[str]:
    """What methods a path takes. The framework says it only of the first of several routes."""
    found: set[str] = set()
    for part in _PARTS:
        for route in part.router.routes:
            if isinstance(route, APIRoute) and route.path_regex.match(path):
                found.update(route.methods or ())
    return sorted(found)
