"""Let a whole list come due in one second, and count what leaves, outside the server.

    python3 go stress herd --calls 2000
    python3 go stress herd --calls 100000
    python3 go stress herd --calls 1000 --break no-smoothing

A real server with its own store, in a process of its own; its line sends a datagram for each
INVITE, and the kernel's own time of each datagram is what counts. Meanwhile others use the API, and
now and then queue a single call on another deployment.
"""

import argparse
import math
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from _figures import finish
from _pacing_breaks import HERD_BREAKS
from callwright.simulation.campaign import number
from callwright.testing.peers.busy_trunk import most_within, receive, stamped_socket
from callwright.testing.peers.server import ServerUnderTest, server_folder, trunk

SERVER = Path(__file__).with_name("_no_media_server.py")
SINGLE_EVERY_S = 1.5
ASK_EVERY_S = 0.02
ASKERS = 2
FIRST_WITHIN_S = 1.0
SINGLE_WITHIN_S = 5.0
SPAN_S = 0.1
FLOW = """
callwright: 1
name: other
start: greet
steps:
  greet:
    say: Hello
    next: hangup
"""


@dataclass
class Counting:
    """INVITEs as they left: the number, and when, in Unix seconds."""

    seen: list[tuple[float, str]] = field(default_factory=list)
    _socket: socket.socket = field(init=False)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._socket = stamped_socket()
        self._socket.settimeout(0.2)
        self._stopping = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def address(self) -> str:
        host, port = self._socket.getsockname()
        return f"{host}:{port}"

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping:
            try:
                at, data, _ = receive(self._socket)
            except TimeoutError:
                continue
            self.seen.append((at, data.decode()))


