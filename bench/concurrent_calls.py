"""Whole calls with audio both ways: set-ups a second, cost, loss, punctuality, first prompt.

    python bench/concurrent_calls.py [--calls N] [--rate R] [--lines N] [--seconds S] [--importing]

Line processes as in production call SIPp's built-in callee, which sends all audio back. Each call
plays a prompt from the answer on and hangs up after it; calls / rate seconds later the wanted
number talks at once, and from then on `--seconds` are measured. Beside it, in the same run, what
bare sockets cost for the same packets, and what it costs SIPp to call SIPp in our place, saying
as much. With dumpcap (tshark's), the wire itself is read at the peer: how late packets of some
calls are against their own 20 ms, and how long after the 200 OK the first prompt audio of a call
is seen. `--importing` does it all a second time while a server takes in lists of a million rows.

How much of the machine the peer and everybody else had is said as well: where nothing is left,
lateness and loss tell of the machine. Prints a table and, last, one JSON object.
"""

import argparse
import asyncio
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from _orders import leg_order
from bulk_import import make_list, upload
from callwright.ivr import script as scripts
from callwright.ivr.load import load
from callwright.ports.line import FromLine, LegEnded, ScriptText
from callwright.telephony.pipe import LineSettings
from callwright.telephony.recording.wav_file import header
from callwright.telephony.spawned_line import ProcessLine
from callwright.telephony.trunk import TrunkSettings
from callwright.testing.peers.server import server_folder
from concurrent_audio import PACKETS_A_SECOND, bare_cpu_us, echoes, free_port
from peers.sipp_talk import Callee, callee, caller_cpu_us
from peers.urgency import as_urgent_as_we_are

GOAL_CPU_US = 700
GOAL_LOSS_PERCENT = 0.1
GOAL_KB_A_CALL = 25
GOAL_LATE_P99_MS = 2.0
GOAL_PROMPT_MS = 40.0
GOAL_IMPORTING = 1.1
"""How much more a call-second may cost while lists are taken in."""
LIST_ROWS = 1_000_000
FIRST_PORT = 20_000
WATCHED_PORTS = 40
"""Of the first line: the calls whose audio is read from the wire, which costs them something."""
FLOW = "callwright: 1\nname: Bench\nsteps:\n  talk:\n    play: prompt.wav\n    next: hangup\n"
_SILENT = b"\xff" * 160


@contextmanager
def capture(folder: Path, sip: int) -> Iterator[Path | None]:
    """The file into which the wire is read meanwhile; None: there is no dumpcap."""
    if shutil.which("dumpcap") is None:
        yield None
        return
    file = folder / "wire.pcap"
    last = FIRST_PORT + WATCHED_PORTS - 1
    command = ["dumpcap", "-q", "-P", "-i", "lo", "-s", "2000", "-B", "64", "-w", str(file)]
    command += ["-f", f"udp port {sip} or udp src portrange {FIRST_PORT}-{last}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield file
    finally:
        process.terminate()
        process.wait()


class Caller:
    """Places calls on the lines in turn and adds up how they end."""

    def __init__(self, lines: list[ProcessLine]) -> None:
        self.lines = lines
        self.placed = 0
        self.ended: list[LegEnded] = []

    def heard(self, message: FromLine) -> None:
        if isinstance(message, LegEnded):
            self.ended.append(message)

    async def keep_calling(self, rate: float) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, began + self.placed / rate - time.monotonic()))
            self.place()

    def place(self) -> None:
        self.lines[self.placed % len(self.lines)].say(leg_order(self.placed, "talk"))
        self.placed += 1


@contextmanager
def importing(folder: Path) -> Iterator[None]:
    """A server beside us takes in one list after the other meanwhile."""
    path = make_list(folder / "list.csv", LIST_ROWS)
    ended = threading.Event()
    with server_folder(folder / "server", {"limits": {"csv_rows": LIST_ROWS}}) as server:
        server.start()

        def import_on() -> None:
            while not ended.is_set():
                upload(server, path)

        thread = threading.Thread(target=import_on)
        thread.start()
        try:
            time.sleep(1.0)
            yield
        finally:
            ended.set()
            thread.join()
            server.stop()


