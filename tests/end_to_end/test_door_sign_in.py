"""Guessing keys: how often, from where, and what can be learnt from the answers."""

import base64
import json
import time

import pytest
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

from callwright.config import Config, HostPort, ServerSettings
from callwright.domain.account import Product
from callwright.errors import CredentialsInvalid
from callwright.ports.store import ReadTx
from callwright.service.authenticate import authenticate
from callwright.web.throttle import FAILURES_PER_NAME, FAILURES_PER_SOURCE, SPAN_S

FUSE = f"/api/apps/{PROGRAM}/{DEPLOYMENT}/queue"
INSIGHT = "/api/surveys/1/1/queue"
BEHIND_A_PROXY = Config(
    server=ServerSettings(listen=HostPort("127.0.0.1", 0), proxies=["127.0.0.1"])
)


async def fail(world: WebWorld, times: int, email: str = EMAIL, **headers: str) -> None:
    for _ in range(times):
        answer = await world.ask("GET", "/api/outbound/1", auth=basic(email, "guess"), **headers)
        assert answer.status == 401


@pytest.mark.parametrize(
    ("method", "path", "keys"),
    [
        ("GET", "/api/outbound/1", {"error"}),
        ("POST", FUSE, {"error"}),
        ("POST", INSIGHT, {"success", "error"}),
        ("GET", "/v1/calls", {"type", "title", "status", "detail"}),
    ],
)
def test_after_ten_failures_in_a_minute_even_the_right_key_waits(method, path, keys, tmp_path):
    async def test(world: WebWorld) -> None:
        for _ in range(FAILURES_PER_NAME):
            assert (await world.ask(method, path, auth=basic(key="guess"))).status == 401
        for key in ("guess", KEY):
            answer = await world.ask(method, path, auth=basic(key=key))
            assert answer.status == 429
            assert int(answer.headers["retry-after"]) == SPAN_S
            assert set(json.loads(answer.body)) == keys
        world.clock.advance(SPAN_S - 1)
        assert (await world.ask(method, path, auth=basic())).headers["retry-after"] == "1"
        world.clock.advance(1)
        assert (await world.ask(method, path, auth=basic())).status not in (401, 429)

    run_world(tmp_path, test)


def test_waiting_is_told_in_xml_to_those_who_want_it(tmp_path):
    async def test(world: WebWorld) -> None:
        await fail(world, FAILURES_PER_NAME)
        answer = await world.ask("POST", INSIGHT, Accept="application/xml")
        assert answer.status == 429
        assert answer.text.startswith("<result><success>false</success><error>Too many sign-ins")

    run_world(tmp_path, test)


def test_another_address_and_another_source_are_not_held_up(tmp_path):
    attacker, home = {"X_Forwarded_For": "192.0.2.1"}, {"X_Forwarded_For": "198.51.100.1"}

    async def test(world: WebWorld) -> None:
        await fail(world, FAILURES_PER_NAME, **attacker)
        path = "/api/outbound/1"
        assert (await world.ask("GET", path, **attacker)).status == 429
        assert (await world.ask("GET", path, X_Forwarded_For="192.0.2.77")).status == 429
        assert (await world.ask("GET", path, **home)).status == 404
        other = basic(OTHER_EMAIL, OTHER_KEY)
        assert (await world.ask("GET", path, auth=other, **attacker)).status == 404

    run_world(tmp_path, test, config=BEHIND_A_PROXY)


def test_who_forges_the_header_is_held_up_all_the_same(tmp_path):
    async def test(world: WebWorld) -> None:
        for i in range(FAILURES_PER_NAME):
            await fail(world, 1, X_Forwarded_For=f"192.0.2.{i}, 203.0.113.1")
            await fail(world, 1, email="x@y.z", X_Forwarded_For=f"198.51.{i}.1")
        forged = {"X_Forwarded_For": "10.1.1.1, 203.0.113.1"}
        assert (await world.ask("GET", "/api/outbound/1", **forged)).status == 429

    run_world(tmp_path, test, config=BEHIND_A_PROXY)

    async def without_a_proxy(world: WebWorld) -> None:
        for i in range(FAILURES_PER_NAME):
            await fail(world, 1, X_Forwarded_For=f"192.0.{i}.1")
        answer = await world.ask("GET", "/api/outbound/1", X_Forwarded_For="198.51.100.1")
        assert answer.status == 429

    (tmp_path / "bare").mkdir()
    run_world(tmp_path / "bare", without_a_proxy)


