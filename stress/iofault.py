"""Let reads, writes and flushes of the disk fail, and fill it, under a whole campaign.

    python3 go stress iofault
    python3 go stress iofault --nth 1-500 --random 0.1 --full 30
    python3 go stress iofault --break answers-before-commit

The simulated world on a real database file, through a file system of SQLite's that fails as it
is told: the n-th write or flush of the run, each in a run of its own; a share of all of
them at random; or all writes for a while, as a full disk would. Besides the oracle's rules:
what was acknowledged is in the file, no INVITE leaves before its attempt can be read there
by somebody else, nobody is queued twice, and work goes on ten seconds after room returns.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apsw

from _breaks import Patch, breaking
from _faulty_disk import Disk, open_on
from _figures import finish
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import draw_campaign
from callwright.simulation.carrier import Carrier, CarrierLeg
from callwright.simulation.inline_store import InlineStore
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World

SPAN_S = 300.0
RESUMES_WITHIN_S = 10.0


@dataclass
class Run:
    """One world on a disk with its own way of failing."""

    name: str
    disk: Disk
    setting: Setting


def setting(seed: int, calls: int) -> Setting:
    """A campaign of lists and single calls, drawn by `seed`."""
    return Setting(
        campaign=draw_campaign(random.Random(seed), calls, SPAN_S),
        seed=seed,
        manners=Manners(answers=0.5, busy=0.3, talks_s=10.0, rings_s=3.0),
        calls_per_second=50.0,
        max_calls=200,
        ring_timeout_s=20.0,
        horizon_s=4 * 86400.0,
    )


def live_through(run: Run, folder: Path) -> list[str]:
    """The world on that disk; its faults."""
    file = folder / "calls.db"
    for old in folder.glob("calls.db*"):
        old.unlink()
    world = World(run.setting)
    world.connection.close()
    world.connection = open_on(file, run.disk)
    witness = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    faults: list[str] = []
    invite = Carrier.invite

    def watched(self: Carrier, **facts: Any) -> CarrierLeg:
        leg = invite(self, **facts)
        call, number = leg.attempt
        query = "SELECT count(*) FROM attempt WHERE call = ? AND number = ?"
        if not witness.execute(query, (call, number)).get:
            faults.append(f"INTENT {leg.number} was dialled and its attempt is not in the file")
        return leg

    attach = InlineStore.__init__
    stores = 0

    def attached(self: InlineStore, connection: apsw.Connection, **rest: Any) -> None:
        nonlocal stores
        stores += 1
        # The first one only sets the world up.
        run.disk.is_ready, run.disk.clock = stores > 1, rest["loop"].time
        attach(self, connection, **rest)

    watching: list[Patch] = [(Carrier, "invite", watched), (InlineStore, "__init__", attached)]
    with breaking("watched", {"watched": lambda: watching}):
        try:
            world.run()
        except Exception as exc:
            faults.append(f"WORLD it broke down: {exc!r}")
    run.disk.heal()
    faults += judge(world)
    # Slices of lists that never went live stand there until they are swept.
    query = "SELECT c.number FROM call c JOIN batch b ON b.id = c.batch WHERE b.state = 'live'"
    numbers = [number for (number,) in witness.execute(query)]
    for asked in world.client.asked.values():
        if asked.acknowledged_s is not None and asked.number not in numbers:
            faults.append(f"KEPT {asked.number} was acknowledged and is not in the file")
    if len(numbers) != len(set(numbers)):
        faults.append("KEPT somebody was queued twice")
    faults += _resumed(run, world)
    witness.close()
    world.close()
    return [f"{fault} ({run.name})" for fault in faults]


def _resumed(run: Run, world: World) -> list[str]:
    """Whether work went on soon after the disk had room again."""
    full = run.disk.full
    if full is None:
        return []
    after = [leg.invited_s for leg in world.carrier.legs if leg.invited_s >= full[1]]
    waited = [a.asked_s for a in world.client.asked.values() if a.asked_s < full[1]]
    if waited and (not after or min(after) > full[1] + RESUMES_WITHIN_S):
        return [f"RESUME nobody was dialled until {min(after, default=0.0):.1f}, room at {full[1]}"]
    return []


def _answers_before_commit() -> list[Patch]:
    """Take a commit that failed for one that did not."""

    def commit(self: Any) -> None:
        try:
            self._connection.execute("COMMIT")
        except apsw.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self.commits += 1

    return [(InlineStore, "commit", commit)]


BREAKS: dict[str, Callable[[], list[Patch]]] = {"answers-before-commit": _answers_before_commit}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="draws the campaign")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--nth", default="1-50", help="which operations fail, each in its own run")
    parser.add_argument("--every", type=int, default=1, help="only each n-th of these")
    parser.add_argument("--random", type=float, default=0.1, help="share that fails in one run")
    parser.add_argument("--full", type=float, default=30.0, help="seconds without room")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="break a promise")
    given = parser.parse_args(arguments)
    began = time.perf_counter()
    first, _, last = given.nth.partition("-")
    whole = setting(given.seed, given.calls)
    many = replace(setting(given.seed, 10 * given.calls), seed=given.seed)
    runs = [
        Run(f"{kind} {nth}", Disk(fails_at={kind: nth}), whole)
        for kind in ("write", "sync")
        for nth in range(int(first), int(last or first) + 1, given.every)
    ]
    if given.random:
        disk = Disk(chance=random.Random(given.seed), share=given.random)
        runs.append(Run(f"{given.random:g} at random", disk, many))
    if given.full:
        half_s = SPAN_S / 2
        runs.append(Run("full", Disk(full=(half_s, half_s + given.full)), many))
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="iofault-") as folder, breaking(given.broken, BREAKS):
        for run in runs:
            faults += live_through(run, Path(folder))
    figures = {
        "stress": "iofault",
        "seed": given.seed,
        "runs": len(runs),
        "operations": sum(run.disk.operations for run in runs),
        "failed": sum(run.disk.failed for run in runs),
        "took_s": round(time.perf_counter() - began, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
