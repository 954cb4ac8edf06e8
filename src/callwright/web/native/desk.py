"""What every handler is given: who asks, the parts of the server, and how to answer.

`Reader`, `Queuer`, `Controller`, `Maker` and `Administrator` are the desk behind a check of
the credentials' scope.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from callwright.clock import Clock
from callwright.config import Config
from callwright.domain.account import User
from callwright.domain.api_key import Scope
from callwright.domain.ids import CallId
from callwright.errors import NotPermitted
from callwright.ports.pacing_view import PacingView
from callwright.ports.recordings import Recordings
from callwright.ports.sip_messages import SipMessages
from callwright.ports.store import Lane, ReadTx, Store, WriteTx
from callwright.service.load_list import ListLoader
from callwright.service.workbook import Workbooks
from callwright.web.health import Vitals
from callwright.web.metrics import Metrics
from callwright.web.native.entrance import Caller
from callwright.web.native.imports import Imports

T = TypeVar("T")

JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the native API stands on."""

    store: Store
    clock: Clock
    config: Config
    can_speak: bool
    on_change: Callable[[], None]
    """Called after each commit that queued, cancelled, held or let go something."""
    loader: ListLoader
    workbooks: Workbooks = field(default_factory=Workbooks)
    metrics: Metrics
    hang_up: Callable[[CallId], None]
    """Ends the leg of a call that is being dialled or talks, if there is one here."""
    vitals: Vitals
    pacing: PacingView
    sip_messages: SipMessages
    recordings: Recordings
    resume: Callable[[], Awaitable[None]]
    """Lets a server dial whose start was held."""
    limits_changed: Callable[[], Awaitable[None]]
    """To be awaited once a trunk's limits were changed on disk: then they hold."""

    @property
    def spool_folder(self) -> Path:
        """For uploads: beside the database, a disk with room, and never one that is memory."""
        path = self.config.sqlite_path
        return self.config.folder if path is None else path.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One request, its sender, and the parts."""

    request: Request
    parts: Parts
    imports: Imports
    user: User
    scopes: frozenset[Scope]

    @property
    def now(self) -> datetime:
        return self.parts.clock.now()

    async def read(self, work: Callable[[ReadTx], T]) -> T:
        return await self.parts.store.read(work)

    async def write(self, work: Callable[[WriteTx], T]) -> T:
        """What `work` returns, once it is on disk; the loops then look again."""
        result = await self.parts.store.write(work, lane=Lane.INTAKE)
        self.parts.on_change()
        return result

    def show(self, value: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
        """`value` as the reply to a GET: 304 where the asker has it already."""
        body = to_json(value)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        given = {"ETag": tag, "Cache-Control": "private, no-cache", **(headers or {})}
        if _matches(self.request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=given)
        return Response(body, 200, given, JSON)


def answer(
    value: BaseModel | None, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`value` as the reply to a request that changed something."""
    given = {"Cache-Control": "no-store", **(headers or {})}
    if value is None:
        return Response(status_code=status, headers=given)
    return Response(to_json(value), status, given, JSON)


def to_json(value: BaseModel) -> bytes:
    return value.model_dump_json().encode()


def _matches(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names `tag`, by weak comparison (RFC 9110, section 13.1.2)."""
    names = [name.strip().removeprefix("W/") for name in header.split(",")]
    return "*" in names or tag in names


def _desk_for(scope: Scope | None) -> Callable[[Request], Awaitable[Desk]]:
    async def desk(request: Request) -> Desk:
        caller: Caller = request.state.caller
        if scope is not None and scope not in caller.scopes:
            raise NotPermitted(f"This key lacks the scope '{scope}'.")
        return Desk(
            request=request,
            parts=request.app.state.parts,
            imports=request.app.state.imports,
            user=caller.user,
            scopes=caller.scopes,
        )

    return desk


Anybody = Annotated[Desk, Depends(_desk_for(None))]
Reader = Annotated[Desk, Depends(_desk_for(Scope.READ))]
Queuer = Annotated[Desk, Depends(_desk_for(Scope.QUEUE))]
Controller = Annotated[Desk, Depends(_desk_for(Scope.CONTROL))]
Maker = Annotated[Desk, Depends(_desk_for(Scope.SETUP))]
Administrator = Annotated[Desk, Depends(_desk_for(Scope.USERS))]
