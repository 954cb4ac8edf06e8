"""The real HTTP side on a real store, seeded with the ids of the captured requests."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import apsw

from callwright.config import Config, HostPort, LimitSettings, ServerSettings
from callwright.domain.account import Product
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, load_sample
from callwright.ports.store import WriteTx
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.store.sqlite import SqliteStore, open_sqlite_store
from callwright.testing.manual_clock import ManualClock
from callwright.web.app import make_app
from callwright.web.health import Vitals
from callwright.web.server import HttpServer

EMAIL, KEY = "you@yourdomain.com", "your_developer_key"
OTHER_EMAIL, OTHER_KEY = "other@yourdomain.com", "another_developer_key"
PROGRAM, DEPLOYMENT = 1234, 5678

# Inside the window of the captured requests that name one.
NOW = datetime.fromtimestamp(1795221100, UTC)


def basic(email: str = EMAIL, key: str = KEY) -> str:
    return "Basic " + base64.b64encode(f"{email}:{key}".encode()).decode()


@dataclass(frozen=True)
class Answer:
    """A reply, taken apart."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class WebWorld:
    store: SqliteStore
    clock: ManualClock
    port: int = 0
    changes: int = 0
    can_dial: bool = True
    is_draining: bool = False
    log: list[str] = field(default_factory=list)

    async def raw(self, *pieces: bytes, close_after: bool = False) -> Answer | None:
        """The reply to a request given byte for byte; None if there was none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if close_after:
                writer.write_eof()
            async with asyncio.timeout(5):
                return await _read_answer(reader, head_only=pieces[0].startswith(b"HEAD "))
        finally:
            writer.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        *,
        auth: str | None = "",
        content_type: str | None = "application/x-www-form-urlencoded",
        **headers: str,
    ) -> Answer:
        """The reply to a plain request; `auth=None` sends no credentials."""
        lines = [f"{method} {path} HTTP/1.1", "Host: calls.example.com:8080"]
        if auth is not None:
            lines.append(f"Authorization: {auth or basic()}")
        if body is not None:
            body = body.encode() if isinstance(body, str) else body
            lines.append(f"Content-Length: {len(body)}")
            if content_type is not None:
                lines.append(f"Content-Type: {content_type}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        answer = await self.raw(head + (body or b""))
        assert answer is not None
        return answer

    async def waiting(self) -> int:
        return (await self.store.read(lambda tx: tx.queue_counts())).waiting

    async def details(self, call_id: int) -> CallDetails:
        found = await self.store.read(lambda tx: tx.call_details(CallId(call_id), self.clock.now()))
        assert found is not None
        return found

    async def change(self, work: Callable[[WriteTx], object]) -> None:
        await self.store.write(work)


@asynccontextmanager
async def web_world(folder: Path, product: Product = Product.FUSE, config: Config | None = None):
    """The server with one program 1234 of `product`, deployed as 5678."""
    clock = ManualClock(NOW)
    store = await _seeded_store(folder / f"{product}.db", product, clock.now())
    world = WebWorld(store, clock)

    def changed() -> None:
        world.changes += 1

    settings = config or Config(
        server=ServerSettings(listen=HostPort("127.0.0.1", 0)),
        limits=LimitSettings(csv_bytes="200KiB", form_bytes="40KiB"),
    )
    app = make_app(
        store,
        clock,
        settings,
        can_speak=True,
        on_change=changed,
        vitals=Vitals(is_dialling=lambda: world.can_dial, is_draining=lambda: world.is_draining),
    )
    server = HttpServer(app, settings.server.listen)
    world.port = (await server.start()).port
    try:
        yield world
    finally:
        await server.stop(1.0)
        await store.close()


def run_world(
    folder: Path,
    test: Callable[[WebWorld], Awaitable[None]],
    product: Product = Product.FUSE,
    config: Config | None = None,
) -> None:
    async def run() -> None:
        async with web_world(folder, product, config) as world:
            await test(world)

    asyncio.run(run())


async def _seeded_store(path: Path, product: Product, now: datetime) -> SqliteStore:
    store = open_sqlite_store(path, server=True)
    await store.write(lambda tx: _add_users(tx, now))
    await store.close()
    _skip_ids(path)
    store = open_sqlite_store(path, server=True)
    await store.write(lambda tx: _add_program(tx, product, now))
    return store


def _add_users(tx: WriteTx, now: datetime) -> None:
    administer.add_user(tx, EMAIL, KEY, is_admin=False, now=now)
    administer.grant_pci(tx, EMAIL)
    administer.add_user(tx, OTHER_EMAIL, OTHER_KEY, is_admin=False, now=now)


def _skip_ids(path: Path) -> None:
    """Take the ids before the captured ones, so that those are the next to be given out."""
    with apsw.Connection(str(path)) as connection:
        connection.execute(
            "INSERT INTO program (id, product, account, owner, name, script, created_at)"
            " VALUES (?, 'fuse', 1, 1, 'before', '{}', 0)",
            (PROGRAM - 1,),
        )
        connection.execute(
            "INSERT INTO deployment"
            " (id, program, label, script, variables, caller_id, trunk, created_at)"
            " VALUES (?, ?, '', '{}', '{}', '', '', 0)",
            (DEPLOYMENT - 1, PROGRAM - 1),
        )
    connection.close()


def _add_program(tx: WriteTx, product: Product, now: datetime) -> None:
    script = load_sample(SAMPLE_FLOW if product is Product.FUSE else SAMPLE_SURVEY)
    columns = None if product is Product.FUSE else ("first_name", "last_name")
    program_id = administer.add_program(
        tx,
        product,
        administer.find_user(tx, EMAIL),
        "captured",
        script,
        metadatabase=columns,
        now=now,
    )
    assert program_id == PROGRAM
    program = administer.find_program(tx, product, program_id)
    assert administer.deploy(tx, program, DeploymentOrder(variables={}), now) == DEPLOYMENT


async def _read_answer(reader: asyncio.StreamReader, *, head_only: bool) -> Answer | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if head.startswith("HTTP/1.1 100 "):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return None
    first, *lines = head.rstrip().split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    body = b""
    if not head_only:
        body = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(first.split(" ")[1]), headers, body)
