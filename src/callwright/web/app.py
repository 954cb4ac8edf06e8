"""The ASGI application: every path the server answers, and an answer for every other."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from callwright.clock import Clock
from callwright.config import Config
from callwright.dialects.negotiate import wants_xml
from callwright.domain.ids import CallId
from callwright.ports.store import Store
from callwright.service.load_list import ListLoader
from callwright.web.dialect_routes import Surroundings, dialect_routes
from callwright.web.front import Front
from callwright.web.health import health_routes
from callwright.web.list_intake import ListIntake
from callwright.web.native import Parts, with_native
from callwright.web.shapes import error_reply, product_of_path


def make_app(
    store: Store,
    clock: Clock,
    config: Config,
    *,
    can_speak: bool,
    on_change: Callable[[], None],
    is_dialling: Callable[[], bool],
    hang_up: Callable[[CallId], None] = lambda call_id: None,
) -> ASGIApp:
    """The whole HTTP side of a server.

    `can_speak` says whether a speech engine is at hand, without which deployments that
    speak cannot be queued on; `on_change` is called after each commit that queued or
    cancelled calls; `is_dialling` decides `/readyz` together with the store;
    `hang_up` ends the leg of a call, if this process has one.
    """
    around = Surroundings(
        store=store,
        clock=clock,
        config=config,
        can_speak=can_speak,
        on_change=on_change,
        lists=ListIntake(loader=ListLoader(store), clock=clock, config=config),
    )
    native = Parts(
        store=store,
        clock=clock,
        config=config,
        can_speak=can_speak,
        on_change=on_change,
        hang_up=hang_up,
    )
    routes = [*dialect_routes(around), *health_routes(store, is_dialling)]
    elsewhere = with_native(native, _no_such_path)
    return Front(Router(routes, redirect_slashes=False, default=elsewhere))


async def _no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    xml = wants_xml(Request(scope).headers.get("accept"))
    product = product_of_path(scope["path"])
    reply = error_reply(product, 404, "There is nothing at this path.", xml=xml)
    await reply(scope, receive, send)
