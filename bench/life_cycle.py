"""What carrying a call from its claim to its notice costs, and what others' queues cost.

Claim, attempt on disk, answer, end and notice of each call of a list, domain code included,
every step durable, no SIP. Three questions, answered in one run:

- how many calls a second, and is it the same when ten million calls are stored? Two stores,
  a small and a large one, take turns; medians of the rounds are compared;
- how many no-op jobs a second do pgqueuer and procrastinate complete on PostgreSQL, and huey
  on SQLite, as durably, on this machine between those rounds?

All wait for the disk: SQLite in WAL with synchronous=full here and with huey, PostgreSQL and
pgqueuer's tables as they come (fsync, nothing unlogged). Each has its own way of doing many at
once: four claims of a hundred here, pgqueuer's batches of a hundred, procrastinate's twenty at
once, huey one by one, because its claims exclude one another. A no-op job is two changes that
must last, taken and done (huey: one); a call here is three, and leaves a result to be sent.

    python bench/life_cycle.py [--stored N] [--calls N] [--rounds N] [--no-peers]

The peers are installed from bench/peers/peers.lock into a folder of their own, and PostgreSQL
runs in a temporary one; --no-peers leaves them out, and so does a machine without initdb.
Prints a table and, last, the figures as one JSON line.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from callwright.cli.garbage import spare_what_stands
from callwright.ports.store import Lane
from callwright.store.sqlite import SqliteStore, open_sqlite_store
from callwright.store.sqlite.values import call_values
from callwright.testing.peers.peer_venv import peer_python
from store_life_cycle import NOW, SCHEDULE, contacts, furnish, life_cycles_per_s

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
PEERS_VENV = HERE.parent / ".tools" / "bench-peers"
SMALL = 10_000
SLICE = 1_000
PEER_WITHIN_S = 300
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
GOALS = {
    "calls_per_s": "at least 5,000",
    "flat": "at most 1.2",
    "of_pgqueuer": "at least 1",
    "of_procrastinate": "at least 10",
    "of_huey": "at least 3",
}


@dataclass
class Peer:
    """A queue that does nothing as durably as we do something."""

    script: str
    jobs: int
    rates: list[float] = field(default_factory=list)


async def open_filled(path: Path, stored: int) -> SqliteStore:
    """A store in which that many calls of one list wait."""
    store = open_sqlite_store(path, server=True)
    place = await store.write(furnish)
    batch = await store.write(lambda tx: tx.open_batch(*place, SCHEDULE, NOW), lane=Lane.INTAKE)
    slice_ = [value for row in _rows(SLICE) for value in row]
    began = time.monotonic()
    for done in range(0, stored, SLICE):
        await store.write(lambda tx: tx.add_rows(batch, slice_), lane=Lane.IMPORT)
        if time.monotonic() - began > 5:
            began = time.monotonic()
            print(f"  {done:,} of {stored:,} calls stored", file=sys.stderr)
    await store.write(lambda tx: tx.go_live(batch, NOW), lane=Lane.INTAKE)
    return store


def _rows(count: int) -> Iterator[tuple[str, ...]]:
    return (tuple(str(value) for value in call_values([one])) for one in contacts(count))


async def measure(
    folder: Path,
    stored: int,
    calls: int,
    rounds: int,
    peers: dict[str, Peer],
    where: dict[str, str],
) -> dict[str, float]:
    small = await open_filled(folder / "small.db", SMALL)
    large = await open_filled(folder / "large.db", stored)
    spare_what_stands()  # as a server does
    rates: dict[str, list[float]] = {"small": [], "large": []}
    cpu: dict[str, list[float]] = {"small": [], "large": []}
    for store in (small, large):
        # The first calls of a connection are planned and cached; nobody pays for that twice.
        await life_cycles_per_s(store, 1_000)
    for number in range(rounds):
        pair = (("small", small), ("large", large))
        for name, store in pair if number % 2 else reversed(pair):
            began = time.process_time()
            rates[name].append(await life_cycles_per_s(store, calls))
            cpu[name].append((time.process_time() - began) / calls * 1e6)
        for name, peer in peers.items():
            peer.rates.append(run_peer(peer, where[name], number))
    for store in (small, large):
        await store.close()
    figures = {
        "calls_per_s": statistics.median(rates["small"]),
        "cpu_us": statistics.median(cpu["small"]),
        "stored": float(stored),
        "calls_per_s_when_stored": statistics.median(rates["large"]),
        "cpu_us_when_stored": statistics.median(cpu["large"]),
        "flat": statistics.median(
            few / many for few, many in zip(rates["small"], rates["large"], strict=True)
        ),
    }
    for name, peer in peers.items():
        figures[f"{name}_per_s"] = statistics.median(peer.rates)
        figures[f"of_{name}"] = statistics.median(
            ours / theirs for ours, theirs in zip(rates["small"], peer.rates, strict=True)
        )
    return figures


def run_peer(peer: Peer, where: str, number: int) -> float:
    """Jobs a second that a peer completes now, in a process of its own."""
    python = peer_python(PEERS / "peers.lock", PEERS_VENV)
    place = where.replace("{}", str(number))
    ran = subprocess.run(
        [python, PEERS / peer.script, str(peer.jobs), place],
        capture_output=True,
        text=True,
        timeout=PEER_WITHIN_S,
        check=False,
    )
    if ran.returncode != 0:
        sys.exit(f"life_cycle: {peer.script} failed:\n{ran.stderr}")
    return float(ran.stdout)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A fresh PostgreSQL, durable as installed, behind a socket in `folder`; its address."""
    programs = max(DEBIAN_POSTGRES.glob("*/bin"), default=None)
    if programs is None:
        sys.exit("life_cycle: no initdb; apt-get install postgresql, or use --no-peers")
    data = folder / "postgres"
    data.mkdir(mode=0o700)
    as_owner: list[str] = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        shutil.chown(data, "postgres", "postgres")
        folder.chmod(0o755)
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(*words: object) -> None:
        command = [*as_owner, *(str(word) for word in words)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=data)

    run(programs / "initdb", "-D", data, "-A", "trust", "-U", "bench")
    options = f"-c listen_addresses='' -c unix_socket_directories={data}"
    run(programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", data / "log", "start")
    try:
        yield f"postgresql:///postgres?host={data}&user=bench"
    finally:
        run(programs / "pg_ctl", "-D", data, "-w", "-m", "fast", "stop")


def show(figures: dict[str, float]) -> None:
    stored = f"{figures['stored']:,.0f}"
    rows = [
        ("life cycles, 10,000 calls stored", "calls_per_s", "calls/s"),
        ("  processor time of all threads", "cpu_us", "us/call"),
        (f"life cycles, {stored} calls stored", "calls_per_s_when_stored", "calls/s"),
        ("  processor time of all threads", "cpu_us_when_stored", "us/call"),
        ("  time a call, as a share of the small store's", "flat", ""),
    ]
    for name in ("pgqueuer", "procrastinate", "huey"):
        rows += [
            (f"{name}, no-op jobs", f"{name}_per_s", "jobs/s"),
            ("  ours as a multiple", f"of_{name}", ""),
        ]
    for label, name, unit in rows:
        if name in figures:
            goal = f"   goal: {GOALS[name]}" if name in GOALS else ""
            print(f"  {label:<48}{figures[name]:>12,.2f} {unit}{goal}")
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"bench": "life_cycle", **rounded}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stored", type=int, default=10_000_000, help="calls of the large store")
    parser.add_argument("--calls", type=int, default=1_500, help="calls of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    needed = 1_000 + options.calls * options.rounds
    if needed > SMALL or options.stored < SMALL:
        parser.error(f"--calls times --rounds + 1,000 must fit in {SMALL:,}, and so must --stored")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def run(peers: dict[str, Peer], where: dict[str, str]) -> None:
            sizes = (options.stored, options.calls, options.rounds)
            show(uvloop.run(measure(folder, *sizes, peers, where)))

        if options.no_peers:
            run({}, {})
            return
        with postgres(folder) as address:
            peers = {
                "pgqueuer": Peer("pgqueuer_jobs.py", 5_000),
                "procrastinate": Peer("procrastinate_jobs.py", 500),
                "huey": Peer("huey_jobs.py", 3_000),
            }
            huey = str(folder / "huey-{}.db")
            run(peers, {"pgqueuer": address, "procrastinate": address, "huey": huey})


if __name__ == "__main__":
    main()
