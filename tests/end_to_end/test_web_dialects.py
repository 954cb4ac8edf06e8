"""Each route and each documented status, told over HTTP on a real store.

Names follow the tables of the wire contract, sections 1 and 2.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import product as product_of
from xml.etree import ElementTree

import pytest
import structlog
from web_world import (
    DEPLOYMENT,
    EMAIL,
    KEY,
    NOW,
    OTHER_EMAIL,
    OTHER_KEY,
    PROGRAM,
    Answer,
    WebWorld,
    basic,
    run_world,
)

from callwright.config import Config, HostPort, ServerSettings
from callwright.domain.account import Product
from callwright.domain.ids import ProgramId
from callwright.ivr.files import SAMPLE_SURVEY, load_sample
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.testing.peers.waiting import wait_for

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


@every_route
def test_success(route, tmp_path):
    async def test(world: WebWorld) -> None:
        if "outbound" in route.path:
            await queue_one(world, route.product)
        answer = await send(world, route)
        if route.method == "DELETE":
            assert (answer.status, answer.body) == (202, b"")
            return
        assert answer.status == 200, answer.text
        value = json.loads(answer.body)
        if route.product is INSIGHT:
            assert value.pop("success") is True
        if route.path.endswith("/queue"):
            assert set(value) == {"call_id"}
            link = f'<http://calls.example.com:8080/api/outbound/{value["call_id"]}>; rel="status"'
            assert answer.headers["link"] == link
        elif route.path.endswith("bulk_queue"):
            assert value == ({"calls_queued": 2} if route.product is FUSE else {})
            assert await world.waiting() == 2
        else:
            details = value["call_details"]
            assert details["status"] == "queued"
            assert ("phone_number" in details) is (route.product is FUSE)

    run_world(tmp_path, test, route.product)


@every_route
def test_401_no_key_wrong_key_unknown_user_inactive_user(route, tmp_path):
    async def test(world: WebWorld) -> None:
        async def refused(auth: str | None) -> None:
            for xml in BOTH_FORMATS:
                answer = await send(world, route, auth=auth, Accept=accept(xml))
                assert_refused(answer, shape_when_unknown(route), 401, xml=xml)
                challenge = 'Basic realm="callwright", charset="UTF-8"'
                assert answer.headers["www-authenticate"] == challenge

        await refused(None)
        await refused(basic(EMAIL, "wrong_developer_key"))
        await refused(basic("nobody@yourdomain.com", KEY))
        await refused("Basic ###")
        await refused("Bearer " + KEY)
        await refused("Basic " + "bm9jb2xvbg==")
        await world.change(lambda tx: administer.set_active(tx, EMAIL, active=False))
        await refused(basic())
        assert await world.waiting() == 0

    run_world(tmp_path, test, route.product)


@every_route
def test_403_another_users(route, tmp_path):
    async def test(world: WebWorld) -> None:
        await queue_one(world, route.product)
        auth = basic(OTHER_EMAIL, OTHER_KEY)
        for xml in BOTH_FORMATS:
            answer = await send(world, route, auth=auth, Accept=accept(xml))
            # Known by now, so even /api/outbound speaks the owner's dialect.
            assert_refused(answer, route.product, 403, xml=xml)
        assert await world.waiting() == 1

    run_world(tmp_path, test, route.product)


@every_route
def test_404_unknown_ids_and_ids_that_are_no_integers(route, tmp_path):
    async def test(world: WebWorld) -> None:
        if "outbound" in route.path:
            paths = [
                f"/api/outbound/{i}" for i in ("1", "0", "x", "-1", "1.0", "9" * 40, "%EF%BC%91")
            ]
        else:
            head, _, verb = route.path.rpartition("/")
            base = head.rsplit("/", 2)[0]
            paths = [
                f"{base}/{ids}/{verb}"
                for ids in (
                    "1/5678",
                    "1234/1",
                    "1234/x",
                    "x/5678",
                    "1234/+5678",
                    "1234/" + "9" * 40,
                )
            ]
        for path, xml in product_of(paths, BOTH_FORMATS):
            answer = await send(world, route, path=path, Accept=accept(xml))
            text = assert_refused(answer, shape_when_unknown(route), 404, xml=xml)
            if route.product is FUSE and path.endswith("queue") and "1234" in path:
                wanted = "No deployment was found by that application id and deployment id."
                assert text == wanted

    run_world(tmp_path, test, route.product)


@every_aimed_route
def test_409_deleted(route, tmp_path):
    async def test(world: WebWorld) -> None:
        await world.change(lambda tx: tx.delete_program(ProgramId(PROGRAM), world.clock.now()))
        for xml in BOTH_FORMATS:
            answer = await send(world, route, Accept=accept(xml))
            assert_refused(answer, route.product, 409, xml=xml)
        assert await world.waiting() == 0

    run_world(tmp_path, test, route.product)


@every_route
def test_405_other_methods_before_anything_else(route, tmp_path):
    async def test(world: WebWorld) -> None:
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - {
            route.method
        }:
            for xml in (False, True):
                answer = await send(world, route, method=method, auth=None, Accept=accept(xml))
                assert_refused(answer, shape_when_unknown(route), 405, xml=xml)
                assert answer.headers["allow"] == route.method
        head = await send(world, route, method="HEAD")
        assert (head.status, head.body, head.headers["allow"]) == (405, b"", route.method)

    run_world(tmp_path, test, route.product)


@every_queueing_route
def test_compressed_bodies_are_refused(route, tmp_path):
    async def test(world: WebWorld) -> None:
        answer = await send(world, route, Content_Encoding="gzip")
        # 415 is none of Fuse's documented codes.
        assert_refused(answer, route.product, 400 if route.product is FUSE else 415)

    run_world(tmp_path, test, route.product)


@pytest.mark.parametrize("verb", ["queue", "bulk_queue"])
@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "text/csv"])
def test_415_insight_takes_only_forms(verb, content_type, tmp_path):
    async def test(world: WebWorld) -> None:
        path = f"{PREFIX[INSIGHT]}/{DEPLOYMENT}/{verb}"
        answer = await world.ask("POST", path, "phone_number=1", content_type=content_type)
        assert_refused(answer, INSIGHT, 415)

    run_world(tmp_path, test, INSIGHT)


@every_queueing_route
def test_400_a_field_that_is_wrong(route, tmp_path):
    async def test(world: WebWorld) -> None:
        form = "application/x-www-form-urlencoded"
        for xml in BOTH_FORMATS:
            answer = await send(
                world, route, body="max_attempts=2", content_type=form, Accept=accept(xml)
            )
            assert_refused(answer, route.product, 400, xml=xml)
        assert await world.waiting() == 0
        assert world.changes == 0

    run_world(tmp_path, test, route.product)


@pytest.mark.parametrize("product", [FUSE, INSIGHT])
def test_400_the_documented_texts(product, tmp_path):
    name = "max_attempts" if product is FUSE else "attempts"

    async def test(world: WebWorld) -> None:
        path = f"{PREFIX[product]}/{DEPLOYMENT}/queue"
        answer = await world.ask("POST", path, "phone_number=6175551234&max_attempts=2")
        text = assert_refused(answer, product, 400)
        assert text == (
            "The reattempt_wait parameter must be supplied when max_attempts is greater than 1."
        )
        answer = await world.ask("POST", path, f"phone_number=6175551234&{name}=11")
        text = assert_refused(answer, product, 400)
        assert text == f"{name} can only be an integer between 1 and 10."

    run_world(tmp_path, test, product)


@every_queueing_route
def test_400_a_body_over_the_limit(route, tmp_path):
    async def test(world: WebWorld) -> None:
        limit = 40 * 1024 if route.path.endswith("/queue") else 200 * 1024
        too_long = "phone_number=6175551234&x=" + "y" * limit
        answer = await send(world, route, body=too_long)
        assert "larger than" in assert_refused(answer, route.product, 400)
        head = (
            f"POST {route.path} HTTP/1.1\r\nAuthorization: {basic()}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"%x\r\n%b\r\n" % (len(too_long), too_long.encode())
        unannounced = await world.raw(head.encode() + chunk + b"0\r\n\r\n")
        assert unannounced is not None
        assert "larger than" in assert_refused(unannounced, route.product, 400)
        assert await world.waiting() == 0

    run_world(tmp_path, test, route.product)


def test_409_insight_instance_that_is_not_the_current_one_expired_or_full(tmp_path):
    path = f"{PREFIX[INSIGHT]}/{DEPLOYMENT}"

    async def test(world: WebWorld) -> None:
        def redeploy(**order: object) -> int:
            async def deploy() -> int:
                return await world.store.write(
                    lambda tx: administer.deploy(
                        tx,
                        administer.find_program(tx, INSIGHT, ProgramId(PROGRAM)),
                        DeploymentOrder(variables={}, **order),
                        world.clock.now(),
                    )
                )

            return deploy()

        full = await redeploy(max_responses=1)
        answer = await world.ask("POST", f"{path}/queue", "phone_number=6175551234")
        assert "instance_id" in assert_refused(answer, INSIGHT, 409)
        await world.change(lambda tx: tx.count_response(full))
        current = f"{PREFIX[INSIGHT]}/{full}"
        answer = await world.ask("POST", f"{current}/queue", "phone_number=6175551234")
        assert "responses" in assert_refused(answer, INSIGHT, 409)
        expiring = await redeploy(expires_at=NOW + timedelta(seconds=10))
        world.clock.advance(10)
        current = f"{PREFIX[INSIGHT]}/{expiring}"
        answer = await world.ask("POST", f"{current}/queue", "phone_number=6175551234")
        assert "expired" in assert_refused(answer, INSIGHT, 409)
        # What waits on them can still be cancelled.
        for instance in (DEPLOYMENT, full, expiring):
            answer = await world.ask("DELETE", f"{PREFIX[INSIGHT]}/{instance}/cancel")
            assert answer.status == 202

    run_world(tmp_path, test, INSIGHT)


def test_409_metadata_without_a_metadatabase_and_400_unknown_column(tmp_path):
    async def test(world: WebWorld) -> None:
        path = f"{PREFIX[INSIGHT]}/{DEPLOYMENT}/queue"
        answer = await world.ask("POST", path, "phone_number=6175551234&metadata[age]=3")
        assert_refused(answer, INSIGHT, 400)

        def bare(tx):
            owner = administer.find_user(tx, EMAIL)
            script = load_sample(SAMPLE_SURVEY)
            added = administer.add_program(tx, INSIGHT, owner, "bare", script, now=NOW)
            program = administer.find_program(tx, INSIGHT, added)
            return added, administer.deploy(tx, program, DeploymentOrder(variables={}), NOW)

        survey, instance = await world.store.write(bare)
        path = f"/api/surveys/{survey}/{instance}/queue"
        answer = await world.ask("POST", path, "phone_number=6175551234&metadata[age]=3")
        assert_refused(answer, INSIGHT, 409)

    run_world(tmp_path, test, INSIGHT)


def test_a_survey_is_no_application_and_the_other_way_round(tmp_path):
    async def test(world: WebWorld) -> None:
        other = f"/api/surveys/{PROGRAM}/{DEPLOYMENT}/queue"
        answer = await world.ask("POST", other, "phone_number=6175551234")
        assert_refused(answer, INSIGHT, 404)

    run_world(tmp_path, test, FUSE)


def test_404_unknown_paths_in_the_shape_of_their_dialect(tmp_path):
    paths = {
        "/api": FUSE,
        "/api/": FUSE,
        "/api/nothing": FUSE,
        "/api/apps/1234/5678/queue/": FUSE,
        "/api/apps/1234/queue": FUSE,
        "/api/outbound/": FUSE,
        "/api/surveys": INSIGHT,
        "/api/surveys/1234/5678/nothing": INSIGHT,
        "/api/surveysx": FUSE,
        "/nothing": FUSE,
    }

    async def test(world: WebWorld) -> None:
        for path, method, xml in product_of(paths, ("GET", "POST", "OPTIONS"), BOTH_FORMATS):
            answer = await world.ask(method, path, auth=None, Accept=accept(xml))
            assert_refused(answer, paths[path], 404, xml=xml)
        head = await world.ask("HEAD", "/api/nothing")
        assert (head.status, head.body) == (404, b"")

    run_world(tmp_path, test)


def test_cancel_ends_what_waits_and_may_be_repeated(tmp_path):
    async def test(world: WebWorld) -> None:
        await queue_one(world, FUSE)
        for _ in range(2):
            answer = await world.ask("DELETE", f"{PREFIX[FUSE]}/{DEPLOYMENT}/cancel")
            assert (answer.status, answer.body) == (202, b"")
            assert "content-type" not in answer.headers
        answer = await world.ask("GET", "/api/outbound/1")
        assert json.loads(answer.body)["call_details"]["status"] == "canceled"

    run_world(tmp_path, test)


def test_link_uses_the_public_url_when_one_is_set(tmp_path):
    config = Config(
        server=ServerSettings(
            listen=HostPort("127.0.0.1", 0), public_url="https://calls.example.com/x/"
        )
    )

    async def test(world: WebWorld) -> None:
        path = f"{PREFIX[FUSE]}/{DEPLOYMENT}/queue"
        answer = await world.ask("POST", path, "phone_number=6175551234")
        assert answer.headers["link"] == (
            '<https://calls.example.com/x/api/outbound/1>; rel="status"'
        )

    run_world(tmp_path, test, config=config)


def test_link_never_repeats_a_host_that_is_none(tmp_path):
    body = b"phone_number=6175551234"

    async def test(world: WebWorld) -> None:
        for call_id, host in enumerate(['evil"><x', "a b", "", "x>; rel=y"], start=1):
            await check(world, call_id, host)

    async def check(world: WebWorld, call_id: int, host: str) -> None:
        head = (
            f"POST {PREFIX[FUSE]}/{DEPLOYMENT}/queue HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: {basic()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = await world.raw(head.encode() + body)
        assert answer is not None
        assert answer.status == 200
        link = f'<http://127.0.0.1:0/api/outbound/{call_id}>; rel="status"'
        assert answer.headers["link"] == link

    run_world(tmp_path, test)


def test_a_client_that_hangs_up_in_the_middle_queues_nothing(tmp_path):
    async def test(world: WebWorld) -> None:
        for name in ("queue", "bulk_queue"):
            head = (
                f"POST {PREFIX[FUSE]}/{DEPLOYMENT}/{name} HTTP/1.1\r\n"
                f"Authorization: {basic()}\r\nContent-Length: 5000\r\n\r\n"
            )
            body = b"phone_number=6175551234&csv=destination%0A6175551234%0A"
            assert await world.raw(head.encode() + body, close_after=True) is None
        # A request on a fresh connection is answered after those were dropped.
        assert (await world.ask("GET", "/healthz")).status == 200
        assert await world.waiting() == 0
        assert world.changes == 0

    run_world(tmp_path, test)


def test_a_request_id_is_given_or_kept(tmp_path):
    async def test(world: WebWorld) -> None:
        kept = await world.ask("GET", "/healthz", X_Request_Id="job-7.1")
        assert kept.headers["x-request-id"] == "job-7.1"
        for hostile in ("a b", "x" * 65, 'x"y'):
            answer = await world.ask("GET", "/healthz", X_Request_Id=hostile)
            assert answer.headers["x-request-id"] not in (hostile, "")

    run_world(tmp_path, test)


def test_healthz_and_readyz(tmp_path):
    async def test(world: WebWorld) -> None:
        for path in ("/healthz", "/readyz"):
            answer = await world.ask("GET", path, auth=None)
            assert (answer.status, answer.text) == (200, '{"status":"ok"}')
            assert (await world.ask("HEAD", path)).status == 200
            assert_refused(await world.ask("POST", path, "x"), FUSE, 405)
        world.can_dial = False
        answer = await world.ask("GET", "/readyz", auth=None)
        assert answer.status == 503
        assert json.loads(answer.body)["problems"] == ["no line is up"]
        assert (await world.ask("GET", "/healthz")).status == 200

    run_world(tmp_path, test)


@every_route
def test_500_the_store_failed(route, tmp_path):
    async def test(world: WebWorld) -> None:
        await world.store.close()
        for xml in BOTH_FORMATS:
            answer = await send(world, route, Accept=accept(xml))
            text = assert_refused(answer, shape_when_unknown(route), 500, xml=xml)
            assert text == "database error"
        ready = await world.ask("GET", "/readyz")
        assert ready.status == 503

    run_world(tmp_path, test, route.product)


def requests_in(lines, count: int) -> bool:
    return sum(line["event"] == "request" for line in lines) >= count


def test_the_log_has_one_line_a_request_and_nothing_personal(tmp_path):
    async def test(world: WebWorld) -> None:
        path = f"{PREFIX[FUSE]}/{DEPLOYMENT}/queue"
        with structlog.testing.capture_logs() as lines:
            await world.ask("POST", path, 'phone_number=6175551234&metadata={"first_name":"Ana"}')
            await world.ask("POST", path, "phone_number=617555123")
            await world.ask("GET", "/api/outbound/6175551234?number=6175551234")
            # A line is written once its answer is out, which is when we have it.
            await asyncio.to_thread(
                wait_for, "last line", lambda: requests_in(lines, 3), within_s=5
            )
        requests = [line for line in lines if line["event"] == "request"]
        assert [line["status"] for line in requests] == [200, 400, 404]
        assert [line["log_level"] for line in requests] == ["info", "info", "info"]
        assert requests[2]["path"] == "/api/outbound/**********"
        assert all(line["ms"] >= 0 for line in requests)
        for secret in ("617555", "Ana", KEY, EMAIL, basic()):
            assert secret not in repr(lines)

    run_world(tmp_path, test)
