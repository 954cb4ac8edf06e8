"""What another process writes into the store of a server that idles."""

import asyncio
from pathlib import Path

from callwright.domain.ids import CallId
from callwright.runtime.idling import IDLE_POLL_S
from callwright.runtime.rescuer import HEARTBEAT_S
from callwright.service.queue_calls import queue_call
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.world import World, a_world, contact_of, running


async def _queue_from_elsewhere(world: World, path: Path) -> CallId:
    """As a process does that cannot wake the server."""
    store, now = open_sqlite_store(path, server=False), world.clock.now()
    try:
        return await store.write(
            lambda tx: queue_call(
                tx,
                world.user,
                world.deployment,
                world.schedule(),
                contact_of("6175550100"),
                now,
            )
        )
    finally:
        await store.close()


def test_the_next_heartbeat_sees_what_another_process_has_queued(tmp_path: Path) -> None:
    assert HEARTBEAT_S < IDLE_POLL_S / 2  # or the poll would do

    async def scene() -> None:
        async with a_world(tmp_path) as world, running(world):
            await world.pass_until(lambda: world.clock.monotonic() > IDLE_POLL_S)  # it idles
            await _queue_from_elsewhere(world, tmp_path / "calls.db")
            await world.pass_until(lambda: bool(world.orders), limit_s=HEARTBEAT_S + 1.0)

    asyncio.run(scene())
