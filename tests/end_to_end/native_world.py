"""The native API over real HTTP on a real store, with people of two accounts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from callwright.config import Config, HostPort, LimitSettings, ServerSettings
from callwright.domain.account import Product
from callwright.domain.ids import CallId, DeploymentId
from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, load_sample
from callwright.ports.pacing_view import NOTHING_RUNS, PacingPicture
from callwright.ports.store import Store, WriteTx
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.service.authenticate import hash_key
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.testing.world import World
from callwright.web.app import make_app
from callwright.web.health import Vitals
from callwright.web.server import HttpServer

OWNER = ("owner@example.org", "owner's-developer-key")
COLLEAGUE = ("colleague@example.org", "colleague's-developer-key")
ADMIN = ("admin@example.org", "admin's-developer-key")
STRANGER = ("stranger@example.org", "stranger's-developer-key")
"""Of another account."""

KEYS = (OWNER, COLLEAGUE, ADMIN, STRANGER)


@dataclass
class NativeWorld:
    """A server whose loops are not running, and clients of it."""

    store: Store
    clock: ManualClock
    url: str
    app: int
    deployment: int
    survey: int
    instance: int
    loops: World
    """For `callwright.testing.world.running`, on the same store and clock."""
    changes: list[None] = field(default_factory=list)
    hung_up: list[CallId] = field(default_factory=list)
    client: httpx2.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        by: tuple[str, str] | str | None = OWNER,
        **request: Any,
    ) -> httpx2.Response:
        """The reply to a request; `by` is a pair for Basic, a key for Bearer, or nobody."""
        headers = dict(request.pop("headers", {}))
        auth = None
        if isinstance(by, str):
            headers["Authorization"] = f"Bearer {by}"
        elif by is not None:
            auth = httpx2.BasicAuth(*by)
        assert self.client is not None
        return await self.client.request(method, path, auth=auth, headers=headers, **request)

    async def get(self, path: str, **request: Any) -> Any:
        """The body of a GET that must succeed."""
        reply = await self.ask("GET", path, **request)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def post(self, path: str, json: Any = None, *, status: int = 200, **request: Any) -> Any:
        """The body of a POST that must be answered with `status`."""
        reply = await self.ask("POST", path, json=json, **request)
        assert reply.status_code == status, reply.text
        return reply.json()

    async def queue(self, number: str = "6175550100", **more: Any) -> int:
        """The id of a call that the owner queued."""
        by = more.pop("by", OWNER)
        order = {"deployment_id": self.deployment, "phone_number": number, **more}
        call = await self.post("/v1/calls", order, status=201, by=by)
        return int(call["id"])

    async def queue_list(self, count: int, **more: Any) -> int:
        """The id of a batch that the owner queued."""
        contacts = [{"phone_number": f"617555{number:04}"} for number in range(count)]
        order = {"deployment_id": self.deployment, "contacts": contacts, **more}
        batch = await self.post("/v1/batches", order, status=201)
        return int(batch["id"])

    async def waiting(self) -> int:
        return (await self.store.read(lambda tx: tx.queue_counts())).waiting


@dataclass(frozen=True)
class _Pacing:
    """That of the loops while they run."""

    loops: World

    def picture(self) -> PacingPicture:
        supervisor = self.loops.supervisor
        return (NOTHING_RUNS if supervisor is None else supervisor.pacing).picture()


@asynccontextmanager
async def native_world(folder: Path) -> AsyncIterator[NativeWorld]:
    clock = ManualClock()
    store = open_sqlite_store(folder / "native.db", server=True)
    app, deployment, survey, instance = await store.write(lambda tx: _furnish(tx, clock))
    settings = Config(
        server=ServerSettings(listen=HostPort("127.0.0.1", 0)),
        limits=LimitSettings(csv_bytes="2MiB", form_bytes="64KiB"),
    )
    owner = await store.read(lambda tx: tx.user_by_email(OWNER[0]))
    aim = await store.read(lambda tx: tx.deployment(DeploymentId(deployment)))
    assert owner is not None
    assert aim is not None
    loops = World(store=store, clock=clock, user=owner, deployment=aim)
    world = NativeWorld(
        store=store,
        clock=clock,
        url="",
        app=app,
        deployment=deployment,
        survey=survey,
        instance=instance,
        loops=loops,
    )

    def changed() -> None:
        world.changes.append(None)
        if loops.supervisor is not None:
            loops.supervisor.wake()

    def hang_up(call_id: CallId) -> None:
        world.hung_up.append(call_id)
        if loops.supervisor is not None:
            loops.supervisor.attempts.hang_up(call_id)

    server = HttpServer(
        make_app(
            store,
            clock,
            settings,
            can_speak=True,
            on_change=changed,
            vitals=Vitals(is_dialling=lambda: True),
            hang_up=hang_up,
            pacing=_Pacing(loops),
        ),
        settings.server.listen,
    )
    world.url = f"http://{await server.start()}"
    # No certificates are loaded: half of the time of a test otherwise.
    world.client = httpx2.AsyncClient(base_url=world.url, timeout=20, verify=False)
    try:
        yield world
    finally:
        await world.client.aclose()
        await server.stop(1.0)
        await store.close()


def run_native(folder: Path, test: Callable[[NativeWorld], Awaitable[None]]) -> None:
    async def run() -> None:
        async with native_world(folder) as world:
            await test(world)

    asyncio.run(run())


def _furnish(tx: WriteTx, clock: ManualClock) -> tuple[int, int, int, int]:
    now = clock.now()
    administer.add_user(tx, *OWNER, is_admin=False, now=now)
    administer.add_user(tx, *COLLEAGUE, is_admin=False, now=now)
    administer.add_user(tx, *ADMIN, is_admin=True, now=now)
    elsewhere = tx.add_account("elsewhere", now)
    email, key = STRANGER
    tx.add_user(elsewhere, email, hash_key(key), is_admin=True, now=now)
    ids: list[int] = []
    for product, sample in ((Product.FUSE, SAMPLE_FLOW), (Product.INSIGHT, SAMPLE_SURVEY)):
        program_id = administer.add_program(
            tx,
            product,
            administer.find_user(tx, OWNER[0]),
            f"{product} program",
            load_sample(sample),
            metadatabase=None if product is Product.FUSE else ("first_name", "city"),
            now=now,
        )
        program = administer.find_program(tx, product, program_id)
        deployment_id = administer.deploy(tx, program, DeploymentOrder(variables={}), now)
        ids += [program_id, deployment_id]
    return ids[0], ids[1], ids[2], ids[3]
