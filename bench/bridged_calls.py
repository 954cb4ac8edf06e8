"""How many calls can talk with agents at once: RTP on one side, a websocket on the other.

Each call is a media session and a bridge, all on one event loop, as in a line process. The agent
is a process of its own: it says a tone 20 ms at a time, a fifth of a second ahead, and reads what
it is told. The callee is another: it sends back what it hears, and notes for each call how long
it heard no tone once the tone had begun. The figures are the callee's.

    python bench/bridged_calls.py [--calls 200] [--seconds 20]

Goal: 200 calls on one core without a gap over 40 ms. The last line is JSON.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from callwright.ivr.exchange import TalkTo
from callwright.telephony.agents import Agents, Bridge, CallIds
from callwright.telephony.rtp import MediaPlane

GOAL_GAP_MS = 40.0
WARM_UP_S = 3.0

AGENT = """
import asyncio, base64, contextlib, json, uvloop
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

TONE = base64.b64encode(bytes(range(160))).decode()

async def listen(websocket):
    async for message in websocket:
        pass

async def talk(websocket):
    with contextlib.suppress(ConnectionClosed):
        await speak(websocket)

async def speak(websocket):
    while json.loads(await websocket.recv())["event"] != "start":
        pass
    listening = asyncio.create_task(listen(websocket))
    said = json.dumps({"event": "media", "streamSid": "", "media": {"payload": TONE}})
    loop = asyncio.get_running_loop()
    began, spoken = loop.time(), 0
    while not listening.done():
        while spoken * 0.02 < loop.time() - began + 0.2:
            await websocket.send(said)
            spoken += 1
        await asyncio.sleep(0.02)

async def main():
    async with serve(talk, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()

uvloop.run(main())
"""

CALLEE = """
import json, signal, socket, sys, time

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
sock.bind(("127.0.0.1", 0))
print(sock.getsockname()[1], flush=True)
SILENCE = b"\\xff" * 160
last, gaps, count = {}, [], 0

def tell(*_):
    print(json.dumps({"gaps_ms": sorted(gaps), "packets": count, "calls": len(last)}), flush=True)
    raise SystemExit

def begin(*_):
    last.clear(); gaps.clear()

signal.signal(signal.SIGTERM, tell)
signal.signal(signal.SIGUSR1, begin)
while True:
    data, source = sock.recvfrom(2048)
    sock.sendto(data, source)
    count += 1
    if data[12:] == SILENCE:
        continue
    now = time.monotonic()
    before = last.get(source, now)
    last[source] = now
    if now - before > 0.03:
        gaps.append(round((now - before) * 1e3, 1))
"""


@contextmanager
def running(script: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that prints its port first, and that port."""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


async def talk(calls: int, seconds: float, agent: int, callee: subprocess.Popen[str], port: int):
    plane = MediaPlane("127.0.0.1", range(20000, 20000 + 4 * calls + 200))
    agents = Agents(["127.0.0.0/8"])
    lost: list[bool] = []
    bridges, sessions = [], []
    for number in range(calls):
        session = plane.open()
        session.start(("127.0.0.1", port), "PCMU", 101)
        to = TalkTo(f"ws://127.0.0.1:{agent}/", {}, 3600.0, 1)
        ids = CallIds(call=number + 1, account=1)
        bridge = Bridge(to, ids, agents=agents, media=session, on_done=lost.append)
        bridge.start()
        bridges.append(bridge)
        sessions.append(session)
        await asyncio.sleep(0.01)
    await asyncio.sleep(WARM_UP_S)
    callee.send_signal(10)  # SIGUSR1: count from here
    used, began = time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    used, lasted = time.process_time() - used, time.perf_counter() - began
    callee.terminate()
    assert callee.stdout is not None
    heard = json.loads(callee.stdout.readline())
    for bridge in bridges:
        bridge.stop()
    for session in sessions:
        session.close()
    await asyncio.sleep(0.2)
    agents.close()
    plane.close()
    over = [gap for gap in heard["gaps_ms"] if gap > GOAL_GAP_MS]
    return {
        "calls_heard": heard["calls"],
        "agents_lost": len(lost),
        "gaps_over_40_ms": len(over),
        "longest_gap_ms": heard["gaps_ms"][-1] if heard["gaps_ms"] else 20.0,
        "cpu_percent": 100 * used / lasted,
        "cpu_us_a_call_second": used / lasted / calls * 1e6,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Calls that talk with agents over websockets.")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    if not 1 <= asked.calls <= 2000 or not 1 <= asked.seconds <= 3600:
        parser.error("between 1 and 2,000 calls, for 1 to 3,600 seconds")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, max(files, 4 * asked.calls + 200)), most))
    with running(AGENT) as (_, agent), running(CALLEE) as (callee, port):
        figures = uvloop.run(talk(asked.calls, asked.seconds, agent, callee, port))
    met = not (figures["gaps_over_40_ms"] or figures["agents_lost"])
    met = met and figures["calls_heard"] == asked.calls
    print(f"{asked.calls} calls with agents for {asked.seconds:g} s, on one core")
    print(f"  gaps over 40 ms    {figures['gaps_over_40_ms']}")
    print(f"  longest gap        {figures['longest_gap_ms']:.1f} ms")
    print(f"  CPU                {figures['cpu_percent']:.0f} % of a core")
    print(f"  CPU a call-second  {figures['cpu_us_a_call_second']:.0f} µs")
    print(f"  goal: no gap over 40 ms: {'met' if met else 'NOT met'}")
    rounded = {name: round(value, 2) for name, value in figures.items()}
    facts = {"bench": "bridged_calls", "calls": asked.calls, "seconds": asked.seconds}
    print(json.dumps(facts | {"met": met} | rounded))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