@dataclass
class Others:
    """Everybody else who uses the API meanwhile."""

    server: ServerUnderTest
    other: str
    """Another deployment, `apps/ID/ID`."""
    chance: random.Random
    took_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    queued: dict[str, float] = field(default_factory=dict)
    """Single calls by number in E.164, and when they were acknowledged."""
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        works = [self._ask] * ASKERS + [self._queue]
        self._threads = [threading.Thread(target=work) for work in works]
        for thread in self._threads:
            thread.start()

    def stop_queueing(self) -> None:
        """Ask for nothing more."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        api = self.server.api
        while not self._stopping.wait(ASK_EVERY_S):
            began = time.perf_counter()
            try:
                status = api.request("GET", "/api/outbound/1").status
            except OSError as exc:
                status = repr(exc)  # type: ignore[assignment]
            self.took_s.append(time.perf_counter() - began)
            if status != 200:
                self.wrong.append(f"GET answered {status}")

    def _queue(self) -> None:
        api, index = self.server.api, self.chance.randrange(100_000)
        while not self._stopping.wait(SINGLE_EVERY_S):
            index += 1
            plain = f"3125{index:06d}"
            began = time.perf_counter()
            try:
                status = api.queue(self.other, phone_number=plain).status
            except OSError as exc:
                status = repr(exc)  # type: ignore[assignment]
            self.took_s.append(time.perf_counter() - began)
            self.queued[f"+1{plain}"] = time.time()
            if status != 200:
                self.wrong.append(f"POST answered {status}")


@dataclass(frozen=True)
class Herd:
    """What came of one run."""

    due_at: float
    seen: Sequence[tuple[float, str]]
    others: Others
    log: str


def run(folder: Path, *, calls: int, rate: float, seed: int, broken: str | None) -> Herd:
    """Queue a list that comes due as one, and watch until it is dialled."""
    counting = Counting()
    program = (sys.executable, str(SERVER), broken or "-", counting.address)
    main = trunk("sip:127.0.0.1:9", calls_per_second=rate, max_calls=1000)
    try:
        with server_folder(folder, {"trunks.main": main}, program=program) as server:
            other = server.add_application("other", FLOW)
            server.start()
            csv = "phone_number\n" + "\n".join(number(index) for index in range(calls)) + "\n"
            due_at = math.ceil(time.time() + 3.0 + calls / 10_000)
            reply = server.api.queue_list(server.application, csv, start_timestamp=due_at)
            if reply.status != 200 or time.time() > due_at:
                raise RuntimeError(f"the list was not queued in time: {reply}")
            others = Others(server=server, other=other, chance=random.Random(seed))
            time.sleep(max(0.0, due_at - time.time() - 1.0))
            others.start()
            deadline = due_at + 1.5 * calls / rate + 60.0
            while len(counting.seen) < calls + len(others.queued) and time.time() < deadline:
                if len(counting.seen) >= calls - rate and others.queued:
                    others.stop_queueing()
                time.sleep(0.1)
            others.stop_queueing()
            server.stop()
            log = server.log()
    finally:
        counting.stop()
    return Herd(due_at=due_at, seen=sorted(counting.seen), others=others, log=log)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000, help="in the list, 100,000 at most")
    parser.add_argument("--rate", type=int, default=200, help="calls a second of the trunk")
    parser.add_argument("--api-p99-ms", type=float, default=250.0, help="most that is allowed")
    parser.add_argument("--seed", type=int, default=1, help="chooses who else is called")
    parser.add_argument("--break", dest="broken", choices=sorted(HERD_BREAKS))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="herd-") as folder:
        herd = run(
            Path(folder) / "server",
            calls=given.calls,
            rate=given.rate,
            seed=given.seed,
            broken=given.broken,
        )
    moments = [at for at, _ in herd.seen]
    of_list = [at for at, dialled in herd.seen if dialled not in herd.others.queued]
    waits = _single_waits(herd)
    api_p99_ms = 1000 * percentile(herd.others.took_s, 0.99)
    took_s = moments[-1] - moments[0] if len(moments) > 1 else 0.0
    figures = {
        "stress": "herd",
        "seed": given.seed,
        "calls": given.calls,
        "rate": given.rate,
        "invites": len(moments),
        "most_in_a_second": most_within(moments, 1.0),
        "most_in_100_ms": most_within(moments, SPAN_S),
        "per_second": round(len(moments) / took_s, 1) if took_s else 0.0,
        "first_after_due_s": round(of_list[0] - herd.due_at, 3) if of_list else None,
        "singles": len(waits),
        "single_out_within_s": round(max(waits, default=0.0), 3),
        "api_requests": len(herd.others.took_s),
        "api_p99_ms": round(api_p99_ms, 1),
    }
    return finish(figures, _faults(herd, figures, given.api_p99_ms), given.broken)


def _single_waits(herd: Herd) -> list[float]:
    """How long each single call took from its acknowledgement to its INVITE."""
    left = {dialled: at for at, dialled in herd.seen}
    return [left.get(one, math.inf) - at for one, at in herd.others.queued.items()]


def _faults(herd: Herd, figures: dict[str, object], api_p99_ms: float) -> list[str]:
    """Every broken promise."""
    calls, rate = int(str(figures["calls"])), int(str(figures["rate"]))
    faults = [f"R8 {wrong}" for wrong in sorted(set(herd.others.wrong))]
    counts = Counter(dialled for _, dialled in herd.seen)
    if len(counts) != calls + len(herd.others.queued):
        faults.append(f"I1 {len(counts)} of {calls + len(herd.others.queued)} were dialled")
    if any(count > 1 for count in counts.values()):
        faults.append("I3 somebody was dialled twice")
    if int(str(figures["most_in_a_second"])) > rate:
        faults.append(f"I8 {figures['most_in_a_second']} INVITEs in one second")
    if int(str(figures["most_in_100_ms"])) > rate * 2 * SPAN_S:
        faults.append(f"I8 {figures['most_in_100_ms']} INVITEs within 100 ms: not smooth")
    first_s = figures["first_after_due_s"]
    if not isinstance(first_s, float) or not 0 <= first_s <= FIRST_WITHIN_S:
        faults.append(f"R8 the first INVITE left {first_s} s after the list was due")
    late = [wait for wait in _single_waits(herd) if wait > SINGLE_WITHIN_S]
    if late or not herd.others.queued:
        faults.append(f"R8 {len(late)} of {len(herd.others.queued)} single calls left too late")
    if float(str(figures["api_p99_ms"])) > api_p99_ms:
        faults.append(f"R8 99 % of requests took up to {figures['api_p99_ms']} ms")
    if "database is locked" in herd.log:
        faults.append("R8 the log says that the database was locked")
    return faults


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
