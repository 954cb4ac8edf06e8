"""How long after a call is due its INVITE is on the wire.

    python bench/due_to_invite.py [--calls N] [--rate R] [--stored N]

A whole server as its users run it. Calls become due one after another, R a second, as many
more wait for tomorrow as --stored says, and a callee of our own notes when each INVITE comes
in and answers 486. Beside it stands the same callee's lag for datagrams that a bare loop
sends at those moments: what this machine can do at all. Goal: p99 at most 50 ms at 100
calls a second. Prints a table and, last, the figures as one JSON line.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import DeploymentId
from callwright.domain.phone import parse_dial_string
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.ports.store import WriteTx
from callwright.store.sqlite import open_sqlite_store
from callwright.testing.peers.server import ServerUnderTest
from idle_server import store_future_calls

HEAD_START_S = 3.0
"""Between queueing and the first call; a server notices what others queue within 2 s."""
GOAL_MS = 50
SLICE = 200
PROBES = 7_000_000
"""Probes count down from here, so that no number is both a probe and a call."""
_CALLEE = re.compile(rb"^(?:INVITE|PROBE) sip:\+1(\d{10})@")
_HEADERS = re.compile(rb"^(Via|From|To|Call-ID|CSeq): .*$", re.MULTILINE | re.IGNORECASE)


class Callee(asyncio.DatagramProtocol):
    """Notes when the first INVITE for each number comes in, and is busy."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        now = time.time()
        callee = _CALLEE.match(data)
        if callee is None:
            return
        self.at.setdefault(callee[1].decode(), now)
        if not data.startswith(b"INVITE"):
            return
        headers = []
        for match in _HEADERS.finditer(data):
            line = match[0].rstrip(b"\r")
            headers.append(line + b";tag=busy" if match[1].lower() == b"to" else line)
        lines = [b"SIP/2.0 486 Busy Here", *headers, b"Content-Length: 0", b"", b""]
        self._transport.sendto(b"\r\n".join(lines), addr)


def number(at: int) -> str:
    return f"617{2000000 + at:07}"


async def queue(server: ServerUnderTest, first_at: datetime, calls: int, rate: float) -> None:
    """Put the calls where the running server finds them, due one after another."""
    deployment = DeploymentId(int(server.application.rsplit("/", 1)[1]))
    store = open_sqlite_store(server.folder / "callwright.db", server=False)

    def add(tx: WriteTx, start: int) -> None:
        user = tx.user_by_email(server.user)
        assert user is not None
        for at in range(start, min(start + SLICE, calls)):
            opens_at = first_at + timedelta(seconds=at / rate)
            schedule = Schedule(
                window=Window(opens_at=opens_at, closes_at=None),
                start_given=True,
                retry=RetryPolicy(max_attempts=1, wait=timedelta(minutes=5)),
                wait_given=False,
                result_url="",
            )
            contact = Contact(dial=parse_dial_string(number(at)), variables={})
            tx.add_call(deployment, user.id, schedule, contact, datetime.now(UTC))

    for start in range(0, calls, SLICE):
        await store.write(lambda tx, start=start: add(tx, start))
    await store.close()


async def bare_lags(callee: Callee, port: int, calls: int, rate: float) -> list[float]:
    """Milliseconds by which a loop that does nothing else is late with a datagram."""
    loop = asyncio.get_running_loop()
    sender, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port)
    )
    began = time.time() + 0.1
    for at in range(calls):
        await asyncio.sleep(began + at / rate - time.time())
        sender.sendto(b"PROBE sip:+1" + number(PROBES - at).encode() + b"@x")
    await asyncio.sleep(0.2)
    sender.close()
    return [
        (callee.at[number(PROBES - at)] - began - at / rate) * 1000
        for at in range(calls)
        if number(PROBES - at) in callee.at
    ]


async def measure(folder: Path, calls: int, rate: float, stored: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    transport, callee = await loop.create_datagram_endpoint(Callee, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    server = ServerUnderTest(folder)
    server.init()
    trunk = {"driver": "sip", "address": f"sip:127.0.0.1:{port}", "local_address": "127.0.0.1"}
    limits = {"calls_per_second": 1000, "max_calls": 1000}
    server.configure({"trunks.main": {**trunk, **limits}})
    await store_future_calls(server, stored)
    bare = await bare_lags(callee, port, calls, rate)
    callee.at.clear()
    try:
        await asyncio.to_thread(server.start)
        first_at = datetime.now(UTC) + timedelta(seconds=HEAD_START_S + calls / 1_000)
        await queue(server, first_at, calls, rate)
        assert datetime.now(UTC) < first_at, "queueing took too long"
        await asyncio.sleep(first_at.timestamp() + calls / rate + 3 - time.time())
    finally:
        server.clean_up()
        transport.close()
    lags = [
        (callee.at[number(at)] - first_at.timestamp() - at / rate) * 1000
        for at in range(calls)
        if number(at) in callee.at
    ]
    cuts = statistics.quantiles(lags, n=100)
    return {
        "calls": calls,
        "rate": rate,
        "stored": stored,
        "not_dialled": calls - len(lags),
        "early": sum(lag < 0 for lag in lags),
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "worst_ms": max(lags),
        "bare_p99_ms": statistics.quantiles(bare, n=100)[98],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--stored", type=int, default=100_000, help="calls that wait for tomorrow")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = asyncio.run(measure(Path(name), options.calls, options.rate, options.stored))
    print(f"{options.calls:,} calls, {options.rate:g} due each second, {options.stored:,} waiting")
    print(f"  due to INVITE p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms,")
    print(f"  worst {figures['worst_ms']:.1f} ms; goal: p99 at most {GOAL_MS} ms")
    print(f"  a bare loop's datagrams: p99 {figures['bare_p99_ms']:.1f} ms")
    print(json.dumps({"bench": "due_to_invite", **{n: round(v, 2) for n, v in figures.items()}}))


if __name__ == "__main__":
    main()
