"""`callwright demo`: a dozen calls with every outcome, over real SIP and RTP on loopback.

Starts a whole server with the built-in phones as its carrier, queues calls through the
HTTP API as any program would, receives the result callbacks, and shows it all in a live
table. What each call should come to is known beforehand, so `--once` can judge.

`demo_calls` says who is called, `demo_view` draws.
"""

import asyncio
import contextlib
import io
import json
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx2
import typer
import uvloop
from rich.console import Console
from rich.live import Live
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from callwright import assembly
from callwright.cli.demo_calls import CANCELED, LIST, RETRIED, SURVEYED, PlannedCall, csv_of
from callwright.cli.demo_view import Row, picture
from callwright.cli.logging_setup import set_up_logging
from callwright.config import (
    CallbackSettings,
    Config,
    HostPort,
    LogSettings,
    ServerSettings,
    StoreSettings,
    TrunkSettings,
)
from callwright.config.values import read_host_port
from callwright.domain.account import Product
from callwright.domain.call import CallDetails
from callwright.domain.ids import BatchId, CallId
from callwright.errors import CallwrightError
from callwright.ivr import SAMPLE_FLOW, SAMPLE_SURVEY, load_sample
from callwright.ports.store import ReadTx, Store, WriteTx
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.service.authenticate import new_key
from callwright.web.server import HttpServer

EMAIL = "demo@example.com"
REFRESH_S = 0.25
GIVE_UP_S = 240.0
"""Every demo call is over long before; a demo that is not has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Targets:
    """What was set up to be called."""

    application_id: int
    deployment_id: int
    canceled_deployment_id: int
    survey_id: int
    instance_id: int


@dataclass(kw_only=True)
class Demo:
    """A demo under way."""

    server: assembly.Server
    key: str
    planned: dict[CallId, PlannedCall] = field(default_factory=dict)
    details: dict[CallId, CallDetails] = field(default_factory=dict)
    callbacks: dict[int, Mapping[str, object]] = field(default_factory=dict)
    """Bodies received, by call id."""

    async def refresh(self) -> None:
        """Look every call up again."""
        now = datetime.now(UTC)

        def look(tx: ReadTx) -> list[CallDetails | None]:
            return [tx.call_details(call_id, now) for call_id in self.planned]

        found = await self.server.store.read(look)
        self.details = {details.id: details for details in found if details is not None}

    @property
    def is_over(self) -> bool:
        """Every call has ended and its callback has arrived."""
        ended = all(details.state.is_final for details in self.details.values())
        return ended and self.callbacks.keys() >= self.planned.keys()

    def surprises(self) -> list[str]:
        """What did not go as it should; empty = all is well."""
        found = []
        for call_id, call in self.planned.items():
            status = self.callbacks.get(call_id, {}).get("status", "no callback")
            if status != call.expected:
                found.append(f"{call.number} ({call.behaviour}): {status}, not {call.expected}")
            details = self.details[call_id]
            keyed = (details.attempts[-1].answers or {}) if details.attempts else {}
            for name, value in call.answers:
                if keyed.get(name) != value:
                    found.append(f"{call.number}: {name} = {keyed.get(name)}, not {value}")
        return found

    def rows(self) -> list[Row]:
        return [
            Row(planned=call, details=self.details[call_id], callback=self.callbacks.get(call_id))
            for call_id, call in self.planned.items()
            if call_id in self.details
        ]


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End when every call is over; 0 if all went well.")
    ] = False,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Of the demo's own server.")
    ] = "127.0.0.1:0",
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Also draw the result there.")
    ] = None,
) -> int:
    """Dial a dozen simulated phones over real SIP, and show what comes of it."""
    try:
        address = read_host_port(listen)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--listen") from None
    # The table owns the terminal; the log would tear it.
    set_up_logging(LogSettings(level="error"))
    console = Console()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_demo(once=once, listen=address, svg=svg, console=console))


async def run_demo(*, once: bool, listen: HostPort, svg: Path | None, console: Console) -> int:
    """Play the demo; 0 when every call ended as it should. Without `once` it serves on until
    it is cancelled."""
    with tempfile.TemporaryDirectory(prefix="callwright-demo-") as folder:
        async with _set_up(Path(folder), listen) as demo:
            await _play(demo, console, svg)
            surprises = demo.surprises() or ([] if demo.is_over else ["not all calls have ended"])
            for surprise in surprises:
                console.print(surprise, style="bold red")
            if not once:
                console.print(
                    f"The server goes on at {demo.server.url}; sign in as {EMAIL} with the "
                    f"developer key {demo.key}. Ctrl-C ends it.",
                    soft_wrap=True,
                )
                await asyncio.Event().wait()
            return 1 if surprises else 0


async def _play(demo: Demo, console: Console, svg: Path | None) -> None:
    began = time.monotonic()
    headline = f"{demo.server.url} dials the built-in phones over SIP"

    def drawn() -> object:
        return picture(demo.rows(), now=datetime.now(UTC), headline=headline)

    await demo.refresh()
    with Live(console=console, auto_refresh=False, get_renderable=drawn) as live:  # type: ignore[arg-type]
        while not demo.is_over and time.monotonic() - began < GIVE_UP_S:
            live.refresh()
            await asyncio.sleep(REFRESH_S)
            await demo.refresh()
        live.refresh()
    if svg is not None:
        canvas = Console(record=True, width=96, file=io.StringIO(), force_terminal=True)
        canvas.print(drawn())
        await asyncio.to_thread(canvas.save_svg, str(svg), title="callwright demo")


@contextlib.asynccontextmanager
async def _set_up(folder: Path, listen: HostPort) -> AsyncIterator[Demo]:
    """A server of its own in `folder`, with the demo's calls queued."""
    config = Config(
        server=ServerSettings(listen=listen),
        store=StoreSettings(url=f"sqlite:{folder / 'demo.db'}"),
        callbacks=CallbackSettings(allow=("127.0.0.0/8",)),
        trunks={
            "demo": TrunkSettings(
                driver="phones",
                calls_per_second=4,
                ring_timeout=timedelta(seconds=8),
                caller_id="+16175550199",
            )
        },
    )
    async with assembly.open_store(config) as store:
        key, targets = await _deploy(store)
    async with assembly.run_server(config) as server:
        demo = Demo(server=server, key=key)
        sink = HttpServer(_callback_sink(demo), HostPort("127.0.0.1", 0))
        result_url = f"http://{await sink.start()}/result"
        try:
            await _queue(demo, targets, result_url)
            yield demo
        finally:
            await sink.stop()


