"""Errors as replies: which shape a path promises, and the reply itself."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Scope

from callwright.dialects import by_product
from callwright.dialects.negotiate import wants_xml
from callwright.dialects.rendering import render_json
from callwright.domain.account import Product
from callwright.errors import RequestRefused, StillRunning

CHALLENGE = 'Basic realm="callwright", charset="UTF-8"'
NOTHING_HERE = "There is nothing at this path."
NATIVE_PATHS = "/v1/"
_INSIGHT_PATHS = ("/api/surveys", "/api/metadatabase_push", "/api/report")


def product_of_path(path: str) -> Product:
    """Whose error shape a request for `path` gets when nothing better is known."""
    for prefix in _INSIGHT_PATHS:
        if path == prefix or path.startswith(prefix + "/"):
            return Product.INSIGHT
    return Product.FUSE


def refusal_reply(product: Product, refusal: RequestRefused, *, xml: bool) -> Response:
    """The reply to a request that was refused."""
    dialect = by_product[product]
    status, value = dialect.encode_error(refusal)
    body, content_type = dialect.render(value, xml=xml)
    headers = {"WWW-Authenticate": CHALLENGE} if status == 401 else wait_header(refusal)
    return Response(body, status, headers, content_type)


def wait_header(refusal: Exception) -> Mapping[str, str]:
    """When to ask again, where that helps."""
    if isinstance(refusal, StillRunning):
        return {"Retry-After": str(refusal.retry_after_s)}
    return {}


def error_reply(
    product: Product, status: int, text: str, *, xml: bool, allow: str | None = None
) -> Response:
    """The reply of an error that is no refusal: 404 for no route, 405, 500."""
    dialect = by_product[product]
    body, content_type = dialect.render(dialect.encode_error_text(text), xml=xml)
    headers = {"Allow": allow} if allow is not None else None
    return Response(body, status, headers, content_type)


def reply_at(
    scope: Scope, status: int, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An error reply in the shape of the path that was asked for, whoever finds the error."""
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    xml = wants_xml(accept.decode("latin-1"))
    body, content_type = error_body(scope["path"], status, text, xml=xml)
    return Response(body, status, headers, content_type)


def error_body(path: str, status: int, text: str, *, xml: bool) -> tuple[bytes, str]:
    """Body and Content-Type of an error at `path`."""
    if path.startswith(NATIVE_PATHS):
        # RFC 9457, section 4.2.1: a problem that says no more than its status.
        phrase = HTTPStatus(status).phrase
        value = {"type": "about:blank", "title": phrase, "status": status, "detail": text}
        return render_json(value), "application/problem+json"
    dialect = by_product[product_of_path(path)]
    return dialect.render(dialect.encode_error_text(text), xml=xml)
