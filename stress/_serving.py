"""A whole server in a thread of this process, its line processes being processes of their own.

For commands that break it in many ways one after another: nothing has to be loaded again.
"""

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from callwright.assembly import open_store, run_server
from callwright.clock import SystemClock
from callwright.config import Config, load_config
from callwright.domain.account import Product
from callwright.ivr.files import SAMPLE_FLOW, load_sample
from callwright.ports.store import WriteTx
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.testing.peers.api import Api
from callwright.testing.peers.server import Value

USER, KEY = "ops@example.org", "0123456789abcdef0123456789abcdef"
START_WITHIN_S = 90.0
DRAIN_S = 5.0


class Serving:
    """A server with one admin and the sample application, `apps/1/1`; start it and stop it."""

    application = "apps/1/1"

    def __init__(self, folder: Path, sections: Mapping[str, Mapping[str, Value]]) -> None:
        self._config = _configured(folder, sections)
        self._url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        asyncio.run(_furnish(self._config))

    @property
    def api(self) -> Api:
        return Api(self._url, USER, KEY)

    def start(self) -> None:
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        if not self._ready.wait(START_WITHIN_S) or not self._url:
            raise RuntimeError("the server did not start")

    def stop(self) -> None:
        """Let live calls end, for a while. Without effect on one that does not run."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with run_server(self._config) as server:
                self._url = server.url
                self._ready.set()
                await self._stopping.wait()
                await server.supervisor.drain(DRAIN_S)
        finally:
            self._ready.set()


def _configured(folder: Path, sections: Mapping[str, Mapping[str, Value]]) -> Config:
    whole = {"server": {"listen": "127.0.0.1:0"}, "speech": {"engine": "tones"}, **sections}
    lines: list[str] = []
    for section, values in whole.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    file = folder / "callwright.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_config(file, {"HOME": os.environ.get("HOME", "")})


async def _furnish(config: Config) -> None:
    now = SystemClock().now()

    def work(tx: WriteTx) -> None:
        user = administer.add_user(tx, USER, KEY, is_admin=True, now=now)
        number = administer.add_program(
            tx, Product.FUSE, user, "sample", load_sample(SAMPLE_FLOW), metadatabase=None, now=now
        )
        program = administer.find_program(tx, Product.FUSE, number)
        administer.deploy(tx, program, DeploymentOrder(variables={}), now)

    async with open_store(config) as store:
        await store.write(work)
