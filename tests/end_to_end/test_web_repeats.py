"""Queueing requests of the dialects that come twice: with a key, and lists without one."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from test_web_captures import CAPTURES, MANIFEST, queueing
from web_world import OTHER_EMAIL, OTHER_KEY, Answer, WebWorld, basic, run_world

from callwright.domain.account import Product

APPS, SURVEYS = "/api/apps/1234/5678", "/api/surveys/1234/5678"
PATHS = {Product.FUSE: APPS, Product.INSIGHT: SURVEYS}
CALL = "phone_number=6175551234&max_attempts=2&reattempt_wait=300"
LIST = "phone_number,first_name\n6175550100,Ana\n6175550150,Ben\n"
PRODUCTS = pytest.mark.parametrize("product", list(Product))
ROUTES = pytest.mark.parametrize("route", ["queue", "bulk_queue"])
SHAPES = pytest.mark.parametrize("accept", ["application/json", "application/xml"])


def form(boundary: str, *parts: tuple[str, str]) -> dict[str, str]:
    """A multipart body and its type; a part called `csv` is a file."""
    body = ""
    for name, value in parts:
        file = '; filename="list.csv"' if name == "csv" else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += f"{value}\r\n"
    return {
        "body": f"{body}--{boundary}--\r\n",
        "content_type": f"multipart/form-data; boundary={boundary}",
    }


def request(route: str) -> dict[str, str]:
    """A request that is in order."""
    return {"body": CALL} if route == "queue" else form("b", ("csv", LIST))


async def post(world: WebWorld, path: str, key: str | None = "k", **request: str) -> Answer:
    headers = {} if key is None else {"Idempotency_Key": key}
    return await world.ask("POST", path, **headers, **request)


def kept_part(answer: Answer) -> tuple[object, ...]:
    """What a replay must repeat."""
    own = {"date", "x-request-id", "idempotency-replayed"}
    headers = {name: text for name, text in answer.headers.items() if name not in own}
    return answer.status, headers, answer.body


@PRODUCTS
@ROUTES
@SHAPES
def test_the_same_request_gets_the_same_answer_and_queues_nothing(
    tmp_path: Path, product: Product, route: str, accept: str
) -> None:
    path = f"{PATHS[product]}/{route}"

    async def test(world: WebWorld) -> None:
        first = await post(world, path, **request(route), Accept=accept)
        assert first.status == 200, first.text
        assert "idempotency-replayed" not in first.headers
        waiting, changes = await world.waiting(), world.changes
        world.clock.advance(3600)
        again = await post(world, path, **request(route), Accept=accept)
        assert again.headers["idempotency-replayed"] == "true"
        assert kept_part(again) == kept_part(first)
        assert (await world.waiting(), world.changes) == (waiting, changes)
        assert accept in first.headers["content-type"]

    run_world(tmp_path, test, product)


@PRODUCTS
@ROUTES
@SHAPES
def test_another_request_with_the_key_is_refused(
    tmp_path: Path, product: Product, route: str, accept: str
) -> None:
    path = f"{PATHS[product]}/{route}"
    other = {
        "queue": {"body": CALL.replace("1234", "1235")},
        "bulk_queue": form("b", ("csv", LIST.replace("Ana", "Eva"))),
    }[route]

    async def test(world: WebWorld) -> None:
        first = await post(world, path, **request(route), Accept=accept)
        waiting = await world.waiting()
        answer = await post(world, path, **other, Accept=accept)
        assert answer.status == 422
        assert "Idempotency-Key was used with another request" in answer.text
        assert answer.headers["content-type"] == first.headers["content-type"]
        assert ("success" in answer.text) == (product is Product.INSIGHT)
        assert await world.waiting() == waiting

    run_world(tmp_path, test, product)


@pytest.mark.parametrize(
    "same",
    [
        {"body": "reattempt_wait=300&max_attempts=2&phone_number=6175551234"},
        {"body": CALL + "&end_timestamp=&metadata="},
        form("one", *(pair.split("=") for pair in CALL.split("&"))),  # type: ignore[misc]
        form("two", *(pair.split("=") for pair in reversed(CALL.split("&")))),  # type: ignore[misc]
        {
            "body": '{"max_attempts": 2, "reattempt_wait": 300, "phone_number": "6175551234"}',
            "content_type": "application/json",
        },
    ],
    ids=["other order", "empty fields", "multipart", "multipart in another order", "json"],
)
def test_how_a_call_is_written_makes_no_difference(tmp_path: Path, same: dict[str, str]) -> None:
    async def test(world: WebWorld) -> None:
        first = await post(world, f"{APPS}/queue", body=CALL)
        again = await post(world, f"{APPS}/queue", **same)
        assert kept_part(again) == kept_part(first)
        assert await world.waiting() == 1

    run_world(tmp_path, test)


@pytest.mark.parametrize(
    "other",
    [
        {"body": CALL + "&metadata[a]=1"},
        {"body": CALL, "path": "/api/apps/1234/5679/queue"},
        {"body": CALL, "Accept": "application/xml"},
        {"path": f"{APPS}/bulk_queue", **form("b", ("csv", LIST))},
    ],
    ids=["field", "deployment", "shape", "route"],
)
def test_what_makes_a_call_another_request(tmp_path: Path, other: dict[str, str]) -> None:
    async def test(world: WebWorld) -> None:
        await post(world, f"{APPS}/queue", body=CALL)
        answer = await post(world, **{"path": f"{APPS}/queue", **other})
        assert answer.status == 422
        assert await world.waiting() == 1

    run_world(tmp_path, test)


def test_a_list_is_known_by_its_bytes_and_what_goes_with_it(tmp_path: Path) -> None:
    path = f"{APPS}/bulk_queue"
    both = (("csv", LIST), ("max_attempts", "1"))

    async def test(world: WebWorld) -> None:
        first = await post(world, path, **form("b", *both))
        again = await post(world, path, **form("other", *reversed(both)))
        assert kept_part(again) == kept_part(first)
        raw = await post(world, path, body=LIST, content_type="text/csv")
        assert raw.status == 422
        lenient = await post(world, path, **form("b", *both), Prefer="handling=lenient")
        assert lenient.status == 422
        assert await world.waiting() == 2

    run_world(tmp_path, test)


def test_the_headers_of_a_lenient_list_are_told_again(tmp_path: Path) -> None:
    bad = form("b", ("csv", LIST + "911,Cy\n"))

    async def test(world: WebWorld) -> None:
        for _ in range(2):
            answer = await post(world, f"{APPS}/bulk_queue", **bad, Prefer="handling=lenient")
            assert answer.headers["preference-applied"] == "handling=lenient"
            assert answer.headers["x-rejected-rows"] == "1"
            assert answer.headers["x-batch-id"] == "1"
        assert answer.headers["idempotency-replayed"] == "true"
        assert await world.waiting() == 2

    run_world(tmp_path, test)


@PRODUCTS
@pytest.mark.parametrize("key", ["", "x" * 256, "k\xe4y", "a\tb"])
def test_what_is_no_key_is_refused(tmp_path: Path, product: Product, key: str) -> None:
    async def test(world: WebWorld) -> None:
        for route in ("queue", "bulk_queue"):
            answer = await post(world, f"{PATHS[product]}/{route}", key, **request(route))
            assert answer.status == 400, answer.text
            assert "Idempotency-Key: must be 1 to 255 printable ASCII" in answer.text
        assert await world.waiting() == 0

    run_world(tmp_path, test, product)


def test_two_keys_in_one_request_are_refused(tmp_path: Path) -> None:
    async def test(world: WebWorld) -> None:
        answer = await post(world, f"{APPS}/queue", "a", body=CALL, idempotency_key="b")
        assert answer.status == 400
        assert "more than once" in answer.text

    run_world(tmp_path, test)


def test_the_longest_key_is_one(tmp_path: Path) -> None:
    async def test(world: WebWorld) -> None:
        for _ in range(2):
            answer = await post(world, f"{APPS}/queue", "~" * 255, body=CALL)
            assert answer.status == 200
        assert await world.waiting() == 1

    run_world(tmp_path, test)


@ROUTES
def test_a_refused_request_leaves_its_key_free(tmp_path: Path, route: str) -> None:
    bad = {
        "queue": {"body": "phone_number=911"},
        "bulk_queue": form("b", ("csv", "phone_number\n6175550100\n911\n")),
    }[route]

    async def test(world: WebWorld) -> None:
        for _ in range(2):
            refused = await post(world, f"{APPS}/{route}", **bad)
            assert refused.status == 400
            assert "idempotency-replayed" not in refused.headers
        answer = await post(world, f"{APPS}/{route}", **request(route))
        assert answer.status == 200
        assert await world.waiting() == (1 if route == "queue" else 2)

    run_world(tmp_path, test)


def test_a_key_is_its_users_own(tmp_path: Path) -> None:
    async def test(world: WebWorld) -> None:
        mine = await post(world, f"{APPS}/queue", body=CALL)
        other = await post(world, f"{APPS}/queue", body=CALL, auth=basic(OTHER_EMAIL, OTHER_KEY))
        assert other.status == 403
        assert json.loads(mine.body)["call_id"] == 1
        nobody = await post(world, f"{APPS}/queue", body=CALL, auth=None)
        assert nobody.status == 401

    run_world(tmp_path, test)


def test_an_answer_is_kept_for_a_day(tmp_path: Path) -> None:
    async def test(world: WebWorld) -> None:
        first = await post(world, f"{APPS}/queue", body=CALL)
        world.clock.advance(timedelta(hours=24).total_seconds() - 1)
        assert kept_part(await post(world, f"{APPS}/queue", body=CALL)) == kept_part(first)
        world.clock.advance(1)
        new = await post(world, f"{APPS}/queue", body=CALL)
        assert "idempotency-replayed" not in new.headers
        assert await world.waiting() == 2

    run_world(tmp_path, test)


def test_what_was_queued_is_told_though_it_could_not_be_queued_now(tmp_path: Path) -> None:
    """Its window has shut since, and its deployment is gone."""

    async def test(world: WebWorld) -> None:
        end = int(world.clock.now().timestamp()) + 60
        body = f"phone_number=6175551234&end_timestamp={end}"
        first = await post(world, f"{APPS}/queue", body=body)
        world.clock.advance(120)
        await world.change(lambda tx: tx.delete_program(1234, world.clock.now()))
        assert kept_part(await post(world, f"{APPS}/queue", body=body)) == kept_part(first)
        assert (await post(world, f"{APPS}/queue", None, body=body)).status == 409
        assert (await post(world, f"{APPS}/queue", "new", body=body)).status == 409

    run_world(tmp_path, test)


@ROUTES
def test_of_many_at_once_one_queues(tmp_path: Path, route: str) -> None:
    async def test(world: WebWorld) -> None:
        asking = (post(world, f"{APPS}/{route}", **request(route)) for _ in range(20))
        answers = await asyncio.gather(*asking)
        good = [answer for answer in answers if answer.status == 200]
        busy = [answer for answer in answers if answer.status == 409]
        assert len(good) + len(busy) == 20
        assert all(answer.headers["retry-after"] == "1" for answer in busy)
        assert sum("idempotency-replayed" not in answer.headers for answer in good) == 1
        assert len({answer.body for answer in good}) == 1
        assert not busy or route == "bulk_queue"
        assert await world.waiting() == (1 if route == "queue" else 2)

    run_world(tmp_path, test)


@PRODUCTS
def test_the_same_file_again_is_queued_and_flagged(tmp_path: Path, product: Product) -> None:
    path = f"{PATHS[product]}/bulk_queue"

    async def test(world: WebWorld) -> None:
        first = await post(world, path, None, **form("b", ("csv", LIST)))
        assert "x-duplicate-of" not in first.headers
        world.clock.advance(3600)
        again = await post(world, path, None, **form("c", ("max_attempts", "1"), ("csv", LIST)))
        assert again.headers["x-duplicate-of"] == first.headers["x-batch-id"]
        assert (again.status, again.body) == (first.status, first.body)
        assert await world.waiting() == 4
        other = await post(world, path, None, **form("b", ("csv", LIST + "6175550101,Cy\n")))
        assert "x-duplicate-of" not in other.headers
        world.clock.advance(3601)
        late = await post(world, path, None, **form("b", ("csv", LIST)))
        assert "x-duplicate-of" not in late.headers

    run_world(tmp_path, test, product)


@pytest.mark.parametrize("name", queueing())
def test_a_captured_request_is_answered_alike_when_it_comes_again(
    name: str, tmp_path: Path
) -> None:
    entry = MANIFEST[name]
    product = Product.INSIGHT if "/surveys/" in entry["target"] else Product.FUSE
    request = (CAPTURES / name).read_bytes()

    async def test(world: WebWorld) -> None:
        close = not entry["complete"]
        first, again = [await world.raw(request, close_after=close) for _ in range(2)]
        if first is None:
            assert again is None
            return
        assert again is not None
        assert again.status == first.status
        assert again.headers["content-type"] == first.headers["content-type"]
        if "call_id" not in first.text:
            assert again.body == first.body
        head, _, body = request.partition(b"\r\n\r\n")
        keyed = head + b"\r\nIdempotency-Key: of my own\r\n\r\n" + body
        new, replayed = [await world.raw(keyed, close_after=close) for _ in range(2)]
        assert new is not None
        assert replayed is not None
        assert kept_part(replayed) == kept_part(new)
        assert new.status == first.status
        assert ("idempotency-replayed" in replayed.headers) == (new.status == 200)

    run_world(tmp_path, test, product)
