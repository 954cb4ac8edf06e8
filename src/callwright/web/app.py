"""The ASGI application: every path the server answers, and an answer for every other."""

from collections.abc import Awaitable, Callable

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from callwright.clock import Clock
from callwright.config import Config
from callwright.domain.ids import CallId
from callwright.ports.pacing_view import NOTHING_RUNS, PacingView
from callwright.ports.recordings import NOTHING_RECORDED, Recordings
from callwright.ports.sip_messages import NOTHING_KEPT, SipMessages
from callwright.ports.store import Store
from callwright.service.load_list import ListLoader
from callwright.web.agent_calls import AgentDesk, agent_routes
from callwright.web.dialect_request import Surroundings
from callwright.web.dialect_routes import dialect_routes
from callwright.web.front import Front
from callwright.web.health import Vitals, Ward, health_routes
from callwright.web.list_intake import ListIntake
from callwright.web.metrics import Metrics
from callwright.web.native import Parts, with_native
from callwright.web.shapes import NOTHING_HERE, reply_at
from callwright.web.sign_in_guard import SignInGuard
from callwright.web.sources import Proxies


async def _nothing_runs() -> None:
    pass


def make_app(
    store: Store,
    clock: Clock,
    config: Config,
    *,
    can_speak: bool,
    on_change: Callable[[], None],
    vitals: Vitals,
    metrics: Metrics | None = None,
    hang_up: Callable[[CallId], None] = lambda call_id: None,
    resume: Callable[[], Awaitable[None]] = _nothing_runs,
    limits_changed: Callable[[], Awaitable[None]] = _nothing_runs,
    pacing: PacingView = NOTHING_RUNS,
    sip_messages: SipMessages = NOTHING_KEPT,
    recordings: Recordings = NOTHING_RECORDED,
) -> ASGIApp:
    """The whole HTTP side of a server.

    `can_speak` says whether a speech engine is at hand, without which deployments that
    speak cannot be queued on; `on_change` is called after each commit that queued or
    cancelled calls; `vitals` and `metrics` are what `/readyz` and `/metrics` tell; `hang_up`
    ends the leg of a call, if this process has one; `resume` lets a held start dial;
    `limits_changed` is awaited after each commit that limited a trunk; `pacing` is what
    explanations and forecasts look at; `sip_messages` and `recordings` know past calls.
    """
    metrics = metrics or Metrics()
    proxies = Proxies(config.server.proxies)
    loader = ListLoader(store)
    around = Surroundings(
        store=store,
        clock=clock,
        config=config,
        can_speak=can_speak,
        on_change=on_change,
        lists=ListIntake(loader=loader, clock=clock, config=config, pacing=pacing),
        metrics=metrics,
        pacing=pacing,
    )
    ward = Ward(
        store=store,
        vitals=vitals,
        metrics=metrics,
        proxies=proxies,
        metrics_from=config.server.metrics_from,
    )
    native = Parts(
        store=store,
        clock=clock,
        config=config,
        can_speak=can_speak,
        on_change=on_change,
        loader=loader,
        metrics=metrics,
        hang_up=hang_up,
        vitals=vitals,
        resume=resume,
        limits_changed=limits_changed,
        pacing=pacing,
        sip_messages=sip_messages,
        recordings=recordings,
    )
    agents = AgentDesk(store=store, clock=clock, hang_up=hang_up)
    routes = [*dialect_routes(around), *agent_routes(agents), *health_routes(ward)]
    elsewhere = with_native(native, _no_such_path)
    router = Router(routes, redirect_slashes=False, default=elsewhere)
    return Front(SignInGuard(router, proxies, clock), proxies=proxies, meter=metrics)


async def _no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    reply = reply_at(scope, 404, NOTHING_HERE)
    await reply(scope, receive, send)
