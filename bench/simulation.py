"""How fast a simulated world goes by: the real server on a virtual clock, nothing else.

    python3 go bench simulation
    python3 go bench simulation --day 10000

An hour in which 1,000 calls are asked for, and a day with 100,000: calls, lists, windows,
retries and callbacks as a seed draws them, lived through until everything has ended and then
judged by every promise. Beside it, an idle day: what a server costs that nobody asks for
anything. Prints one line of JSON; the seconds are those of the processor, so that whatever else
this machine does counts as little as possible.
"""

import argparse
import json
import random
import sys
import time

from callwright.cli.garbage import spare_what_stands
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import Campaign, Submission, draw_campaign, number
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World

HOUR_S, DAY_S = 3600.0, 86_400.0


def live(setting: Setting) -> dict[str, object]:
    """Live through a world, and judge it."""
    started_s = time.process_time()
    world = World(setting)
    world.run()
    took_s = time.process_time() - started_s
    faults = judge(world)
    judged_s = time.process_time() - started_s - took_s
    figures: dict[str, object] = {
        "calls": len(world.client.asked),
        "attempts": len(world.carrier.legs),
        "posts": len(world.sink.posts),
        "commits": world.commits,
        "simulated_hours": round(world.now_s / HOUR_S, 1),
        "cpu_s": round(took_s, 2),
        "judged_s": round(judged_s, 2),
        "us_an_attempt": round(1e6 * took_s / max(1, len(world.carrier.legs))),
        "times_real_time": round(world.now_s / took_s),
        "faults": len(faults),
        "history": world.history.digest,
    }
    world.close()
    return figures


def drawn(seed: int, calls: int, span_s: float, *, calls_per_second: float) -> Setting:
    """A world without faults, in which so many calls are asked for in that time."""
    return Setting(
        campaign=draw_campaign(random.Random(seed), calls, span_s),
        seed=seed,
        manners=Manners(),
        calls_per_second=calls_per_second,
        max_calls=500,
    )


def idle(span_s: float) -> Setting:
    """A world in which one call waits for so long."""
    only = Submission(at_s=0.0, numbers=(number(0),), opens_in_s=span_s)
    return Setting(campaign=Campaign(submissions=[only]))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="draws the worlds")
    parser.add_argument("--hour", type=int, default=1000, help="calls in the hour")
    parser.add_argument("--day", type=int, default=100_000, help="calls in the day; 0 = no day")
    given = parser.parse_args(arguments)
    spare_what_stands()
    figures: dict[str, object] = {
        "bench": "simulation",
        "seed": given.seed,
        "hour": live(drawn(given.seed, given.hour, HOUR_S, calls_per_second=20.0)),
        "idle_day": live(idle(DAY_S)),
    }
    if given.day:
        figures["day"] = live(drawn(given.seed, given.day, DAY_S, calls_per_second=20.0))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
