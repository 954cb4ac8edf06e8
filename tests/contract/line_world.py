"""A line under test: places legs by number and collects what it says of them."""

import asyncio
import itertools
import os
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from callwright.ivr import script as scripts
from callwright.ivr.load import load
from callwright.ports.line import (
    FromLine,
    LegAnswered,
    LegEnded,
    LegIdentity,
    LegOrder,
    Line,
    LineReady,
    ScriptText,
)
from callwright.ports.speech import Speech
from callwright.telephony.agents import Agents
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.line import SipLine
from callwright.telephony.listening import ScreeningPrompts
from callwright.telephony.speech.tones import ToneSpeech
from callwright.telephony.trunk import TrunkSettings
from callwright.testing.peers.asterisk import PASSWORD, USER, FakeAsterisk
from callwright.testing.skipping_loop import run_skipping

M = TypeVar("M")

SILENT = "callwright: 1\nname: Short\nsteps:\n  pause:\n    wait: 0.2s\n    next: hangup\n"
RTP_PORTS = (40000, 44999)
_ids = itertools.count(1)


class Told:
    """A started line, what it said, and a way to place legs on it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.messages: list[FromLine] = []
        self.ready: LineReady
        self._news = asyncio.Event()

    def heard(self, message: FromLine) -> None:
        self.messages.append(message)
        self._news.set()

    def script(self, key: str, text: str) -> None:
        self.line.say(ScriptText(key=key, text=scripts.dump(load(text, key))))

    def place(self, number: str, **changes: Any) -> LegOrder:
        name = f"leg{next(_ids)}"
        token = secrets.token_hex(6)
        values: dict[str, Any] = {
            "leg": name,
            "trunk": "main",
            "number": number,
            "caller_id": "+15550001111",
            "identity": LegIdentity(
                call_id=f"{name}.{token}@test", from_tag=f"f{token}", branch=f"z9hG4bK{token}"
            ),
            "script": "short",
            "variables": {},
            "ring_timeout_s": 10.0,
            "max_length_s": 20.0,
        }
        order = LegOrder(**(values | changes))
        self.line.say(order)
        return order

    def of(self, order: LegOrder, kind: type[M]) -> list[M]:
        """The messages of one kind about one leg."""
        return [
            each
            for each in self.messages
            if isinstance(each, kind) and getattr(each, "leg", "") == order.leg
        ]

    async def until(self, kind: type[M], order: LegOrder, timeout_s: float = 8.0) -> M:
        async with asyncio.timeout(timeout_s):
            while not (found := self.of(order, kind)):
                self._news.clear()
                await self._news.wait()
        return found[0]

    async def until_count(self, kind: type[M], count: int, timeout_s: float = 8.0) -> list[M]:
        async with asyncio.timeout(timeout_s):
            while len(found := [m for m in self.messages if isinstance(m, kind)]) < count:
                self._news.clear()
                await self._news.wait()
        return found

    async def end(self, order: LegOrder) -> LegEnded:
        ended = await self.until(LegEnded, order)
        assert len(self.of(order, LegAnswered)) == int(ended.answered)
        return ended


REAL_ASTERISK = os.environ.get("CALLWRIGHT_TEST_ASTERISK", "")
"""`http://USER:PASSWORD@HOST:PORT` of an Asterisk that is set up as docs/asterisk.md says."""

DRIVERS = ("sip", "asterisk", *(["real asterisk"] if REAL_ASTERISK else []))
"""What may place a line's legs; each must pass the tests that take a `driver`."""


def run_with(driver: str, main: Coroutine[Any, Any, None]) -> None:
    """Run `main`: in skipped time, unless a program outside of this process has a part in it."""
    if driver == "real asterisk":
        asyncio.run(main)
    else:
        run_skipping(main)


@asynccontextmanager
async def asterisk_trunk(
    driver: str, address: str, fake: FakeAsterisk | None = None, **trunk: Any
) -> AsyncIterator[AsteriskTrunk]:
    """A trunk whose Asterisk, a fake or the real one, dials at `address` (`sip:host:port`)."""
    phones = address.removeprefix("sip:").removesuffix(";transport=udp")
    values: dict[str, Any] = {
        "name": "main",
        "app": f"test{secrets.token_hex(4)}",
        "user": USER,
        "password": PASSWORD,
        "endpoint": f"PJSIP/trunk/sip:{{number}}@{phones}",
    }
    if driver == "real asterisk":
        real = urlsplit(REAL_ASTERISK)
        values |= {
            "url": f"{real.scheme}://{real.hostname}:{real.port}",
            "user": real.username,
            "password": real.password,
        }
        yield AsteriskTrunk(**(values | trunk))
        return
    fake = fake or FakeAsterisk(phones)
    await fake.start()
    try:
        yield AsteriskTrunk(**(values | {"url": fake.url} | trunk))
    finally:
        await fake.stop()


@asynccontextmanager
async def told_line(
    folder: Path,
    address: str,
    *,
    speech: Speech | None = None,
    driver: str = "sip",
    agents: Agents | None = None,
    screening: ScreeningPrompts | None = None,
    **trunk: Any,
) -> AsyncIterator[Told]:
    """A `SipLine` with one trunk, `main`, started and, after the block, stopped."""
    make = partial(
        SipLine,
        speech=speech or ToneSpeech(),
        cache_dir=folder / "prompts",
        agents=agents,
        screening=screening,
    )
    if driver == "sip":
        settings = TrunkSettings(
            name="main", address=address, rtp_ports=RTP_PORTS, **{"user": "callwright"} | trunk
        )
        async with started(make([settings])) as told:
            yield told
        return
    trunk.pop("password", None)  # the phones', which Asterisk has in its own settings
    async with (
        asterisk_trunk(driver, address, **trunk) as asterisk,
        started(make([], [asterisk])) as told,
    ):
        yield told


@asynccontextmanager
async def started(line: Line) -> AsyncIterator[Told]:
    told = Told(line)
    told.ready = await line.start(told.heard)
    try:
        told.script("short", SILENT)
        yield told
    finally:
        await line.stop()
