"""Whether the process lives, and whether it can take and dial calls: for probes."""

import asyncio
import json
from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callwright.domain.account import Product
from callwright.errors import StoreUnavailable
from callwright.ports.store import Store
from callwright.web.endpoint import Endpoint

STORE_ANSWERS_WITHIN_S = 2.0
_METHODS = ("GET", "HEAD")


def health_routes(store: Store, is_dialling: Callable[[], bool]) -> list[Route]:
    """`/healthz` and `/readyz`."""
    ready = partial(_ready, store, is_dialling)
    return [
        Route("/healthz", Endpoint(_alive, methods=_METHODS, product=Product.FUSE)),
        Route("/readyz", Endpoint(ready, methods=_METHODS, product=Product.FUSE)),
    ]


async def _alive(request: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


async def _ready(store: Store, is_dialling: Callable[[], bool], request: Request) -> Response:
    problems = []
    if not await _store_answers(store):
        problems.append("the store does not answer")
    if not is_dialling():
        problems.append("no line is up")
    value = {"status": "not ready", "problems": problems} if problems else {"status": "ok"}
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(body, 503 if problems else 200, media_type="application/json")


async def _store_answers(store: Store) -> bool:
    try:
        async with asyncio.timeout(STORE_ANSWERS_WITHIN_S):
            await store.read(lambda tx: tx.queue_counts())
    except (StoreUnavailable, TimeoutError):
        return False
    return True
