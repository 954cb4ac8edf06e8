"""Calls set up and ended per second by the line process, and what each costs it.

`python bench/sip_setups.py [CALLS]`: the line (its own process, as in production, with an
audio port per call and a script that hangs up at once) against SIPp's built-in callee; in
the same run SIPp's caller against the same callee, which is what this machine can do at
all. Each is run flat out with 100 calls at once, and paced at 500 calls a second; the CPU
time of the calling process per call is taken both times, and paced, how often it was woken for
one: by the order, by the 180, by the 200, each of which finds cold caches; flat out many are
dealt with in one go. Prints a table and, last, one JSON object.
"""

import asyncio
import json
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from _orders import leg_order
from callwright.domain.outcome import Outcome
from callwright.ivr import script as scripts
from callwright.ivr.load import load
from callwright.ports.line import (
    FromLine,
    LegAnswered,
    LegEnded,
    ScriptText,
)
from callwright.telephony.pipe import LineSettings
from callwright.telephony.spawned_line import ProcessLine
from callwright.telephony.trunk import TrunkSettings
from peers.urgency import as_urgent_as_we_are

PACED_PER_S = 500
AT_ONCE = 100
GOAL_PER_S = 1000
GOAL_CPU_US = 300
FLOW = "callwright: 1\nname: Short\nsteps:\n  note:\n    set: {done: yes}\n    next: hangup\n"


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def sipp_callee(sipp: str, folder: Path) -> Iterator[int]:
    port = free_udp_port()
    command = [sipp, "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    command += ["-buff_size", "8388608"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.kill()
        process.wait()


class Dialer:
    """Places calls on a line and counts how they end."""

    def __init__(self) -> None:
        self.ended = 0
        self.answered = 0
        self.outcomes: dict[str, int] = {}
        self.setup_ms: list[float] = []
        self._placed_at: dict[str, float] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._paced = False
        self._news = asyncio.Event()

    def heard(self, message: FromLine) -> None:
        if isinstance(message, LegAnswered):
            self.setup_ms.append((time.monotonic() - self._placed_at[message.leg]) * 1000)
        if isinstance(message, LegEnded):
            self.ended += 1
            self._news.set()
            self.answered += message.outcome is Outcome.ANSWERED
            what = f"{message.outcome}: {message.reason}"
            self.outcomes[what] = self.outcomes.get(what, 0) + 1
            if not self._paced:
                self._room.release()

    def _place(self, line: ProcessLine, number: int) -> None:
        order = leg_order(number, "short")
        self._placed_at[order.leg] = time.monotonic()
        line.say(order)

    async def run(self, line: ProcessLine, calls: int, per_s: float | None) -> float:
        """Seconds from the first call to the end of the last."""
        self._paced = per_s is not None
        target = self.ended + calls
        began = time.monotonic()
        for number in range(calls):
            if per_s is None:
                await self._room.acquire()
            else:
                await asyncio.sleep(max(0.0, began + number / per_s - time.monotonic()))
            self._place(line, number)
        async with asyncio.timeout(60):
            while self.ended < target:
                self._news.clear()
                await self._news.wait()
        return time.monotonic() - began


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def measure_line(port: int, folder: Path, calls: int) -> dict[str, float]:
    trunk = TrunkSettings(name="main", address=f"sip:127.0.0.1:{port}", rtp_ports=(10000, 39999))
    line = ProcessLine(
        LineSettings(trunks=(trunk,), speech="none", cache_dir=str(folder / "prompts"))
    )
    dialer = Dialer()
    await line.start(dialer.heard)
    as_urgent_as_we_are(line.pid)
    process = psutil.Process(line.pid)
    try:
        line.say(ScriptText(key="short", text=scripts.dump(load(FLOW, "bench"))))
        await dialer.run(line, 200, None)
        dialer.setup_ms.clear()
        started = cpu_seconds(process)
        flat_out_s = await dialer.run(line, calls, None)
        between = cpu_seconds(process)
        dialer.setup_ms.clear()
        slept = process.num_ctx_switches().voluntary
        paced_s = await dialer.run(line, calls, PACED_PER_S)
        ended = cpu_seconds(process)
        slept = process.num_ctx_switches().voluntary - slept
        memory = process.memory_info().rss
    finally:
        await line.stop()
    if dialer.answered != dialer.ended:
        print(f"not all calls were answered: {dialer.outcomes}", file=sys.stderr)
    return {
        "per_s": calls / flat_out_s,
        "paced_per_s": calls / paced_s,
        "cpu_us": (between - started) / calls * 1e6,
        "paced_cpu_us": (ended - between) / calls * 1e6,
        "paced_wakes": slept / calls,
        "failed": dialer.ended - dialer.answered,
        "setup_p50_ms": statistics.median(dialer.setup_ms),
        "setup_p99_ms": statistics.quantiles(dialer.setup_ms, n=100)[98],
        "memory_mb": memory / 1e6,
    }


def measure_sipp(sipp: str, port: int, folder: Path, calls: int) -> dict[str, float]:
    def run(per_s: int, at_once: int) -> tuple[float, float, int]:
        command = [sipp, "-sn", "uac", "-i", "127.0.0.1", "-p", str(free_udp_port()), "-nostdin"]
        command += ["-m", str(calls), "-r", str(per_s), "-l", str(at_once), "-d", "0"]
        command += ["-buff_size", "8388608", f"127.0.0.1:{port}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        took = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return took, cpu, done.returncode

    flat_out_s, cpu_s, first = run(20_000, AT_ONCE)
    paced_s, paced_cpu_s, second = run(PACED_PER_S, 10_000)
    return {
        "per_s": calls / flat_out_s,
        "paced_per_s": calls / paced_s,
        "cpu_us": cpu_s / calls * 1e6,
        "paced_cpu_us": paced_cpu_s / calls * 1e6,
        "failed": float(first != 0 or second != 0),
    }


def main() -> int:
    sipp = shutil.which("sipp")
    if sipp is None:
        print("sipp is not installed: apt-get install sip-tester", file=sys.stderr)
        return 1
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with sipp_callee(sipp, folder) as port:
            line = asyncio.run(measure_line(port, folder, calls))
        with sipp_callee(sipp, folder) as port:
            limit = measure_sipp(sipp, port, folder, calls)
    print(f"{calls} calls, signalling only, loopback, callee: SIPp\n")
    print(
        f"{'caller':<16}{'flat out':>10}{'CPU/call':>10}{'paced':>10}{'CPU/call':>10}{'failed':>8}"
    )
    for caller, found in (("callwright line", line), ("SIPp", limit)):
        print(
            f"{caller:<16}{found['per_s']:>8.0f}/s{found['cpu_us']:>7.0f} µs"
            f"{found['paced_per_s']:>8.0f}/s{found['paced_cpu_us']:>7.0f} µs{found['failed']:>8.0f}"
        )
    print(
        f"\nline at {PACED_PER_S}/s: order to answer p50 {line['setup_p50_ms']:.1f} ms, "
        f"p99 {line['setup_p99_ms']:.1f} ms; woken {line['paced_wakes']:.1f} times a call; "
        f"{line['memory_mb']:.0f} MB"
    )
    print(f"goals: {GOAL_PER_S}/s flat out, {GOAL_CPU_US} µs of the line's CPU a call\n")
    met = line["per_s"] >= GOAL_PER_S and line["cpu_us"] <= GOAL_CPU_US and not line["failed"]
    found = {"bench": "sip_setups", "calls": calls, "line": line, "sipp": limit, "met": met}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
