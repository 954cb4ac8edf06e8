"""Queueing requests of the native API that come twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from held_lists import hold_lists, until
from native_world import ADMIN, NativeWorld, run_native

LATE, LENIENT, MINIMAL = "2099-01-01T00:00:00Z", "handling=lenient", "return=minimal"
KEY = {"Idempotency-Key": "k"}
CSV = "destination,first_name\n6175550100,Ana\n6175550101,Bea\n"
NUMBERS = [{"phone_number": "6175550100"}, {"phone_number": "6175550101"}]


def orders(world: NativeWorld) -> dict[str, tuple[str, dict[str, Any], int]]:
    """By name: a path, a request that is in order, and how many calls it queues."""
    deployment = world.deployment
    call = {"deployment_id": deployment, "phone_number": "6175550100", "variables": {"a": "1"}}
    contacts = {"deployment_id": deployment, "contacts": NUMBERS}
    file = {"csv": ("list.csv", CSV.encode(), "text/csv")}
    return {
        "call": ("/v1/calls", {"json": call}, 1),
        "json list": ("/v1/batches", {"json": contacts}, 2),
        "file": ("/v1/batches", {"data": {"deployment_id": str(deployment)}, "files": file}, 2),
    }


KINDS = pytest.mark.parametrize("kind", ["call", "json list", "file"])
PREFER = pytest.mark.parametrize(
    "prefer", ["", "return=minimal", "handling=lenient", "respond-async"]
)


async def post(world: NativeWorld, path: str, request: dict[str, Any], **headers: str) -> Any:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return await world.ask("POST", path, headers={**KEY, **more}, **request)


def kept_part(reply: Any) -> tuple[object, ...]:
    own = {"date", "x-request-id", "idempotency-replayed"}
    headers = {name: text for name, text in reply.headers.items() if name not in own}
    return reply.status_code, headers, reply.content


@KINDS
@PREFER
def test_the_same_request_gets_the_same_answer_and_queues_nothing(
    tmp_path: Path, kind: str, prefer: str
) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, calls = orders(world)[kind]
        first = await post(world, path, request, Prefer=prefer)
        assert first.status_code in (201, 202), first.text
        assert "idempotency-replayed" not in first.headers
        for seconds in (0, 3600):
            world.clock.advance(seconds)
            again = await post(world, path, request, Prefer=prefer)
            assert again.headers["idempotency-replayed"] == "true"
            assert kept_part(again) == kept_part(first)
        await until(lambda: queued(world, calls))
        again = await post(world, path, request, Prefer=prefer)
        assert kept_part(again) == kept_part(first)
        assert await world.waiting() == calls
        assert (await world.ask("GET", first.headers["location"])).status_code == 200

    run_native(tmp_path, test)


async def queued(world: NativeWorld, calls: int) -> bool:
    return await world.waiting() == calls


@KINDS
def test_another_request_with_the_key_is_refused(tmp_path: Path, kind: str) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, calls = orders(world)[kind]
        await post(world, path, request)
        others = [other for name, other in orders(world).items() if name != kind]
        if "json" in request:
            others.append((path, {"json": {**request["json"], "opens_at": LATE}}, 0))
        for other_path, other, _ in others:
            reply = await post(world, other_path, other)
            assert reply.status_code == 422
            problem = reply.json()
            assert problem["type"] == "urn:callwright:problem:key-reused"
        if kind != "json list":
            reply = await post(world, path, request, Prefer=LENIENT if kind == "file" else MINIMAL)
            assert reply.status_code == 422
        assert await world.waiting() == calls

    run_native(tmp_path, test)


def test_how_an_order_is_written_makes_no_difference(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, _ = orders(world)["call"]
        order = {**request["json"], "opens_at": "2099-01-01T00:00:00Z"}
        first = await post(world, path, {"json": order})
        same = {**dict(reversed(order.items())), "max_attempts": 1}
        same["opens_at"] = "2099-01-01T01:00:00+01:00"
        assert kept_part(await post(world, path, {"json": same})) == kept_part(first)
        path, request, _ = orders(world)["file"]
        form = {**request["data"], "opens_at": "", "max_attempts": "1"}
        headers = {"Idempotency_Key": "l"}
        first = await post(world, path, request, **headers)
        again = await post(world, path, {**request, "data": form}, **headers)
        assert kept_part(again) == kept_part(first)

    run_native(tmp_path, test)


@KINDS
def test_a_refused_request_and_a_dry_run_leave_the_key_free(tmp_path: Path, kind: str) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, calls = orders(world)[kind]
        bad = {
            "call": {"json": {"deployment_id": world.deployment, "phone_number": "911"}},
            "json list": {
                "json": {"deployment_id": world.deployment, "contacts": [{"phone_number": "911"}]}
            },
            "file": {**request, "files": {"csv": ("list.csv", b"destination\n911\n")}},
        }[kind]
        for _ in range(2):
            assert (await post(world, path, bad)).status_code == 400
        for _ in range(2):
            dry = await post(world, path, request, X_Dry_Run="true")
            assert dry.status_code == 200
            assert "idempotency-replayed" not in dry.headers
        first = await post(world, path, request)
        assert first.status_code == 201
        assert "idempotency-replayed" not in first.headers
        dry = await post(world, path, bad, X_Dry_Run="true")
        assert dry.status_code == 400
        assert await world.waiting() == calls

    run_native(tmp_path, test)


@KINDS
@pytest.mark.parametrize("key", ["", "x" * 256])
def test_what_is_no_key_is_refused(tmp_path: Path, kind: str, key: str) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, _ = orders(world)[kind]
        reply = await world.ask("POST", path, headers={"Idempotency-Key": key}, **request)
        assert reply.status_code == 400
        assert reply.json()["errors"][0]["parameter"] == "Idempotency-Key"
        assert await world.waiting() == 0

    run_native(tmp_path, test)


@KINDS
def test_of_many_at_once_one_queues(tmp_path: Path, kind: str) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, calls = orders(world)[kind]
        replies = await asyncio.gather(*(post(world, path, request) for _ in range(16)))
        good = [reply for reply in replies if reply.status_code == 201]
        busy = [reply for reply in replies if reply.status_code == 409]
        assert len(good) + len(busy) == 16
        for reply in busy:
            assert reply.json()["type"] == "urn:callwright:problem:still-running"
            assert reply.headers["retry-after"] == "1"
        assert sum("idempotency-replayed" not in reply.headers for reply in good) == 1
        assert len({reply.content for reply in good}) == 1
        assert await world.waiting() == calls

    run_native(tmp_path, test)


def test_a_key_is_its_users_own(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, _ = orders(world)["call"]
        for by in (None, ADMIN):
            more = {} if by is None else {"by": by}
            reply = await post(world, path, {**request, **more})
            assert reply.status_code == 201
            assert "idempotency-replayed" not in reply.headers
        assert await world.waiting() == 2

    run_native(tmp_path, test)


def test_a_list_that_is_answered_at_once_is_answered_alike_while_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hold_lists(monkeypatch)

    async def test(world: NativeWorld) -> None:
        path, request, calls = orders(world)["file"]
        wish = {"Prefer": "respond-async, handling=lenient"}
        first = await post(world, path, request, **wish)
        assert first.status_code == 202
        again = await post(world, path, request, **wish)
        assert kept_part(again) == kept_part(first)
        assert again.headers["idempotency-replayed"] == "true"
        assert (await post(world, path, request)).status_code == 422
        go_on.set()
        await until(lambda: queued(world, calls))
        assert kept_part(await post(world, path, request, **wish)) == kept_part(first)
        assert await world.waiting() == calls

    run_native(tmp_path, test)


def test_a_list_that_failed_after_its_answer_leaves_its_key_free(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, _ = orders(world)["file"]
        bad = {**request, "files": {"csv": ("list.csv", b"destination\n6175550100\n911\n")}}
        for _ in range(2):
            reply = await post(world, path, bad, Prefer="respond-async")
            assert reply.status_code == 202
            assert "idempotency-replayed" not in reply.headers
            where = reply.headers["location"]
            await until(lambda where=where: failed(world, where))
        assert (await post(world, path, request)).status_code == 201

    async def failed(world: NativeWorld, where: str) -> bool:
        return bool((await world.get(where))["state"] == "failed")

    run_native(tmp_path, test)


def test_the_same_file_again_is_queued_and_flagged(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, _ = orders(world)["file"]
        first = await world.ask("POST", path, **request)
        assert (first.json()["duplicate_of"], "x-duplicate-of" in first.headers) == (None, False)
        again = await world.ask("POST", path, **request)
        assert again.json()["duplicate_of"] == first.json()["id"]
        assert again.headers["x-duplicate-of"] == str(first.json()["id"])
        shown = await world.get(again.headers["location"])
        assert shown["duplicate_of"] == first.json()["id"]
        later = await world.ask("POST", path, headers={"Prefer": "respond-async"}, **request)
        await until(lambda: queued(world, 6))
        assert (await world.get(later.headers["location"]))["duplicate_of"] == again.json()["id"]
        assert (await world.get(first.headers["location"]))["duplicate_of"] is None
        path, request, _ = orders(world)["json list"]
        for _ in range(2):
            reply = await world.ask("POST", path, **request)
            assert reply.json()["duplicate_of"] is None

    run_native(tmp_path, test)


async def ended(world: NativeWorld, *, as_list: bool) -> str:
    """The path at which to call again whom a cancelled call, or list, has not reached."""
    path = f"/v1/batches/{await world.queue_list(2)}" if as_list else ""
    path = path or f"/v1/calls/{await world.queue()}"
    await world.post(f"{path}/cancel")
    return f"{path}/retry"


async def calls_in(world: NativeWorld) -> int:
    return len((await world.get("/v1/calls"))["items"])


AGAIN = pytest.mark.parametrize(
    ("as_list", "order", "calls"), [(False, {}, 1), (True, {"states": ["canceled"]}, 2)]
)


@AGAIN
def test_calling_again_is_queued_once_too(
    tmp_path: Path, as_list: bool, order: dict[str, Any], calls: int
) -> None:
    async def test(world: NativeWorld) -> None:
        path = await ended(world, as_list=as_list)
        first = await post(world, path, {"json": order})
        assert first.status_code == 201, first.text
        for _ in range(2):
            again = await post(world, path, {"json": order})
            assert again.headers["idempotency-replayed"] == "true"
            assert kept_part(again) == kept_part(first)
        assert (await world.ask("GET", first.headers["location"])).status_code == 200
        other = await post(world, path, {"json": {**order, "max_attempts": 1}})
        assert other.status_code == 422, other.text
        assert await calls_in(world) == 2 * calls

    run_native(tmp_path, test)


@AGAIN
def test_of_many_who_call_again_at_once_one_queues(
    tmp_path: Path, as_list: bool, order: dict[str, Any], calls: int
) -> None:
    async def test(world: NativeWorld) -> None:
        path = await ended(world, as_list=as_list)
        asks = (post(world, path, {"json": order}) for _ in range(5))
        replies = await asyncio.gather(*asks)
        told = {reply.status_code for reply in replies}
        assert 201 in told
        assert told <= {201, 409}
        assert len({reply.content for reply in replies if reply.status_code == 201}) == 1
        assert await calls_in(world) == 2 * calls

    run_native(tmp_path, test)


@KINDS
def test_what_becomes_of_calls_that_do_not_fit_is_part_of_the_request(
    tmp_path: Path, kind: str
) -> None:
    async def test(world: NativeWorld) -> None:
        path, request, calls = orders(world)[kind]
        first = await post(world, path, request, Prefer="overflow=warn")
        assert first.status_code == 201, first.text
        for prefer in ("", "overflow=refuse"):
            assert (await post(world, path, request, Prefer=prefer)).status_code == 422
        again = await post(world, path, request, Prefer="overflow=warn")
        assert kept_part(again) == kept_part(first)
        assert await world.waiting() == calls

    run_native(tmp_path, test)
