"""The dialects' routes as requests, named as in the wire contract, and what a refusal is."""

import json
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest
from web_world import (
    DEPLOYMENT,
    PROGRAM,
    Answer,
    WebWorld,
)

from callwright.domain.account import Product

FUSE, INSIGHT = Product.FUSE, Product.INSIGHT
PREFIX = {FUSE: f"/api/apps/{PROGRAM}", INSIGHT: f"/api/surveys/{PROGRAM}"}
LIST = "destination,first_name\n6175551234,Steve\n6175555678,Ana\n"


@dataclass(frozen=True)
class RouteCase:
    """One of the documented requests, right in every way."""

    name: str
    product: Product
    method: str
    path: str
    body: str | None = None
    content_type: str = "application/x-www-form-urlencoded"


def _route(name: str, product: Product, method: str, verb: str, *body: str) -> RouteCase:
    return RouteCase(name, product, method, f"{PREFIX[product]}/{DEPLOYMENT}/{verb}", *body)


UPLOAD = (
    '--b\r\nContent-Disposition: form-data; name="csv"; filename="list.csv"\r\n\r\n'
    f"{LIST}\r\n--b--\r\n"
)
MULTIPART = "multipart/form-data; boundary=b"

ROUTES = [
    _route("F1", FUSE, "POST", "queue", "phone_number=6175551234"),
    _route("F2", FUSE, "POST", "bulk_queue", UPLOAD, MULTIPART),
    RouteCase("F3", FUSE, "GET", "/api/outbound/1"),
    _route("F4", FUSE, "DELETE", "cancel"),
    _route("I1", INSIGHT, "POST", "queue", "phone_number=6175551234"),
    _route("I2", INSIGHT, "POST", "bulk_queue", UPLOAD, MULTIPART),
    RouteCase("I3", INSIGHT, "GET", "/api/outbound/1"),
    _route("I4", INSIGHT, "DELETE", "cancel"),
]
AIMED = [route for route in ROUTES if "outbound" not in route.path]
QUEUEING = [route for route in ROUTES if route.method == "POST"]

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.name)
every_aimed_route = pytest.mark.parametrize("route", AIMED, ids=lambda r: r.name)
every_queueing_route = pytest.mark.parametrize("route", QUEUEING, ids=lambda r: r.name)
BOTH_FORMATS = (False, True)


async def send(world: WebWorld, route: RouteCase, **changed: str | None) -> Answer:
    what = {"method": route.method, "path": route.path, "body": route.body}
    what["content_type"] = route.content_type
    what.update(changed)
    method, path, body = what.pop("method"), what.pop("path"), what.pop("body")
    return await world.ask(method, path, body, **what)


def assert_refused(answer: Answer, product: Product, status: int, *, xml: bool = False) -> str:
    """The error has its product's shape, whole; its text."""
    assert answer.status == status, answer.text
    assert "traceback" not in answer.text.lower()
    assert answer.headers["x-request-id"]
    if xml:
        assert answer.headers["content-type"].startswith("application/xml")
        assert answer.text.startswith("<?xml") is (product is FUSE)
        root = ElementTree.fromstring(answer.text)
        assert root.tag == "result"
        value = {child.tag: child.text for child in root}
        expected = {"error"} if product is FUSE else {"success", "error"}
        assert set(value) == expected
        if product is INSIGHT:
            assert value["success"] == "false"
    else:
        assert answer.headers["content-type"] == "application/json"
        value = json.loads(answer.body)
        assert set(value) == ({"error"} if product is FUSE else {"success", "error"})
        if product is INSIGHT:
            assert value["success"] is False
    assert value["error"]
    return value["error"]


async def queue_one(world: WebWorld, product: Product) -> None:
    answer = await world.ask(
        "POST", f"{PREFIX[product]}/{DEPLOYMENT}/queue", "phone_number=6175551234"
    )
    assert answer.status == 200, answer.text


def shape_when_unknown(route: RouteCase) -> Product:
    """Until the call is known, /api/outbound answers as Fuse."""
    return FUSE if "outbound" in route.path else route.product


def accept(xml: bool) -> str:
    return "application/xml" if xml else "application/json"
