"""Stores for the contract tests, each in a folder of its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from line_world import DRIVERS
from store_world import OPENERS, World, furnish


@pytest.fixture(params=sorted(OPENERS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    store = OPENERS[request.param](tmp_path)
    with asyncio.Runner() as runner:
        user, deployment = runner.run(store.write(furnish))
        yield World(store, runner, user, deployment)
        runner.run(store.close())


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """What places the legs: the same tests hold for each."""
    return str(request.param)
