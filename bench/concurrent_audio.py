"""How many calls can talk at once: audio both ways through the media plane.

Each call is a session of its own with its own UDP port; the other side sends every packet
back and is not ours: SIPp's `-rtp_echo` where SIPp is installed, else a plain reflector in a
process of its own. Beside it stands the limit: the same packets through bare sockets.

    python bench/concurrent_audio.py [--calls 300] [--seconds 20] [--loop uvloop|asyncio]

Goal: 300 calls with a tick p99 under 5 ms. The last line is JSON.
"""

import argparse
import asyncio
import json
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from callwright.telephony.rtp import EncodedPrompt, MediaPlane, MediaSession
from callwright.telephony.rtp.encoded import encoded_prompt
from callwright.telephony.rtp.g711 import FRAME_S
from callwright.telephony.rtp.ticker import PHASES

GOAL_P99_MS = 5.0
FRAME_BYTES = 172
PACKETS_A_SECOND = 50
WARM_UP_S = 2.0

REFLECTOR = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
sock.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, source = sock.recvfrom(2048)
    sock.sendto(data, source)
"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port - port % 2


def echoes(port: int) -> bool:
    """Whether what is sent to `port` comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.sendto(b"\x80" + bytes(171), ("127.0.0.1", port))
        try:
            return bool(sock.recv(2048))
        except OSError:
            return False


@contextmanager
def far_side() -> Iterator[tuple[str, int]]:
    """Who sends the audio back: its name and its RTP port."""
    port = free_port()
    if shutil.which("sipp"):
        name = "SIPp -rtp_echo"
        command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(free_port()), "-nostdin"]
        command += ["-mi", "127.0.0.1", "-mp", str(port), "-rtp_echo"]
    else:
        name = "reflector (apt-get install sip-tester for SIPp)"
        command = [sys.executable, "-S", "-c", REFLECTOR, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not any(echoes(port) for _ in range(25)):
            raise SystemExit(f"{name} sends nothing back")
        yield name, port
    finally:
        process.kill()
        process.wait()


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bare_cpu_us(port: int) -> float:
    """CPU in µs of one call-second through bare sockets: 50 sent, 50 received, no thought."""
    seconds = 500
    packet = bytes(FRAME_BYTES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        before = cpu_s()
        for _ in range(seconds):
            for _ in range(PACKETS_A_SECOND):
                sock.sendto(packet, ("127.0.0.1", port))
            for _ in range(PACKETS_A_SECOND):
                sock.recvfrom(2048)
        return (cpu_s() - before) / seconds * 1e6


class LastOfBeat:
    """Ticked after every session of its phase: when the last packet of a beat had left.

    By the system's clock, not the loop's, which uvloop keeps in whole milliseconds.
    """

    def __init__(self) -> None:
        self.seen: list[float] = []

    def tick(self, cycle: int) -> None:
        self.seen.append(time.monotonic() - cycle * FRAME_S)

    def late_ms(self) -> list[float]:
        earliest = min(self.seen)
        return [(seen - earliest) * 1e3 for seen in self.seen]


def keep_talking(session: MediaSession, prompt: EncodedPrompt) -> None:
    session.play([prompt], lambda: keep_talking(session, prompt))


async def talk(calls: int, seconds: float, port: int) -> dict[str, float]:
    plane = MediaPlane("127.0.0.1", range(20000, 20000 + 4 * calls + 200))
    codes = np.random.default_rng(1).integers(0, 256, 10 * 8000, dtype=np.uint8).tobytes()
    prompt = encoded_prompt(codes, "PCMU", "PCMU")
    sessions = []
    for number in range(calls):
        session = plane.open()
        session.on_audio = _discard
        session.start(("127.0.0.1", port), "PCMU", 101)
        keep_talking(session, prompt)
        sessions.append(session)
        if number % 20 == 19:
            await asyncio.sleep(0.02)
    await asyncio.sleep(WARM_UP_S)
    probes = [LastOfBeat() for _ in range(PHASES)]
    for probe in probes:
        plane.ticker.join(probe)
    skipped_before = plane.beat_stats().skipped
    sent_before = sum(session.stats().sent_packets for session in sessions)
    cpu_before, began = cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    used, lasted = cpu_s() - cpu_before, time.perf_counter() - began
    skipped = plane.beat_stats().skipped - skipped_before
    late_ms = sorted(late for probe in probes for late in probe.late_ms())
    for probe in probes:
        plane.ticker.leave(probe)
    sent = sum(session.stats().sent_packets for session in sessions) - sent_before
    stats = [session.close() for session in sessions]
    plane.close()
    received = sum(each.received_packets for each in stats)
    lost = sum(each.lost_packets for each in stats)
    return {
        "sent_a_second": sent / lasted,
        "received": received,
        "silent_calls": sum(1 for each in stats if each.received_packets == 0),
        "loss_percent": 100 * lost / max(1, lost + received),
        "tick_p50_ms": late_ms[len(late_ms) // 2],
        "tick_p99_ms": late_ms[len(late_ms) * 99 // 100],
        "tick_max_ms": late_ms[-1],
        "beats_skipped": skipped,
        "cpu_percent": 100 * used / lasted,
        "cpu_us_a_call_second": used / lasted / calls * 1e6,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _discard(codes: bytes) -> None:
    """A consumer, so that the received audio travels its whole way."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Concurrent calls with audio both ways.")
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    asked = parser.parse_args()
    if not 1 <= asked.calls <= 10_000 or not 1 <= asked.seconds <= 3600:
        parser.error("between 1 and 10,000 calls, for 1 to 3,600 seconds")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < asked.calls + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, asked.calls + 100), most))
    with far_side() as (name, port):
        bare_us = bare_cpu_us(port)
        if asked.loop == "uvloop":
            import uvloop

            figures = uvloop.run(talk(asked.calls, asked.seconds, port))
        else:
            figures = asyncio.run(talk(asked.calls, asked.seconds, port))
    figures["bare_sockets_us_a_call_second"] = bare_us
    met = figures["tick_p99_ms"] < GOAL_P99_MS and figures["silent_calls"] == 0
    print(f"{asked.calls} calls, {asked.seconds:g} s, {asked.loop}, far side: {name}")
    rows = [
        ("tick p50 / p99 / max", "{tick_p50_ms:.2f} / {tick_p99_ms:.2f} / {tick_max_ms:.1f} ms"),
        ("packets sent", "{sent_a_second:,.0f} a second"),
        ("lost", "{loss_percent:.3f} %"),
        ("calls that heard nothing", "{silent_calls:.0f}"),
        ("CPU", "{cpu_percent:.1f} % of a core"),
        ("CPU a call-second", "{cpu_us_a_call_second:.0f} µs"),
        ("  limit: bare sockets", "{bare_sockets_us_a_call_second:.0f} µs"),
        ("memory", "{rss_mb:.0f} MB"),
    ]
    for label, shape in rows:
        print(f"  {label:<26} {shape.format(**figures)}")
    print(f"  goal: tick p99 < {GOAL_P99_MS:g} ms: {'met' if met else 'NOT met'}")
    rounded = {key: round(value, 4) for key, value in figures.items()}
    facts = {"bench": "concurrent_audio", "calls": asked.calls, "seconds": asked.seconds}
    print(json.dumps(facts | {"loop": asked.loop, "far_side": name, "met": met} | rounded))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