async def measure(asked: argparse.Namespace, peer: Callee, folder: Path) -> dict[str, float]:
    talk_s = asked.calls / asked.rate
    prompt = folder / "prompt.wav"
    codes = np.random.default_rng(1).integers(0, 200, round(talk_s * 16_000), dtype=np.uint8)
    prompt.write_bytes(header(len(codes)) + codes.tobytes())
    share = (60_000 - FIRST_PORT) // asked.lines // 2 * 2
    lines = []
    for index in range(asked.lines):
        first = FIRST_PORT + index * share
        trunk = TrunkSettings(
            name="main", address=f"sip:127.0.0.1:{peer.sip}", rtp_ports=(first, first + share - 1)
        )
        settings = LineSettings(trunks=(trunk,), speech="none", cache_dir=str(folder / "prompts"))
        lines.append(ProcessLine(settings))
    caller = Caller(lines)
    # As `callwright app add` makes it of a file: with the recording's whole path.
    text = scripts.dump(load(FLOW, "bench")).replace('"prompt.wav"', json.dumps(str(prompt)))
    for line in lines:
        await line.start(caller.heard)
        as_urgent_as_we_are(line.pid)
        line.say(ScriptText(key="talk", text=text))
    processes = [psutil.Process(line.pid) for line in lines]
    empty = sum(process.memory_info().rss for process in processes)
    calling = asyncio.create_task(caller.keep_calling(asked.rate))
    try:
        await asyncio.sleep(talk_s + 3.0)
        before, began, ended = cpu_s(processes), time.monotonic(), len(caller.ended)
        peer_before, machine_before = cpu_s([peer.process]), psutil.cpu_times()
        await asyncio.sleep(asked.seconds)
        used, lasted = cpu_s(processes) - before, time.monotonic() - began
        peer_used, machine = cpu_s([peer.process]) - peer_before, psutil.cpu_times()
        idle = machine.idle - machine_before.idle + machine.iowait - machine_before.iowait
        whole = lasted * (psutil.cpu_count() or 1)
        at_once = caller.placed - len(caller.ended)
        memory = sum(process.memory_info().rss for process in processes) - empty
        over = caller.ended[ended:]
    finally:
        calling.cancel()
        await asyncio.gather(*(line.stop() for line in lines))
    # Of the calls that ended meanwhile, for as many were going on before as are after.
    call_seconds = sum(each.sent_packets for each in over) / PACKETS_A_SECOND
    received = sum(each.received_packets for each in over)
    lost = sum(each.lost_packets for each in over)
    return {
        "at_once": at_once,
        "setups_a_second": len(over) / lasted,
        "failed": sum(1 for each in over if each.reason != "script ended"),
        "cpu_us_a_call_second": used / max(1.0, call_seconds) * 1e6,
        "lines_percent": 100 * used / whole,
        "peer_percent": 100 * peer_used / whole,
        "others_percent": max(0.0, 100 * (whole - idle - used - peer_used) / whole),
        "loss_percent": 100 * lost / max(1, lost + received),
        "kb_a_call": memory / at_once / 1000,
    }


def cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def packets(file: Path) -> Iterator[tuple[float, int, int, bytes]]:
    """Time, source port, target port and payload of each UDP packet in a capture of `lo`."""
    data = file.read_bytes()
    nanos = data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, kept, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        udp = 14 + (frame[14] & 15) * 4
        source, target = struct.unpack_from("!HH", frame, udp)
        yield seconds + fraction / (1e9 if nanos else 1e6), source, target, frame[udp + 8 :]


def read_wire(file: Path, sip: int) -> dict[str, float]:
    """How late packets were, call by call, and how soon after its 200 OK a prompt was seen."""
    audio_port: dict[bytes, int] = {}
    answered: dict[int, float] = {}
    waits: list[float] = []
    offsets: dict[tuple[int, bytes], list[float]] = {}
    for at, source, target, payload in packets(file):
        if sip in (source, target):
            found = re.search(rb"\r\nCall-ID: *([^\r\n]+)", payload)
            if found is None:
                continue
            if payload.startswith(b"INVITE "):
                media = re.search(rb"\r\nm=audio (\d+) ", payload)
                if media is not None:
                    audio_port[found[1]] = int(media[1])
            elif payload.startswith(b"SIP/2.0 200 ") and b"INVITE\r\n" in payload:
                answered.setdefault(audio_port.pop(found[1], 0), at)
        elif len(payload) == 172:
            timestamp = int.from_bytes(payload[4:8], "big")
            offsets.setdefault((source, payload[8:12]), []).append(at - timestamp / 8000)
            if source in answered and payload[12:] != _SILENT:
                waits.append((at - answered.pop(source)) * 1e3)
    late = [(each - min(call)) * 1e3 for call in offsets.values() for each in call]
    figures = {"calls_on_the_wire": float(len(offsets))}
    for name, values in (("late", late), ("prompt", waits)):
        if values:
            p50, p99 = np.percentile(values, (50, 99))
            figures |= {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}
    return figures


