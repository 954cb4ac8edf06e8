"""Let the carrier die under a campaign, in every way a carrier dies, and see what it costs.

    python3 go stress outage --minutes 1 --calls 1000
    python3 go stress outage --minutes 10 --calls 10000
    python3 go stress outage --break no-ramp

Simulated worlds on a virtual clock, one for each way: silent, 503, 503 with Retry-After, nobody
listening, and three of them in turn (`--way` names one). Everybody answers who is reached, so
that an attempt that counts and reached nobody is one the carrier took. What judges is the
carrier's own log.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from _breaks import breaking
from _figures import finish
from _pacing_breaks import OUTAGE_BREAKS
from callwright.runtime.pacing import PROBE_EVERY_S, RAMP_FROM, TROUBLE_AFTER
from callwright.simulation.callees import Manners
from callwright.simulation.campaign import Campaign, Submission, number
from callwright.simulation.carrier import NO_REPLY_S, CarrierLeg
from callwright.simulation.faults import FaultPlan, Outage, Trouble
from callwright.simulation.oracle import judge
from callwright.simulation.world import Setting, World

CALLS_PER_SECOND = 20.0
MAX_CALLS = 200
STARTS_S = 10.0
"""When the carrier dies; by then calls are under way."""

RETRY_AFTER_S = 30.0
RAMP_S = 60.0
LOST_SHARE = 0.005
"""The most calls that may lose an attempt to the carrier."""

NOTICED_S = 1.0
"""How long a refusal takes to be counted."""


@dataclass(frozen=True)
class Way:
    """A way to die: one trouble after another, each for the same share of the time."""

    name: str
    troubles: tuple[tuple[Trouble, float], ...]
    """With the Retry-After of each."""

    def outages(self, lasts_s: float) -> tuple[Outage, ...]:
        share_s = lasts_s / len(self.troubles)
        return tuple(
            Outage(
                start_s=STARTS_S + index * share_s,
                end_s=STARTS_S + (index + 1) * share_s,
                trouble=trouble,
                retry_after_s=retry_after_s,
            )
            for index, (trouble, retry_after_s) in enumerate(self.troubles)
        )


WAYS = (
    Way("silent", ((Trouble.SILENT, 0.0),)),
    Way("503", ((Trouble.REFUSES, 0.0),)),
    Way("retry-after", ((Trouble.REFUSES, RETRY_AFTER_S),)),
    Way("closed", ((Trouble.CLOSED, 0.0),)),
    Way(
        "in-turn",
        ((Trouble.SILENT, 0.0), (Trouble.REFUSES, 0.0), (Trouble.CLOSED, 0.0)),
    ),
)


def run(way: Way, *, seed: int, calls: int, lasts_s: float, broken: str | None) -> World:
    """A world whose carrier dies that way while a list of `calls` is being dialled."""
    people = tuple(number(index) for index in range(calls))
    setting = Setting(
        campaign=Campaign(
            submissions=[Submission(at_s=0.0, numbers=people, max_attempts=2, wait_s=60.0)]
        ),
        seed=seed,
        faults=FaultPlan(trunk=way.outages(lasts_s)),
        manners=Manners(answers=1.0, rings_s=2.0, talks_s=4.0),
        calls_per_second=CALLS_PER_SECOND,
        max_calls=MAX_CALLS,
    )
    with breaking(broken, OUTAGE_BREAKS):
        world = World(setting)
        world.run()
    return world


def faults_of(world: World, lasts_s: float) -> Iterator[str]:
    """What the outage cost that it must not, by the carrier's log and the results."""
    yield from judge(world)
    results = [json.loads(post.body) for post in world.sink.posts if post.status == 200]
    lost = sum(int(result["attempts"]) > 1 for result in results)
    if lost > LOST_SHARE * len(world.client.asked):
        yield f"R7 {lost} of {len(world.client.asked)} calls lost an attempt to the carrier"
    failed = sum(result["status"] != "completed" for result in results)
    if failed:
        yield f"R7 {failed} calls failed because of the carrier"
    legs = world.carrier.legs
    yield from _probes(legs, STARTS_S + lasts_s)
    yield from _retry_after(legs)
    yield from _ramp(legs, STARTS_S + lasts_s)


