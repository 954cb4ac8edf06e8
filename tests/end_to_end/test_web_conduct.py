"""What the routes of the dialects have in common: conflicts, paths, links, logs, health."""

import asyncio
import json
from datetime import timedelta
from itertools import product as product_of

import structlog
from web_routes import (
    BOTH_FORMATS,
    FUSE,
    INSIGHT,
    PREFIX,
    accept,
    assert_refused,
    every_route,
    queue_one,
    send,
    shape_when_unknown,
)
from web_world import (
    DEPLOYMENT,
    EMAIL,
    KEY,
    NOW,
    PROGRAM,
    WebWorld,
    basic,
    run_world,
)

from callwright.config import Config, HostPort, ServerSettings
from callwright.domain.ids import ProgramId
from callwright.ivr.files import SAMPLE_SURVEY, load_sample
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.testing.peers.waiting import wait_for


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