async def _deploy(store: Store) -> tuple[str, _Targets]:
    key = new_key()
    now = datetime.now(UTC)

    def work(tx: WriteTx) -> _Targets:
        owner = administer.add_user(tx, EMAIL, key, is_admin=True, now=now)
        flow, survey = load_sample(SAMPLE_FLOW), load_sample(SAMPLE_SURVEY)
        app_id = administer.add_program(tx, Product.FUSE, owner, flow.name, flow, now=now)
        app = administer.find_program(tx, Product.FUSE, app_id)
        survey_id = administer.add_program(
            tx, Product.INSIGHT, owner, survey.name, survey, metadatabase=["first_name"], now=now
        )
        asked = administer.find_program(tx, Product.INSIGHT, survey_id)
        plain = DeploymentOrder(variables={})
        return _Targets(
            application_id=app_id,
            deployment_id=administer.deploy(tx, app, plain, now),
            canceled_deployment_id=administer.deploy(tx, app, plain, now),
            survey_id=survey_id,
            instance_id=administer.deploy(tx, asked, plain, now),
        )

    return key, await store.write(work)


async def _queue(demo: Demo, targets: _Targets, result_url: str) -> None:
    """Queue every call as a customer's program would."""
    app = f"/api/apps/{targets.application_id}/{targets.deployment_id}"
    tomorrow = f"/api/apps/{targets.application_id}/{targets.canceled_deployment_id}"
    survey = f"/api/surveys/{targets.survey_id}/{targets.instance_id}"
    async with httpx2.AsyncClient(base_url=demo.server.url, auth=(EMAIL, demo.key)) as client:

        async def one(path: str, call: PlannedCall, **form: str) -> None:
            form |= {"phone_number": call.number, "result_url": result_url}
            reply = _ok(await client.post(f"{path}/queue", data=form))
            demo.planned[CallId(reply.json()["call_id"])] = call

        first_name = json.dumps({"first_name": RETRIED.name})
        await one(app, RETRIED, max_attempts="2", reattempt_wait="60", metadata=first_name)
        _ok(
            await client.post(
                f"{app}/bulk_queue",
                files={"csv": ("calls.csv", csv_of(LIST))},
                data={"result_url": result_url},
            )
        )
        await one(survey, SURVEYED, **{"metadata[first_name]": SURVEYED.name})
        await one(tomorrow, CANCELED, start_timestamp=str(int(time.time()) + 86_400))
        _ok(await client.delete(f"{tomorrow}/cancel"))
    demo.planned |= await _calls_of_the_list(demo)


async def _calls_of_the_list(demo: Demo) -> dict[CallId, PlannedCall]:
    """The calls of the list, whose ids bulk_queue does not tell: those of the second batch."""
    now = datetime.now(UTC)

    def look(tx: ReadTx) -> Sequence[CallDetails]:
        first = tx.call_details(next(iter(demo.planned)), now)
        assert first is not None
        return tx.batch_calls(BatchId(first.batch_id + 1), now, len(LIST))

    calls = await demo.server.store.read(look)
    return {details.id: planned for details, planned in zip(calls, LIST, strict=True)}


def _ok(response: httpx2.Response) -> httpx2.Response:
    if response.is_success:
        return response
    raise CallwrightError(
        f"{response.request.url.path} answered {response.status_code}: {response.text}"
    )


def _callback_sink(demo: Demo) -> Router:
    """A customer's result_url."""

    async def receive(request: Request) -> Response:
        demo.callbacks[int(request.headers["x-call-id"])] = await request.json()
        return Response(status_code=204)

    return Router([Route("/result", receive, methods=["POST"])])
