"""Trunks whose servers die, fall silent or have us not registered: for `sip`.

A whole server on real SIP, but for HTTP: what waits while no call has a chance must not be tried,
must say why, and must go once one has; and a call goes to the second server when the first is
not there.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from callwright.clock import SystemClock
from callwright.domain.call import CallDetails, Schedule
from callwright.domain.ids import CallId
from callwright.domain.outcome import Outcome
from callwright.domain.retry import RetryPolicy
from callwright.domain.situation import Rule
from callwright.domain.window import Window
from callwright.ports.store import Store
from callwright.runtime.orders import TrunkRules
from callwright.runtime.pacing import TrunkLimits
from callwright.runtime.supervisor import Supervisor
from callwright.service.queue_calls import queue_call
from callwright.service.tell_result import NoticeStyle
from callwright.service.why_waiting import why_call
from callwright.store.sqlite import open_sqlite_store
from callwright.telephony.line import SipLine
from callwright.telephony.sip import pinging, registration, transaction
from callwright.telephony.trunk import TrunkSettings
from callwright.testing.world import RecordingSender, contact_of, seed

SOON_S = 8.0
"""How long whatever must come about may take here, where all waits are short."""

_ECHOED = re.compile(r"^(?:Via|From|Call-ID|CSeq): .*$", re.MULTILINE)
_TO = re.compile(r"^To: .*?(?=\r)", re.MULTILINE)


class Carrier:
    """A SIP server of a few lines: it is busy, takes registrations or not, and can be away."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """The methods of all requests that it heard."""
        self.registers = 200
        self.is_deaf = False
        self._sock: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        self._sock = sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", self.port))
        sock.setblocking(False)
        self.port = sock.getsockname()[1]
        asyncio.get_running_loop().add_reader(sock.fileno(), self._hear, sock)

    def close(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            self._sock.close()
            self._sock = None

    def _hear(self, sock: socket.socket) -> None:
        data, source = sock.recvfrom(65536)
        method, _, text = data.decode("latin-1").partition(" ")
        if self.is_deaf:
            return
        self.asked.append(method)
        status = {"OPTIONS": 200, "REGISTER": self.registers, "INVITE": 486}.get(method)
        to = _TO.search(text)
        if status is None or to is None:
            return
        head = [f"SIP/2.0 {status} Said", *(each.rstrip() for each in _ECHOED.findall(text))]
        answer = "\r\n".join([*head, f"{to[0]};tag=c", "Expires: 60", "Content-Length: 0", "", ""])
        sock.sendto(answer.encode("latin-1"), source)


class Site:
    """A server that dials by one trunk, with calls in its store."""

    def __init__(self, store: Store, supervisor: Supervisor, user: Any, deployment: Any) -> None:
        self.store = store
        self.supervisor = supervisor
        self._user = user
        self._deployment = deployment
        self._clock = SystemClock()

    @property
    def is_out(self) -> bool:
        return self.supervisor.lines.trunks.health("main").is_out

    async def queue(self) -> CallId:
        now = self._clock.now()
        when = Schedule(
            window=Window(opens_at=now, closes_at=None),
            start_given=False,
            retry=RetryPolicy(max_attempts=1),
            wait_given=False,
            result_url="",
        )
        call = await self.store.write(
            lambda tx: queue_call(
                tx, self._user, self._deployment, when, contact_of("6175550150"), now
            )
        )
        self.supervisor.wake()
        return call

    async def details(self, call: CallId) -> CallDetails:
        found = await self.store.read(lambda tx: tx.call_details(call, self._clock.now()))
        assert found is not None
        return found

    async def why(self, call: CallId) -> Rule:
        picture, now = self.supervisor.pacing.picture(), self._clock.now()
        waits = await self.store.read(lambda tx: why_call(tx, self._user, call, picture, now))
        return waits.why.first.rule

    async def until(self, true: Callable[[], bool]) -> bool:
        """Whether it comes about soon."""
        try:
            async with asyncio.timeout(SOON_S):
                while not true():  # noqa: ASYNC110 - what is looked at tells nobody
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def a_site(folder: Path, **of: Any) -> AsyncIterator[Site]:
    folder.mkdir(parents=True)  # noqa: ASYNC240
    trunk = TrunkSettings(name="main", user="us", rtp_ports=(45000, 45999), **of)
    store = open_sqlite_store(folder / "calls.db", server=True)
    user, deployment = await store.write(lambda tx: seed(tx, SystemClock().now()))
    supervisor = Supervisor(
        store=store,
        clock=SystemClock(),
        make_lines=[lambda: SipLine([trunk], speech=None, cache_dir=folder)],
        sender=RecordingSender(),
        trunks=[
            (
                TrunkLimits(name="main", calls_per_second=50, max_calls=10, ramp_up_s=0),
                TrunkRules(name="main", caller_id="", ring_timeout_s=9, max_length_s=9),
            )
        ],
        style=NoticeStyle(new_id=lambda: "msg_1"),
    )
    await supervisor.start()
    try:
        yield Site(store, supervisor, user, deployment)
    finally:
        await supervisor.stop()
        await store.close()


async def holds(site: Site, carrier: Carrier, rule: Rule, repair: Callable[[], None]) -> list[str]:
    """What is queued while the trunk is out waits, says so, and goes when it is `repair`ed."""
    if not await site.until(lambda: site.is_out):
        return [f"S2-trunk-held {rule}: nobody noticed"]
    carrier.asked.clear()
    calls = [await site.queue() for _ in range(3)]
    # Several looks of the dispatcher, one for each that was queued.
    await asyncio.sleep(0.3)
    faults = []
    for call in calls:
        told = await site.why(call)
        if (await site.details(call)).attempts or told is not rule:
            faults.append(f"S2-trunk-held {rule}: it was tried, or says of itself {told}")
            break
    repair()
    if faults or not await site.until(lambda: carrier.asked.count("INVITE") == len(calls)):
        return faults or [f"S2-trunk-back {rule}: its calls did not go"]
    await site.until(site.supervisor.attempts.nothing_left.is_set)
    for call in calls:
        attempts = (await site.details(call)).attempts
        if [each.outcome for each in attempts] != [Outcome.BUSY]:
            faults.append(f"S2-trunk-back {rule}: {[each.outcome for each in attempts]}")
    return faults


async def server_dies(folder: Path, *, deaf: bool) -> list[str]:
    """It closes its port, or hears nothing any more."""
    carrier = Carrier()

    def repair() -> None:
        carrier.is_deaf = False
        if not deaf:
            carrier.open()

    try:
        async with a_site(folder, address=f"sip:127.0.0.1:{carrier.port}", ping_every_s=0.1) as at:
            await at.until(lambda: "OPTIONS" in carrier.asked)
            if deaf:
                carrier.is_deaf = True
            else:
                carrier.close()
            return await holds(at, carrier, Rule.TRUNK_DOWN, repair)
    finally:
        carrier.close()


async def registrar_refuses(folder: Path) -> list[str]:
    """It takes us in only after a while."""
    carrier = Carrier()
    carrier.registers = 403
    address = f"sip:127.0.0.1:{carrier.port}"
    try:
        async with a_site(folder, address=address, register_for_s=60) as at:
            await at.until(lambda: "REGISTER" in carrier.asked)

            def repair() -> None:
                carrier.registers = 200

            return await holds(at, carrier, Rule.TRUNK_NOT_REGISTERED, repair)
    finally:
        carrier.close()


async def first_is_away(folder: Path) -> list[str]:
    """Nobody listens at the first of two servers, which nobody has noticed before a call does."""
    away, carrier = Carrier(), Carrier()
    away.close()
    targets = (f"sip:127.0.0.1:{away.port}", f"sip:127.0.0.1:{carrier.port}")
    try:
        async with a_site(folder, address="sip:127.0.0.1", targets=targets) as at:
            call = await at.queue()
            await at.until(lambda: "INVITE" in carrier.asked)
            await at.until(at.supervisor.attempts.nothing_left.is_set)
            outcomes = [each.outcome for each in (await at.details(call)).attempts]
            return [] if outcomes == [Outcome.BUSY] else [f"S2-failover {outcomes}"]
    finally:
        carrier.close()


@contextmanager
def short_waits() -> Iterator[None]:
    """What takes half a minute outside takes half a second."""
    with (
        patch.object(transaction, "GIVE_UP_S", 0.5),
        patch.object(pinging, "PROBE_EVERY_S", 0.2),
        patch.object(registration, "FIRST_AGAIN_S", 0.5),
        patch.object(registration, "LONGEST_AGAIN_S", 0.5),
    ):
        yield


async def stress_trunks(folder: Path) -> list[str]:
    """Every way for a trunk to be away, at once; what went wrong."""
    ways: dict[str, Callable[[Path], Awaitable[list[str]]]] = {
        "closed": lambda at: server_dies(at, deaf=False),
        "deaf": lambda at: server_dies(at, deaf=True),
        "unregistered": registrar_refuses,
        "first": first_is_away,
    }
    with short_waits():
        found = await asyncio.gather(*(way(folder / name) for name, way in ways.items()))
    return [fault for faults in found for fault in faults]
