"""What every handler of a dialect's request needs: the parts of the server, who asks and
what for, and the reply in the dialect's words.

Source: wire contract, section 2.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from callwright.clock import Clock
from callwright.config import Config
from callwright.dialects import by_product
from callwright.dialects.negotiate import wants_xml
from callwright.domain.account import Deployment, Product, User
from callwright.domain.ids import DeploymentId, ProgramId
from callwright.errors import MediaTypeUnsupported, NotFound
from callwright.ports.pacing_view import PacingView
from callwright.ports.store import ReadTx, Store
from callwright.service.authenticate import authenticate
from callwright.service.find_deployment import find_deployment
from callwright.web.credentials import Credentials, read_credentials
from callwright.web.list_intake import ListIntake
from callwright.web.metrics import Metrics
from callwright.web.request_body import refuse_encoded

_ID = re.compile(r"[0-9]{1,18}\Z", re.ASCII)


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
    pacing: PacingView


async def aim(
    around: Surroundings, product: Product, request: Request, *, to_queue: bool = True
) -> tuple[User, Deployment]:
    """Who asks, and for which deployment.

    Raises:
        RequestRefused: 401, 404, 403 or 409, in this order.
    """
    credentials = read_credentials(request)
    return await around.store.read(
        lambda tx: aim_within(tx, around, product, request, credentials, to_queue=to_queue)
    )


def aim_within(
    tx: ReadTx,
    around: Surroundings,
    product: Product,
    request: Request,
    credentials: Credentials,
    *,
    to_queue: bool = True,
) -> tuple[User, Deployment]:
    """The same in a transaction that looks for more."""
    user = authenticate(tx, credentials.email, credentials.key)
    deployment = find_deployment(
        tx,
        user,
        product,
        ProgramId(path_id(request, "program_id", missing="deployment")),
        DeploymentId(path_id(request, "deployment_id", missing="deployment")),
        around.clock.now(),
        to_queue=to_queue,
        can_speak=around.can_speak,
    )
    return user, deployment


def path_id(request: Request, name: str, *, missing: str) -> int:
    """The id in the path.

    Raises:
        NotFound: of `missing`; what stands there is no id.
    """
    text: str = request.path_params[name]
    if not _ID.match(text):
        raise NotFound(missing)
    return int(text)


def refuse_media_type(product: Product, request: Request, *, bulk: bool = False) -> None:
    """Refuse a Content-Type that the dialect does not take, or a body that came compressed.

    Raises:
        MediaTypeUnsupported: it does.
    """
    content_type = request.headers.get("content-type")
    if not by_product[product].accepts_media_type(content_type, bulk=bulk):
        raise MediaTypeUnsupported("")
    refuse_encoded(request)


def reply(
    product: Product,
    request: Request,
    value: dict[str, object],
    headers: dict[str, str] | None = None,
) -> Response:
    """`value` as a 200 in the representation that the client prefers."""
    xml = wants_xml(request.headers.get("accept"))
    body, content_type = by_product[product].render(value, xml=xml)
    return Response(body, 200, headers, content_type)