GOALS = (
    ("CPU a call-second", "cpu_us_a_call_second", "µs", GOAL_CPU_US),
    ("  limit: bare sockets", "bare_sockets_us_a_call_second", "µs", None),
    ("  SIPp in our place", "sipp_us_a_call_second", "µs", None),
    ("lost", "loss_percent", "%", GOAL_LOSS_PERCENT),
    ("memory a call", "kb_a_call", "KB", GOAL_KB_A_CALL),
    ("packets late, p99", "late_p99_ms", "ms", GOAL_LATE_P99_MS),
    ("first prompt after 200, p99", "prompt_p99_ms", "ms", GOAL_PROMPT_MS),
    ("failed calls", "failed", "", 0),
    ("of the machine: lines", "lines_percent", "%", None),
    ("of the machine: SIPp, the peer", "peer_percent", "%", None),
    ("of the machine: everybody else", "others_percent", "%", None),
)


def run(asked: argparse.Namespace, peer: Callee, folder: Path) -> dict[str, float]:
    """One measurement, with what the wire showed."""
    with capture(folder, peer.sip) as wire:
        figures = asyncio.run(measure(asked, peer, folder))
    if wire is not None and wire.exists():
        figures |= read_wire(wire, peer.sip)
    return figures


def show(figures: dict[str, float]) -> bool:
    """The table; whether every goal was met."""
    met = True
    for label, key, unit, goal in GOALS:
        if key in figures:
            good = goal is None or figures[key] <= goal
            met &= good
            verdict = "" if goal is None else f"   goal {goal:g}: {'met' if good else 'NOT met'}"
            print(f"  {label:<30} {figures[key]:10.2f} {unit:<3}{verdict}")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description="Concurrent whole calls over SIP and RTP.")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--lines", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--importing", action="store_true", help="and again while lists load")
    asked = parser.parse_args()
    if not 1 <= asked.calls <= 10_000 or not 1 <= asked.lines <= 16 or asked.rate <= 0:
        parser.error("between 1 and 10,000 calls on 1 to 16 lines")
    if shutil.which("sipp") is None:
        raise SystemExit("SIPp is missing: apt-get install sip-tester")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        peer = stack.enter_context(callee(folder, free_port, echoes))
        limits = {"bare_sockets_us_a_call_second": bare_cpu_us(peer.rtp)}
        sipp_us = caller_cpu_us(folder, peer, asked.calls, asked.rate, asked.seconds / 2)
        limits["sipp_us_a_call_second"] = sipp_us
        figures = run(asked, peer, folder) | limits
        meanwhile: dict[str, float] = {}
        if asked.importing:
            with importing(folder):
                meanwhile = run(asked, peer, folder)
    print(
        f"{figures['at_once']:.0f} calls at once, {figures['setups_a_second']:.0f} set-ups/s,"
        f" {asked.lines} lines, {asked.seconds:g} s"
    )
    met = show(figures)
    if meanwhile:
        more = meanwhile["cpu_us_a_call_second"] / figures["cpu_us_a_call_second"]
        met &= more <= GOAL_IMPORTING
        print(
            f"while lists of {LIST_ROWS:,} rows load: a call-second costs {more:.2f} times as much"
        )
        met &= show(meanwhile)
        figures |= {f"importing_{key}": value for key, value in meanwhile.items()}
    rounded = {key: round(value, 4) for key, value in figures.items()}
    facts = {"bench": "concurrent_calls", "calls": asked.calls, "rate": asked.rate}
    print(json.dumps(facts | {"lines": asked.lines, "met": bool(met)} | rounded))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
