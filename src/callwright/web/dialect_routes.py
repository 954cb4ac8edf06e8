"""The paths of the Fuse and Insight APIs: from a request to the service and back.

Each handler makes the documented checks in their documented order: 401, 404, 403, 409,
415, 400 (405 comes before, in `endpoint`). What a check looks at is the service's and the
dialects' business; which words answer it, the dialects'.

Source: wire contract, sections 1 and 2.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callwright.dialects import by_product
from callwright.dialects.negotiate import wants_xml
from callwright.domain.account import Product
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.errors import Conflict, MediaTypeUnsupported, NotPermitted, RequestRefused
from callwright.ports.store import Lane, ReadTx
from callwright.service.authenticate import authenticate, refuse_deleted
from callwright.service.cancel_calls import cancel_calls
from callwright.service.report_call import report_call
from callwright.web.credentials import read_credentials
from callwright.web.dialect_lookups import call_log, detailed_log, responses, survey_report
from callwright.web.dialect_queueing import bulk_queue, queue
from callwright.web.dialect_records import push
from callwright.web.dialect_request import (
    Surroundings,
    aim,
    path_id,
    refuse_media_type,
    reply,
)
from callwright.web.endpoint import Endpoint
from callwright.web.shapes import refusal_reply


async def _cancel(around: Surroundings, product: Product, request: Request) -> Response:
    _, deployment = await aim(around, product, request, to_queue=False)
    refuse_media_type(product, request)
    now = around.clock.now()
    await around.store.write(lambda tx: cancel_calls(tx, deployment, now), lane=Lane.INTAKE)
    around.on_change()
    return Response(status_code=202)


async def _report(around: Surroundings, product: Product, request: Request) -> Response:
    credentials = read_credentials(request)
    now = around.clock.now()

    def look(tx: ReadTx) -> CallDetails | tuple[Product, RequestRefused]:
        user = authenticate(tx, *credentials)
        call_id = CallId(path_id(request, "call_id", missing="call"))
        try:
            details = report_call(tx, user, call_id, now)
            refuse_deleted(user)
            refuse_media_type(details.product, request)
            return details
        except (NotPermitted, Conflict, MediaTypeUnsupported) as refusal:
            # The words of the refusal, too, are those of the call's own product.
            found = tx.call_details(call_id, now)
            return (found.product if found else product), refusal

    found = await around.store.read(look)
    if isinstance(found, tuple):
        product, refusal = found
        return refusal_reply(product, refusal, xml=wants_xml(request.headers.get("accept")))
    value = by_product[found.product].encode_details_reply(found)
    return reply(found.product, request, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectRoute:
    """One row of the contract's table of endpoints."""

    name: str
    product: Product
    """Whose shape errors have; F3 is I3 too, and answers as the call's own."""
    method: str
    path: str
    handle: Callable[[Surroundings, Product, Request], Awaitable[Response]]


def _routes() -> list[DialectRoute]:
    rows = [
        ("F1", Product.FUSE, "POST", f"{_APP}/queue", queue),
        ("F2", Product.FUSE, "POST", f"{_APP}/bulk_queue", bulk_queue),
        ("F3", Product.FUSE, "GET", "/api/outbound/{call_id}", _report),
        ("F4", Product.FUSE, "DELETE", f"{_APP}/cancel", _cancel),
        ("F5", Product.FUSE, "GET", "/api/calls/{start}/{end}", call_log),
        ("F6", Product.FUSE, "GET", "/api/all_logs/{start}/{end}", detailed_log),
        ("I1", Product.INSIGHT, "POST", f"{_SURVEY}/queue", queue),
        ("I2", Product.INSIGHT, "POST", f"{_SURVEY}/bulk_queue", bulk_queue),
        ("I4", Product.INSIGHT, "DELETE", f"{_SURVEY}/cancel", _cancel),
        ("I5", Product.INSIGHT, "GET", f"{_SURVEY}/responses", responses),
        ("I6", Product.INSIGHT, "POST", "/api/metadatabase_push", push),
        ("I7", Product.INSIGHT, "GET", "/api/report/{report_id}", survey_report),
    ]
    return [
        DialectRoute(name=name, product=product, method=method, path=path, handle=handle)
        for name, product, method, path, handle in rows
    ]


_APP = "/api/apps/{program_id}/{deployment_id}"
_SURVEY = "/api/surveys/{program_id}/{deployment_id}"

ROUTES = _routes()


def dialect_routes(around: Surroundings) -> list[Route]:
    """`ROUTES`, ready to be served."""
    return [
        Route(
            route.path,
            Endpoint(
                partial(route.handle, around, route.product),
                methods=(route.method,),
                product=route.product,
            ),
        )
        for route in ROUTES
    ]
