"""Conversations that were held, and the dialects' look-ups of them."""

from datetime import datetime

import httpx2
from native_world import NativeWorld

from callwright.domain.outcome import Outcome
from callwright.ports.line import LegOrder
from callwright.testing.scripted_line import Fate
from callwright.testing.world import running

TALKS_S = 4


def unix(at: datetime) -> int:
    return int(at.timestamp())


async def converse(world: NativeWorld, *keys: tuple[str, str], step_s: float = 0.25) -> None:
    """Let whatever waits be dialled, ring for a second, and be answered and keyed in."""

    def fate(order: LegOrder) -> Fate:
        return Fate(outcome=Outcome.ANSWERED, rings_s=1, talks_s=TALKS_S, keys=keys, sip_code=200)

    async with running(world.loops, fate):
        await world.loops.pass_time(TALKS_S + 3, step_s=step_s)


async def ask(world: NativeWorld, path: str, **more: object) -> httpx2.Response:
    return await world.ask("GET", path, **more)  # type: ignore[arg-type]


async def log_of(world: NativeWorld, path: str, **more: object) -> dict:
    reply = await ask(world, path, **more)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def all_time(world: NativeWorld) -> str:
    now = unix(world.clock.now())
    return f"{now - 10_000}/{now + 10_000}"
