"""Errors as replies: which dialect's shape a path has, and the reply itself."""

from starlette.responses import Response

from callwright.dialects import by_product
from callwright.domain.account import Product
from callwright.errors import RequestRefused, TooLarge

CHALLENGE = 'Basic realm="callwright", charset="UTF-8"'
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
    if isinstance(refusal, TooLarge):
        status = 400  # the documented codes have no 413, and clients look at the code
    body, content_type = dialect.render(value, xml=xml)
    headers = {"WWW-Authenticate": CHALLENGE} if status == 401 else None
    return Response(body, status, headers, content_type)


def error_reply(
    product: Product, status: int, text: str, *, xml: bool, allow: str | None = None
) -> Response:
    """The reply of an error that is no refusal: 404 for no route, 405, 500."""
    dialect = by_product[product]
    body, content_type = dialect.render(dialect.encode_error_text(text), xml=xml)
    headers = {"Allow": allow} if allow is not None else None
    return Response(body, status, headers, content_type)


def error_body(path: str, text: str) -> tuple[bytes, str]:
    """Body and Content-Type for a request that could not even be parsed."""
    dialect = by_product[product_of_path(path)]
    return dialect.render(dialect.encode_error_text(text), xml=False)
