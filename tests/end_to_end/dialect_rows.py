"""Every request that the dialects document, and one who asks it in every wrong way.

The rows are the contract's table of endpoints.

Source: wire contract, sections 1 and 2.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx2
from native_world import OWNER, NativeWorld, run_native

from callwright.domain.account import Product
from callwright.ports.store import WriteTx
from callwright.service import administer

FUSE, INSIGHT = Product.FUSE, Product.INSIGHT
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
ONE_CALL = "phone_number=6175551234"
LIST = (
    '--b\r\nContent-Disposition: form-data; name="csv"; filename="list.csv"\r\n\r\n'
    "destination\n6175551234\n\r\n--b--\r\n"
)
RECORD = "metadatabase=insight+program&record=%7B%22city%22%3A%22Boston%22%7D"

INACTIVE = ("inactive@example.org", "inactive's-developer-key")
DELETED = ("deleted@example.org", "deleted's-developer-key")

NO_DEPLOYMENT = "No deployment was found by that application id and deployment id."
NO_SURVEY = "No survey was found by that survey id and instance id."
NO_INSTANCE = "No deployment was found by that survey id and instance id."
NOT_YOUR_APP = "You have no permission to use this application."
NOT_YOUR_SURVEY = "You have no permission to use this survey."
NOT_YOUR_CALL = "This call belongs to another user."
APP_DELETED = "The application was deleted."
SURVEY_DELETED = "The survey was deleted."
UNAUTHORIZED = "The credentials are invalid, or the account is inactive."
USER_DELETED = "This user was deleted."
UNSUPPORTED = "The media type of the request is not supported."


@dataclass(frozen=True, kw_only=True)
class Row:
    """A documented request that is right in every way, and what is said when it is not.

    `{app}`, `{deployment}`, `{survey}`, `{instance}`, `{call}`, `{surveyed}` in a path are
    ids of the world; an empty text = that mistake cannot be made on this route.
    """

    route: str
    product: Product
    method: str
    path: str
    success: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    nowhere: dict[str, str] = field(default_factory=dict)
    """Paths that are not found, with what is said of them."""
    forbidden: str = ""
    deleted: str = ""
    """Once the program was deleted."""

    @property
    def name(self) -> str:
        return self.route


APP, SURVEY = "/api/apps/{app}/{deployment}", "/api/surveys/{survey}/{instance}"


def _aimed(route: str, product: Product, method: str, verb: str, **more: object) -> Row:
    if product is FUSE:
        return Row(
            route=route,
            product=product,
            method=method,
            path=f"{APP}/{verb}",
            nowhere={
                f"/api/apps/99/{{deployment}}/{verb}": NO_DEPLOYMENT,
                f"/api/apps/{{app}}/99/{verb}": NO_DEPLOYMENT,
                f"/api/apps/{{app}}/{{instance}}/{verb}": NO_DEPLOYMENT,
                f"/api/apps/{{survey}}/{{instance}}/{verb}": NO_DEPLOYMENT,
                f"/api/apps/x/{{deployment}}/{verb}": NO_DEPLOYMENT,
            },
            forbidden=NOT_YOUR_APP,
            deleted=APP_DELETED,
            **more,  # type: ignore[arg-type]
        )
    return Row(
        route=route,
        product=product,
        method=method,
        path=f"{SURVEY}/{verb}",
        nowhere={
            f"/api/surveys/99/{{instance}}/{verb}": NO_SURVEY,
            f"/api/surveys/{{app}}/{{deployment}}/{verb}": NO_SURVEY,
            f"/api/surveys/{{survey}}/99/{verb}": NO_INSTANCE,
            f"/api/surveys/{{survey}}/{{deployment}}/{verb}": NO_INSTANCE,
            f"/api/surveys/{{survey}}/1e3/{verb}": NO_INSTANCE,
        },
        forbidden=NOT_YOUR_SURVEY,
        deleted=SURVEY_DELETED,
        **more,  # type: ignore[arg-type]
    )


_ONE = {"headers": FORM, "body": ONE_CALL}
_MANY = {"headers": MULTIPART, "body": LIST}
_NO_CALL = {"/api/outbound/99": "No call was found.", "/api/outbound/-1": "No call was found."}
_NO_REPORT = {
    "/api/report/99": "No report was found.",
    "/api/report/{app}": "No report was found.",
    "/api/report/x": "No report was found.",
}

ROWS = [
    _aimed("F1", FUSE, "POST", "queue", **_ONE),
    _aimed("F2", FUSE, "POST", "bulk_queue", **_MANY),
    Row(
        route="F3",
        product=FUSE,
        method="GET",
        path="/api/outbound/{call}",
        nowhere=_NO_CALL,
        forbidden=NOT_YOUR_CALL,
    ),
    _aimed("F4", FUSE, "DELETE", "cancel", success=202),
    Row(route="F5", product=FUSE, method="GET", path="/api/calls/0/1900000000"),
    Row(route="F6", product=FUSE, method="GET", path="/api/all_logs/0/1900000000"),
    _aimed("I1", INSIGHT, "POST", "queue", **_ONE),
    _aimed("I2", INSIGHT, "POST", "bulk_queue", **_MANY),
    Row(
        route="I3",
        product=INSIGHT,
        method="GET",
        path="/api/outbound/{surveyed}",
        forbidden=NOT_YOUR_CALL,
    ),
    _aimed("I4", INSIGHT, "DELETE", "cancel", success=202),
    _aimed("I5", INSIGHT, "GET", "responses"),
    Row(
        route="I6",
        product=INSIGHT,
        method="POST",
        path="/api/metadatabase_push",
        headers=FORM,
        body=RECORD,
    ),
    Row(
        route="I7",
        product=INSIGHT,
        method="GET",
        path="/api/report/{survey}",
        nowhere=_NO_REPORT,
        forbidden=NOT_YOUR_SURVEY,
        deleted=SURVEY_DELETED,
    ),
]


@dataclass
class Asker:
    """Asks one route, and compares what it says."""

    world: NativeWorld
    row: Row
    ids: dict[str, int]

    async def ask(
        self, by: tuple[str, str] | None = OWNER, **changed: object
    ) -> dict[bool, httpx2.Response]:
        """The replies, by whether XML was wanted."""
        replies = {}
        for xml in (False, True):
            accept = "application/xml" if xml else "application/json"
            replies[xml] = await self.world.ask(
                str(changed.get("method", self.row.method)),
                str(changed.get("path", self.row.path)).format(**self.ids),
                by=by,
                headers={**self.row.headers, "Accept": accept, **changed.get("headers", {})},  # type: ignore[dict-item]
                content=str(changed.get("body", self.row.body)).encode() or None,
            )
        return replies

    async def refused(
        self, status: int, text: str, by: tuple[str, str] | None = OWNER, **changed: object
    ) -> dict[bool, httpx2.Response]:
        product = changed.pop("product", self.row.product)
        replies = await self.ask(by, **changed)
        for xml, reply in replies.items():
            assert reply.status_code == status, (xml, by, changed, reply.text)
            assert reply.content == told(product, text, xml=xml), (by, changed)
            kind = "application/xml; charset=utf-8" if xml else "application/json"
            assert reply.headers["content-type"] == kind
            assert reply.headers["x-request-id"]
        return replies

    async def succeeds(self, by: tuple[str, str] = OWNER, **changed: object) -> None:
        for xml, reply in (await self.ask(by, **changed)).items():
            assert reply.status_code == self.row.success, (xml, by, changed, reply.text)


def told(product: object, text: str, *, xml: bool) -> bytes:
    """A refusal as the product words it, byte for byte."""
    if product is FUSE:
        if xml:
            return f'<?xml version="1.0"?>\n<result><error>{text}</error></result>'.encode()
        return f'{{"error":"{text}"}}'.encode()
    if xml:
        return f"<result><success>false</success><error>{text}</error></result>".encode()
    return f'{{"success":false,"error":"{text}"}}'.encode()


def with_asker(folder: Path, row: Row, test: Callable[[Asker], Awaitable[None]]) -> None:
    async def run(world: NativeWorld) -> None:
        call = await world.queue()
        surveyed = await world.queue(deployment_id=world.instance)
        await world.store.write(lambda tx: add_people(tx, world.clock.now()))
        ids = {
            "app": world.app,
            "deployment": world.deployment,
            "survey": world.survey,
            "instance": world.instance,
            "call": call,
            "surveyed": surveyed,
        }
        await test(Asker(world, row, ids))

    run_native(folder, run)


def add_people(tx: WriteTx, now: datetime) -> None:
    for email, key in (INACTIVE, DELETED):
        # Admins: nothing but what they are named after stands in their way.
        administer.add_user(tx, email, key, is_admin=True, now=now)
    administer.set_active(tx, INACTIVE[0], active=False)
    administer.delete_user(tx, DELETED[0], now)
