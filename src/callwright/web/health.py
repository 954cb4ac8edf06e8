"""Whether the process lives, whether it can take and dial calls, and its counts: for probes.

`/healthz` says that the event loop turns. `/readyz` asks the parts, and says which of them
is not ready. `/metrics` is for the networks that may look (`server.metrics_from`); to all
others there is nothing there.
"""

import asyncio
import ipaddress
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callwright.domain.account import Product
from callwright.errors import StoreUnavailable
from callwright.ports.start import Held
from callwright.ports.store import Lane, QueueCounts, ReadTx, Store
from callwright.web.endpoint import Endpoint
from callwright.web.metrics import CONTENT_TYPE, Metrics, TrunkReading
from callwright.web.shapes import NOTHING_HERE, reply_at
from callwright.web.sources import Proxies, came_through_a_stranger

STORE_ANSWERS_WITHIN_S = 2.0
_METHODS = ("GET", "HEAD")


def _never() -> bool:
    return False


def _not_held() -> Held | None:
    return None


def _no_trunks() -> Iterable[TrunkReading]:
    return ()


def _nobody() -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the parts of a server say of themselves whenever they are asked."""

    is_dialling: Callable[[], bool]
    """Some line is up."""
    is_draining: Callable[[], bool] = _never
    """It finishes what it has and will stop."""
    held: Callable[[], Held | None] = _not_held
    """Why it dials nothing since its start, until somebody says so."""
    trunks: Callable[[], Iterable[TrunkReading]] = _no_trunks
    connections: Callable[[], int] = _nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """What the handlers of this module look at."""

    store: Store
    vitals: Vitals
    metrics: Metrics
    proxies: Proxies
    metrics_from: tuple[str, ...]


def health_routes(ward: Ward) -> list[Route]:
    """`/healthz`, `/readyz` and `/metrics`."""
    return [
        Route(path, Endpoint(handle, methods=_METHODS, product=Product.FUSE))
        for path, handle in (
            ("/healthz", _alive),
            ("/readyz", partial(_ready, ward)),
            ("/metrics", partial(_counts, ward)),
        )
    ]


async def _alive(request: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


async def _ready(ward: Ward, request: Request) -> Response:
    problems = []
    if not await _store_answers(ward.store):
        problems.append("the store does not answer")
    if not ward.vitals.is_dialling():
        problems.append("no line is up")
    if (held := ward.vitals.held()) is not None:
        problems.append(f"held at start, nothing is dialled: {held.because}")
    if ward.vitals.is_draining():
        problems.append("draining: it takes no new calls up and will stop")
    value: dict[str, object] = {"status": "not ready" if problems else "ok"}
    value |= {"problems": problems} if problems else {}
    # It can take calls all the same; they wait.
    down = [f"trunk {x.name}: {x.health.problem}" for x in ward.vitals.trunks() if x.health.is_out]
    value |= {"trunks_down": down} if down else {}
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(body, 503 if problems else 200, media_type="application/json")


async def _counts(ward: Ward, request: Request) -> Response:
    address = ward.proxies.client_of(request.scope)
    allowed = (ipaddress.ip_network(text) for text in ward.metrics_from)
    if came_through_a_stranger(request.scope, ward.proxies) or not (
        address is not None and any(address in network for network in allowed)
    ):
        return reply_at(request.scope, 404, NOTHING_HERE)
    queue = await _queue_counts(ward.store)
    vitals = ward.vitals
    is_held = vitals.held() is not None
    text = ward.metrics.text(queue, vitals.trunks(), vitals.connections(), is_held=is_held)
    return Response(text, headers={"Content-Type": CONTENT_TYPE})


async def _queue_counts(store: Store) -> QueueCounts | None:
    try:
        async with asyncio.timeout(STORE_ANSWERS_WITHIN_S):
            return await store.read(lambda tx: tx.queue_counts())
    except (StoreUnavailable, TimeoutError):
        return None


async def _store_answers(store: Store) -> bool:
    """Whether both sides of it do: a reader, and the one writer in its turn."""
    try:
        async with asyncio.timeout(STORE_ANSWERS_WITHIN_S):
            await store.read(_read_nothing)
            await store.write(_read_nothing, lane=Lane.INTAKE)
    except (StoreUnavailable, TimeoutError):
        return False
    return True


def _read_nothing(tx: ReadTx) -> None:
    tx.user_by_email("")
