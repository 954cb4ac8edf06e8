"""Each documented status of each route, told over HTTP on a real store.

Names follow the tables of the wire contract, sections 1 and 2.
"""

import json
from itertools import product as product_of

import pytest
from web_routes import (
    BOTH_FORMATS,
    FUSE,
    INSIGHT,
    PREFIX,
    accept,
    assert_refused,
    every_aimed_route,
    every_queueing_route,
    every_route,
    queue_one,
    send,
    shape_when_unknown,
)
from web_world import (
    DEPLOYMENT,
    EMAIL,
    KEY,
    OTHER_EMAIL,
    OTHER_KEY,
    PROGRAM,
    WebWorld,
    basic,
    run_world,
)

from callwright.domain.ids import ProgramId
from callwright.service import administer


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
