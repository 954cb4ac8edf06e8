"""The paths of the Fuse and Insight APIs: from a request to the service and back.

Each handler makes the documented checks in their documented order: 401, 404, 403, 409,
415, 400 (405 comes before, in `endpoint`). What a check looks at is the service's and the
dialects' business; which words answer it, the dialects'.

Source: wire contract, sections 1 and 2.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callwright.clock import Clock
from callwright.config import Config
from callwright.dialects import by_product
from callwright.dialects.bodies import read_body
from callwright.dialects.negotiate import wants_xml
from callwright.domain.account import Deployment, Product, User
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId, DeploymentId, ProgramId
from callwright.errors import MediaTypeUnsupported, NotFound, NotPermitted, RequestRefused
from callwright.ports.store import Lane, ReadTx, Store
from callwright.service.authenticate import authenticate
from callwright.service.cancel_calls import cancel_calls
from callwright.service.find_deployment import find_deployment
from callwright.service.queue_calls import queue_call
from callwright.service.report_call import report_call
from callwright.web.credentials import Credentials, read_credentials
from callwright.web.endpoint import Endpoint
from callwright.web.list_intake import ListIntake
from callwright.web.metrics import Metrics
from callwright.web.request_body import read_whole_body, refuse_encoded
from callwright.web.shapes import refusal_reply

_ID = re.compile(r"[0-9]{1,18}\Z", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the handlers stand on."""

    store: Store
    clock: Clock
    config: Config
    can_speak: bool
    on_change: Callable[[], None]
    """Called after each commit that queued or cancelled something."""
    lists: ListIntake
    metrics: Metrics


def dialect_routes(around: Surroundings) -> list[Route]:
    """F1 to F4 and I1 to I4."""
    routes = [
        Route(
            "/api/outbound/{call_id}",
            Endpoint(partial(_report, around), methods=("GET",), product=Product.FUSE),
        )
    ]
    for product, prefix in ((Product.FUSE, "/api/apps"), (Product.INSIGHT, "/api/surveys")):
        for name, method, handle in (
            ("queue", "POST", _queue),
            ("bulk_queue", "POST", _bulk_queue),
            ("cancel", "DELETE", _cancel),
        ):
            endpoint = Endpoint(
                partial(handle, around, product), methods=(method,), product=product
            )
            routes.append(Route(f"{prefix}/{{program_id}}/{{deployment_id}}/{name}", endpoint))
    return routes


async def _queue(around: Surroundings, product: Product, request: Request) -> Response:
    user, deployment = await _aim(around, product, request)
    _refuse_media_type(product, request, bulk=False)
    body = await read_whole_body(request, around.config.limits.form_bytes)
    dialect = by_product[product]
    now = around.clock.now()
    schedule, contact = dialect.decode_call(
        read_body(request.headers.get("content-type"), body),
        now=now,
        default_country=around.config.numbers.default_country,
        deployment=deployment,
        pci_granted=user.pci_granted,
    )
    call_id = await around.store.write(
        lambda tx: queue_call(tx, user, deployment, schedule, contact, now), lane=Lane.INTAKE
    )
    around.on_change()
    around.metrics.calls_queued(product, 1)
    link = f'<{_origin(around, request)}/api/outbound/{call_id}>; rel="status"'
    return _reply(product, request, dialect.encode_queued(call_id), {"Link": link})


async def _bulk_queue(around: Surroundings, product: Product, request: Request) -> Response:
    user, deployment = await _aim(around, product, request)
    _refuse_media_type(product, request, bulk=True)
    queued, headers = await around.lists.take(request, user, deployment)
    around.on_change()
    around.metrics.calls_queued(product, queued.calls)
    value = by_product[product].encode_list_queued(queued.calls)
    return _reply(product, request, value, headers)


async def _cancel(around: Surroundings, product: Product, request: Request) -> Response:
    _, deployment = await _aim(around, product, request, to_queue=False)
    now = around.clock.now()
    await around.store.write(lambda tx: cancel_calls(tx, deployment, now), lane=Lane.INTAKE)
    around.on_change()
    return Response(status_code=202)


async def _report(around: Surroundings, request: Request) -> Response:
    credentials = read_credentials(request)
    now = around.clock.now()

    def look(tx: ReadTx) -> CallDetails | tuple[Product, RequestRefused]:
        user = authenticate(tx, *credentials)
        call_id = CallId(_path_id(request, "call_id", missing="call"))
        try:
            return report_call(tx, user, call_id, now)
        except NotPermitted as refusal:
            # The words of the refusal, too, are those of the call's own product.
            details = tx.call_details(call_id, now)
            return (details.product if details else Product.FUSE), refusal

    found = await around.store.read(look)
    if isinstance(found, tuple):
        product, refusal = found
        return refusal_reply(product, refusal, xml=wants_xml(request.headers.get("accept")))
    value = by_product[found.product].encode_details_reply(found)
    return _reply(found.product, request, value)


async def _aim(
    around: Surroundings, product: Product, request: Request, *, to_queue: bool = True
) -> tuple[User, Deployment]:
    """Who asks, and for which deployment."""
    credentials = read_credentials(request)
    look = partial(_find, around, product, request, credentials, to_queue)
    return await around.store.read(look)


def _find(
    around: Surroundings,
    product: Product,
    request: Request,
    credentials: Credentials,
    to_queue: bool,
    tx: ReadTx,
) -> tuple[User, Deployment]:
    user = authenticate(tx, credentials.email, credentials.key)
    deployment = find_deployment(
        tx,
        user,
        product,
        ProgramId(_path_id(request, "program_id", missing="deployment")),
        DeploymentId(_path_id(request, "deployment_id", missing="deployment")),
        around.clock.now(),
        to_queue=to_queue,
        can_speak=around.can_speak,
    )
    return user, deployment


def _path_id(request: Request, name: str, *, missing: str) -> int:
    text: str = request.path_params[name]
    if not _ID.match(text):
        raise NotFound(missing)
    return int(text)


def _refuse_media_type(product: Product, request: Request, *, bulk: bool) -> None:
    content_type = request.headers.get("content-type")
    if not by_product[product].accepts_media_type(content_type, bulk=bulk):
        raise MediaTypeUnsupported("")
    refuse_encoded(request)


def _origin(around: Surroundings, request: Request) -> str:
    """Scheme and host as the client may call them: the configured ones, else its own."""
    public_url = around.config.server.public_url
    if public_url:
        return public_url
    host = request.headers.get("host", "")
    if not _HOST.match(host):
        host = str(around.config.server.listen)
    return f"{request.scope['scheme']}://{host}"


def _reply(
    product: Product,
    request: Request,
    value: dict[str, object],
    headers: dict[str, str] | None = None,
) -> Response:
    xml = wants_xml(request.headers.get("accept"))
    body, content_type = by_product[product].render(value, xml=xml)
    return Response(body, 200, headers, content_type)
