"""Run simulated worlds, one a seed, in which everything fails now and then.

    python3 go stress sim --seeds 100
    python3 go stress sim --seeds 10000 --calls 1000 --hours 1 --jobs 2
    python3 go stress sim --seeds 20 --break rescue-by-age

Every world is run again if --twice is given, and must have the same history.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from _breaks import BREAKS, breaking
from _figures import finish
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
        faults=[f"{fault} (seed {seed})" for fault in faults],
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
    parser.add_argument("--seed", type=int, default=1, help="the first of them")
    parser.add_argument("--calls", type=int, default=40, help="calls in each")
    parser.add_argument("--hours", type=float, default=0.25, help="how long they are asked for")
    parser.add_argument("--most-hours", type=float, default=120.0, help="when a world ends at last")
    parser.add_argument("--twice", action="store_true", help="compare a second run of each")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--break", dest="broken", choices=sorted(BREAKS), help="break a promise")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    run = partial(
        run_seed,
        calls=given.calls,
        span_s=given.hours * 3600.0,
        horizon_s=given.most_hours * 3600.0,
        broken=given.broken,
        twice=given.twice,
    )
    seeds = range(given.seed, given.seed + given.seeds)
    if given.jobs == 1:
        runs = [run(seed) for seed in seeds]
    else:
        with ProcessPoolExecutor(given.jobs) as pool:
            runs = list(pool.map(run, seeds, chunksize=4))
    took_s = time.perf_counter() - started
    figures = {
        "stress": "sim",
        "seed": given.seed,
        "worlds": len(runs),
        "calls": sum(each.calls for each in runs),
        "legs": sum(each.legs for each in runs),
        "posts": sum(each.posts for each in runs),
        "deaths": sum(each.deaths for each in runs),
        "commits": sum(each.commits for each in runs),
        "simulated_hours": round(sum(each.seconds for each in runs) / 3600, 1),
        "took_s": round(took_s, 1),
        "times_real_time": round(sum(each.seconds for each in runs) / took_s),
        "last_history": runs[-1].digest if runs else "",
    }
    return finish(figures, [fault for each in runs for fault in each.faults], given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
