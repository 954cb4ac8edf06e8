"""Whole calls with audio both ways: set-ups a second, cost, loss, punctuality, first prompt.

`python bench/concurrent_calls.py [--calls 1000] [--rate 200] [--lines 2] [--seconds 20]`: line
processes as in production call SIPp's built-in callee, which sends all audio back. Each call
plays a prompt from the answer on and hangs up after it; calls / rate seconds later the wanted
number talks at once, and from then on `--seconds` are measured. Beside it, in the same run, what
bare sockets cost for the same packets. With dumpcap (tshark's), the wire itself is read at the
peer: how late packets of some calls are against their own 20 ms, and how long after the 200 OK
the first prompt audio of a call is seen. Prints a table and, last, one JSON object.
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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from _orders import leg_order
from callwright.ivr import script as scripts
from callwright.ivr.load import load
from callwright.ports.line import FromLine, LegEnded, ScriptText
from callwright.telephony.pipe import LineSettings
from callwright.telephony.recording.wav_file import header
from callwright.telephony.spawned_line import ProcessLine
from callwright.telephony.trunk import TrunkSettings
from concurrent_audio import PACKETS_A_SECOND, bare_cpu_us, echoes, free_port

GOAL_CPU_US = 700
GOAL_LOSS_PERCENT = 0.1
GOAL_KB_A_CALL = 25
GOAL_LATE_P99_MS = 2.0
GOAL_PROMPT_MS = 40.0
FIRST_PORT = 20_000
WATCHED_PORTS = 40
"""Of the first line: the calls whose audio is read from the wire, which costs them something."""
FLOW = "callwright: 1\nname: Bench\nsteps:\n  talk:\n    play: prompt.wav\n    next: hangup\n"
_SILENT = b"\xff" * 160


@contextmanager
def callee(folder: Path) -> Iterator[tuple[int, int]]:
    """SIPp's ports for SIP and audio."""
    sip, rtp = free_port(), free_port()
    # Its own callee, but for keys as events: else every call is searched for audible ones.
    text = subprocess.run(["sipp", "-sd", "uas"], stdout=subprocess.PIPE, check=False).stdout
    events = b"RTP/AVP 0 101\n      a=rtpmap:101 telephone-event/8000\n"
    scenario = folder / "uas.xml"
    scenario.write_bytes(text.replace(b"RTP/AVP 0\n", events))
    command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(sip), "-nostdin"]
    command += ["-mi", "127.0.0.1", "-mp", str(rtp), "-rtp_echo", "-buff_size", "8388608"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        if not any(echoes(rtp) for _ in range(75)):
            raise SystemExit("SIPp sends nothing back")
        yield sip, rtp
    finally:
        process.kill()
        process.wait()


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


async def measure(asked: argparse.Namespace, sip: int, folder: Path) -> dict[str, float]:
    talk_s = asked.calls / asked.rate
    prompt = folder / "prompt.wav"
    codes = np.random.default_rng(1).integers(0, 200, round(talk_s * 16_000), dtype=np.uint8)
    prompt.write_bytes(header(len(codes)) + codes.tobytes())
    share = (60_000 - FIRST_PORT) // asked.lines // 2 * 2
    lines = []
    for index in range(asked.lines):
        first = FIRST_PORT + index * share
        trunk = TrunkSettings(
            name="main", address=f"sip:127.0.0.1:{sip}", rtp_ports=(first, first + share - 1)
        )
        settings = LineSettings(trunks=(trunk,), speech="none", cache_dir=str(folder / "prompts"))
        lines.append(ProcessLine(settings))
    caller = Caller(lines)
    # As `callwright app add` makes it of a file: with the recording's whole path.
    text = scripts.dump(load(FLOW, "bench")).replace('"prompt.wav"', json.dumps(str(prompt)))
    for line in lines:
        await line.start(caller.heard)
        line.say(ScriptText(key="talk", text=text))
    processes = [psutil.Process(line.pid) for line in lines]
    empty = sum(process.memory_info().rss for process in processes)
    calling = asyncio.create_task(caller.keep_calling(asked.rate))
    try:
        await asyncio.sleep(talk_s + 3.0)
        before, began, ended = cpu_s(processes), time.monotonic(), len(caller.ended)
        await asyncio.sleep(asked.seconds)
        used, lasted = cpu_s(processes) - before, time.monotonic() - began
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


def main() -> int:
    parser = argparse.ArgumentParser(description="Concurrent whole calls over SIP and RTP.")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--lines", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    if not 1 <= asked.calls <= 10_000 or not 1 <= asked.lines <= 16 or asked.rate <= 0:
        parser.error("between 1 and 10,000 calls on 1 to 16 lines")
    if shutil.which("sipp") is None:
        raise SystemExit("SIPp is missing: apt-get install sip-tester")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with callee(folder) as (sip, rtp):
            bare_us = bare_cpu_us(rtp)
            with capture(folder, sip) as wire:
                figures = asyncio.run(measure(asked, sip, folder))
        if wire is not None and wire.exists():
            figures |= read_wire(wire, sip)
    figures["bare_sockets_us_a_call_second"] = bare_us
    goals = [
        ("CPU a call-second", "cpu_us_a_call_second", "µs", GOAL_CPU_US),
        ("  limit: bare sockets", "bare_sockets_us_a_call_second", "µs", None),
        ("lost", "loss_percent", "%", GOAL_LOSS_PERCENT),
        ("memory a call", "kb_a_call", "KB", GOAL_KB_A_CALL),
        ("packets late, p99", "late_p99_ms", "ms", GOAL_LATE_P99_MS),
        ("first prompt after 200, p99", "prompt_p99_ms", "ms", GOAL_PROMPT_MS),
        ("failed calls", "failed", "", 0),
    ]
    print(
        f"{figures['at_once']:.0f} calls at once, {figures['setups_a_second']:.0f} set-ups/s,"
        f" {asked.lines} lines, {asked.seconds:g} s"
    )
    met = True
    for label, key, unit, goal in goals:
        if key in figures:
            good = goal is None or figures[key] <= goal
            met &= good
            verdict = "" if goal is None else f"   goal {goal:g}: {'met' if good else 'NOT met'}"
            print(f"  {label:<28} {figures[key]:10.2f} {unit:<3}{verdict}")
    rounded = {key: round(value, 4) for key, value in figures.items()}
    facts = {"bench": "concurrent_calls", "calls": asked.calls, "rate": asked.rate}
    print(json.dumps(facts | {"lines": asked.lines, "met": bool(met)} | rounded))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
