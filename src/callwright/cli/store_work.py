"""Running one piece of work on the configured store, for the commands that change it."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from callwright.config import Config, load_config
from callwright.ports.store import ReadTx, WriteTx

T = TypeVar("T")


def change(config_file: Path | None, work: Callable[[WriteTx, datetime], T]) -> T:
    """What `work` returns, once it is on disk. A running server sees it at once."""
    config = load_config(config_file, os.environ)
    return change_store(config, work)


def change_store(config: Config, work: Callable[[WriteTx, datetime], T]) -> T:
    """The same with settings that were loaded already."""

    from callwright.assembly import open_store  # late: it loads every part of the server

    async def run() -> T:
        async with open_store(config) as store:
            return await store.write(lambda tx: work(tx, datetime.now(UTC)))

    return asyncio.run(run())


def look(config_file: Path | None, work: Callable[[ReadTx], T]) -> T:
    """What `work` reads."""
    return look_at(load_config(config_file, os.environ), work)


def look_at(config: Config, work: Callable[[ReadTx], T]) -> T:
    """The same with settings that were loaded already."""

    from callwright.assembly import open_store  # late: it loads every part of the server

    async def run() -> T:
        async with open_store(config) as store:
            return await store.read(work)

    return asyncio.run(run())