def _failed(legs: Sequence[CarrierLeg]) -> list[CarrierLeg]:
    return [leg for leg in legs if leg.burns_no_attempt]


def _probes(legs: Sequence[CarrierLeg], ends_s: float) -> Iterator[str]:
    """Once the trouble shows, nothing but a probe now and then."""
    heard_s = sorted(leg.ended_s or 0.0 for leg in _failed(legs))[TROUBLE_AFTER - 1]
    during = [leg for leg in legs if heard_s + NOTICED_S < leg.invited_s < ends_s]
    for earlier, later in pairwise(during):
        if later.invited_s - earlier.invited_s < PROBE_EVERY_S - 0.1:
            gap_s = later.invited_s - earlier.invited_s
            yield f"R7 two INVITEs {gap_s:.2f} s apart at {later.invited_s:.1f}, in the outage"
            return


def _retry_after(legs: Sequence[CarrierLeg]) -> Iterator[str]:
    """Nothing before the time that the carrier named."""
    for leg in _failed(legs):
        until_s = (leg.ended_s or 0.0) + leg.fate.retry_after_s
        since_s = (leg.ended_s or 0.0) + NOTICED_S
        if any(since_s < other.invited_s < until_s for other in legs):
            yield f"R7 an INVITE before {until_s:.1f}, the time that Retry-After named"
            return


def _ramp(legs: Sequence[CarrierLeg], ends_s: float) -> Iterator[str]:
    """From a tenth of the rate to all of it, from the first word of the carrier on."""
    back = [leg for leg in legs if leg.invited_s >= ends_s]
    if not back:
        yield "R7 nothing was dialled after the outage"
        return
    if back[0].invited_s > ends_s + max(RETRY_AFTER_S, 2 * PROBE_EVERY_S):
        yield f"R7 the first INVITE came {back[0].invited_s - ends_s:.1f} s after the outage"
    began_s = back[0].invited_s
    for second in range(int(RAMP_S)):
        share = min(1.0, RAMP_FROM + (1 - RAMP_FROM) * (second + 1) / RAMP_S)
        count = sum(began_s + second <= leg.invited_s < began_s + second + 1 for leg in back)
        if count > math.ceil(share * CALLS_PER_SECOND) + 1:
            yield f"R7 {count} INVITEs in second {second} after the outage"
            return


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the carrier is dead")
    parser.add_argument("--calls", type=int, default=1000, help="in the list")
    parser.add_argument("--seed", type=int, default=1, help="chooses who talks for how long")
    parser.add_argument("--way", choices=[way.name for way in WAYS], help="only this one")
    parser.add_argument("--break", dest="broken", choices=sorted(OUTAGE_BREAKS))
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    faults: list[str] = []
    legs = lost = probes = 0
    simulated_s = 0.0
    recovered: dict[str, float] = {}
    ways = [way for way in WAYS if given.way in (None, way.name)]
    for way in ways:
        lasts_s = given.minutes * 60.0
        world = run(way, seed=given.seed, calls=given.calls, lasts_s=lasts_s, broken=given.broken)
        faults += [f"{fault} ({way.name})" for fault in faults_of(world, lasts_s)]
        ends_s = STARTS_S + lasts_s
        results = [json.loads(post.body) for post in world.sink.posts if post.status == 200]
        lost += sum(int(result["attempts"]) > 1 for result in results)
        legs += len(world.carrier.legs)
        probes += sum(STARTS_S + NO_REPLY_S < leg.invited_s < ends_s for leg in world.carrier.legs)
        back = [leg.invited_s for leg in world.carrier.legs if leg.invited_s >= ends_s]
        recovered[way.name] = round(min(back, default=math.inf) - ends_s, 1)
        simulated_s += world.now_s
        world.close()
    figures = {
        "stress": "outage",
        "seed": given.seed,
        "minutes": given.minutes,
        "calls": given.calls * len(ways),
        "legs": legs,
        "calls_that_lost_an_attempt": lost,
        "invites_in_outages_after_32_s": probes,
        "first_invite_after_outage_s": recovered,
        "simulated_hours": round(simulated_s / 3600, 2),
        "took_s": round(time.perf_counter() - started, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
