"""How many connections there may be, and how many requests wait on one."""

import asyncio
import json

from door_world import HEAD, DoorWorld, run_door
from starlette.types import Receive, Scope, Send

from callwright.web.door import POLITE, DoorLimits

LIMITS = DoorLimits()


def test_requests_cannot_pile_up_on_a_connection():
    go_on = asyncio.Event()
    begun = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])
        await go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def test(world: DoorWorld) -> None:
        client = await world.connect((HEAD + b"\r\n") * 5000)
        await world.until(lambda: bool(begun))
        assert len(world.connection().pipeline) == LIMITS.pipelined
        go_on.set()
        said = await client.hear()
        assert said.count(b"HTTP/1.1 204 ") == LIMITS.pipelined + 1
        assert len(begun) == LIMITS.pipelined + 1

    run_door(test, app=slow)


def test_a_source_may_have_so_many_connections_and_no_more():
    limits = DoorLimits(per_source=3)

    async def test(world: DoorWorld) -> None:
        # This machine itself is not counted, so the server is told of a network address.
        peers = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1"]
        admitted = [world.door.admit(Nobody(), peer).name for peer in [*peers, "192.0.2.4"]]
        assert admitted == ["ADMITTED"] * 4 + ["TURNED_AWAY"]

    run_door(test, limits)


class Nobody:
    """A connection without a network."""

    idle_since = None

    def look(self, now: float, elapsed_s: float) -> None:
        pass

    def close_idle(self) -> None:
        pass


def test_proxies_and_this_machine_are_not_counted():
    limits = DoorLimits(per_source=1)

    async def test(world: DoorWorld) -> None:
        for peer in ("127.0.0.1", "::1", "10.0.0.1", "10.0.0.2"):
            assert {world.door.admit(Nobody(), peer).name for _ in range(5)} == {"ADMITTED"}

    run_door(test, limits, proxies=("10.0.0.0/8",))


def test_released_connections_make_room_again():
    limits = DoorLimits(per_source=1)

    async def test(world: DoorWorld) -> None:
        for _ in range(3):
            held = Nobody()
            assert world.door.admit(held, "192.0.2.1").name == "ADMITTED"
            world.door.release(held)
            world.door.release(held)

    run_door(test, limits)


def test_in_all_there_may_be_so_many_connections_and_an_idle_one_makes_room():
    limits = DoorLimits(connections=3)

    async def test(world: DoorWorld) -> None:
        idle = await world.connect(HEAD + b"\r\n")
        await idle.hear(b"/queue ")
        for _ in range(2):
            await world.connect(b"GET /")
        await world.held(3)
        await world.connect(b"GET /")
        assert await idle.hear() == b""
        await world.held(3)
        turned_away = await world.connect()
        said = await turned_away.hear()
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in said
        assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]
        assert world.refused == [503]
        assert len(world.door) == 3

    run_door(test, limits)


def test_a_flood_is_cut_off_without_a_word():
    limits = DoorLimits(connections=1)

    async def test(world: DoorWorld) -> None:
        await world.connect(b"GET /")
        await world.held(1)
        told = [await world.connect() for _ in range(POLITE)]
        await world.until(lambda: len(world.refused) == POLITE)
        assert await (await world.connect()).hear() == b""
        assert len(world.refused) == POLITE
        for client in told:
            client.writer.close()

    run_door(test, limits)