def test_a_source_that_goes_through_addresses_is_held_up_as_a_whole(tmp_path):
    source = {"X_Forwarded_For": "192.0.2.1"}

    async def test(world: WebWorld) -> None:
        for i in range(FAILURES_PER_SOURCE):
            await fail(world, 1, email=f"user{i}@example.com", **source)
        assert (await world.ask("GET", "/api/outbound/1", **source)).status == 429
        elsewhere = {"X_Forwarded_For": "192.0.3.1"}
        assert (await world.ask("GET", "/api/outbound/1", **elsewhere)).status == 404

    run_world(tmp_path, test, config=BEHIND_A_PROXY)


def test_one_address_in_other_spellings_is_one_address(tmp_path):
    async def test(world: WebWorld) -> None:
        for i in range(FAILURES_PER_NAME):
            await fail(world, 1, email=EMAIL.upper() if i % 2 else f" {EMAIL}")
        assert (await world.ask("GET", "/api/outbound/1")).status == 429

    run_world(tmp_path, test)


def test_requests_without_credentials_have_guessed_nothing(tmp_path):
    async def test(world: WebWorld) -> None:
        for auth in (None, "Basic ###", "Digest x", "Basic " + base64.b64encode(b"x").decode()):
            for _ in range(FAILURES_PER_NAME + 1):
                assert (await world.ask("GET", "/api/outbound/1", auth=auth)).status == 401
        assert (await world.ask("GET", "/api/outbound/1")).status == 404

    run_world(tmp_path, test)


def test_answers_that_need_no_sign_in_forgive_no_failure(tmp_path):
    async def test(world: WebWorld) -> None:
        for _ in range(FAILURES_PER_NAME - 1):
            await fail(world, 1)
            assert (await world.ask("GET", "/healthz", auth=basic(key="guess"))).status == 200
        await fail(world, 1)
        assert (await world.ask("GET", "/healthz", auth=basic(key="guess"))).status == 429
        assert (await world.ask("GET", "/healthz", auth=None)).status == 200

    run_world(tmp_path, test)


def test_keys_without_an_address_are_guessed_no_faster(tmp_path):
    async def test(world: WebWorld) -> None:
        for i in range(FAILURES_PER_NAME):
            assert (await world.ask("GET", "/v1/calls", auth=f"Bearer guess{i}")).status == 401
        assert (await world.ask("GET", "/v1/calls", auth="Bearer other")).status == 429

    run_world(tmp_path, test)


@pytest.mark.parametrize("product", Product)
def test_an_unknown_address_and_a_wrong_key_are_answered_alike_to_the_byte(product, tmp_path):
    path = FUSE if product is Product.FUSE else INSIGHT

    async def test(world: WebWorld) -> None:
        def parts(answer):
            kept = {n: v for n, v in answer.headers.items() if n not in ("date", "x-request-id")}
            return answer.status, kept, answer.body

        wrong = await world.ask("POST", path, auth=basic(key="wrong"))
        unknown = await world.ask("POST", path, auth=basic("nobody@example.com", KEY))
        control = await world.ask("POST", path, auth=basic(EMAIL, KEY + "\0"))
        assert parts(wrong) == parts(unknown) == parts(control)
        assert wrong.status == 401

    run_world(tmp_path, test, product)


def test_an_unknown_address_takes_as_long_as_a_wrong_key(tmp_path):
    async def test(world: WebWorld) -> None:
        def shortest_s(tx: ReadTx, email: str) -> float:
            """Processor time of the quickest of many: whatever else runs cannot shorten it."""
            took = []
            for _ in range(500):
                began = time.thread_time()
                with pytest.raises(CredentialsInvalid):
                    authenticate(tx, email, "guess")
                took.append(time.thread_time() - began)
            return min(took)

        wrong = await world.store.read(lambda tx: shortest_s(tx, EMAIL))
        unknown = await world.store.read(lambda tx: shortest_s(tx, "nobody@example.com"))
        assert abs(wrong - unknown) < 0.0005

    run_world(tmp_path, test)


def test_the_key_is_split_off_at_the_first_colon(tmp_path):
    async def test(world: WebWorld) -> None:
        answer = await world.ask("GET", "/api/outbound/1", auth=basic(EMAIL, KEY + ":x"))
        assert answer.status == 401
        twice = f"{basic()}\r\nAuthorization: {basic()}"
        assert (await world.ask("GET", "/api/outbound/1", auth=twice)).status == 401

    run_world(tmp_path, test)
