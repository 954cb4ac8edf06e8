"""Run simulated worlds, one a seed, in which everything fails now and then.

    python3 go stress sim --seeds 100
    python3 go stress sim --seeds 10000 --calls 1000 --hours 1
    python3 go stress sim --seeds 20 --break rescue-by-age

Every world is run again if --twice is given, and must have the same history. Uses every
processor. Ends at the first world that breaks a promise and says how to run that one again;
on Ctrl-C it says how to go on (exit code 130).
"""

import argparse
import hashlib
import os
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from _breaks import BREAKS, breaking
from _figures import finish
from _seeds import Seeds
from callwright.cli.garbage import spare_what_stands
from callwright.simulation.drawn import draw_setting
from callwright.simulation.faults import FaultRates
from callwright.simulation.oracle import judge
from callwright.simulation.world import World


@dataclass(frozen=True)
class Run:
    """What one seed came to."""

    seed: int
    faults: list[str]
    digest: str
    seconds: float
    calls: int
    legs: int
    posts: int
    deaths: int
    commits: int


def run_seed(
    seed: int, *, calls: int, span_s: float, horizon_s: float, broken: str | None, twice: bool
) -> Run:
    """Live through the world of that number, and judge it."""
    setting = draw_setting(seed, calls=calls, span_s=span_s, rates=FaultRates())
    setting = replace(setting, horizon_s=horizon_s)
    with breaking(broken):
        world = World(setting)
        world.run()
        faults = judge(world)
        world.close()
        if twice:
            again = World(setting)
            again.run()
            again.close()
            if again.history.digest != world.history.digest:
                faults.append("SAME the same seed gave two histories")
    return Run(
        seed=seed,
        faults=faults,
        digest=world.history.digest,
        seconds=world.now_s,
        calls=len(world.client.asked),
        legs=len(world.carrier.legs),
        posts=len(world.sink.posts),
        deaths=sum(life.died_s is not None for life in world.lives),
        commits=world.commits,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100, help="how many worlds")
    parser.add_argument("--seed", "--first-seed", type=int, default=1, help="the first of them")
    parser.add_argument("--calls", type=int, default=40, help="calls in each")
    parser.add_argument("--hours", type=float, default=0.25, help="how long they are asked for")
    parser.add_argument("--most-hours", type=float, default=120.0, help="when a world ends at last")
    parser.add_argument("--twice", action="store_true", help="compare a second run of each")
    processors = len(os.sched_getaffinity(0))
    parser.add_argument("--jobs", type=int, default=processors, help="processes; default: all")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="break a promise")
    given = parser.parse_args(arguments)
    run = partial(
        run_seed,
        calls=given.calls,
        span_s=given.hours * 3600.0,
        horizon_s=given.most_hours * 3600.0,
        broken=given.broken,
        twice=given.twice,
    )
    spare_what_stands()
    started = time.perf_counter()
    seeds = Seeds(given.seed, given.seeds)
    runs: list[Run] = []
    faults: list[str] = []
    for each in seeds.run(run, jobs=given.jobs, noun="worlds"):
        runs.append(each)
        if each.faults:
            faults = each.faults
            print(f"again: {_command(given, each.seed, 1)}", file=sys.stderr)
            break
    if seeds.was_stopped:
        left = given.seed + given.seeds - seeds.first_left
        print(f"to go on: {_command(given, seeds.first_left, left)}", file=sys.stderr)
    took_s = time.perf_counter() - started
    code = finish(_figures(given, runs, took_s), faults, given.broken)
    return 130 if seeds.was_stopped and not code else code


def _command(given: argparse.Namespace, first: int, count: int) -> str:
    """What to type for other worlds of the same kind."""
    options: dict[str, object] = {
        "--seed": first,
        "--seeds": count,
        "--calls": given.calls,
        "--hours": given.hours,
        "--most-hours": given.most_hours,
    }
    if given.broken:
        options["--break"] = given.broken
    words = [str(word) for option in options.items() for word in option]
    return shlex.join(["python3", "go", "stress", "sim", *words, *["--twice"][: given.twice]])


def _figures(given: argparse.Namespace, runs: Sequence[Run], took_s: float) -> dict[str, object]:
    simulated_s = sum(each.seconds for each in runs)
    histories = hashlib.blake2b(digest_size=16)
    for each in sorted(runs, key=lambda each: each.seed):
        histories.update(f"{each.seed} {each.digest}\n".encode())
    return {
        "stress": "sim",
        "seed": given.seed,
        "worlds": len(runs),
        "calls": sum(each.calls for each in runs),
        "legs": sum(each.legs for each in runs),
        "posts": sum(each.posts for each in runs),
        "deaths": sum(each.deaths for each in runs),
        "commits": sum(each.commits for each in runs),
        "simulated_hours": round(simulated_s / 3600, 1),
        "took_s": round(took_s, 1),
        "times_real_time": round(simulated_s / took_s),
        "histories": histories.hexdigest(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
