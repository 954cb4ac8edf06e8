"""Whole settings drawn by one number: the campaign, the people, everything that goes wrong."""

import random
from dataclasses import replace

from callwright.simulation.callees import Manners
from callwright.simulation.campaign import draw_campaign, draw_opt_outs
from callwright.simulation.faults import NO_FAULTS, FaultRates, draw_faults
from callwright.simulation.world import Setting

OPT_OUTS = 0.3
"""Share of the worlds in which somebody wants no more calls."""


def draw_setting(
    seed: int,
    *,
    calls: int,
    span_s: float,
    rates: FaultRates | None = None,
    keeps_lines: bool = False,
) -> Setting:
    """The setting of that number; `rates` None = nothing goes wrong."""
    chance = random.Random(seed)
    manners = Manners(
        answers=chance.choice([0.2, 0.55, 0.9]),
        busy=chance.choice([0.02, 0.1, 0.3]),
        talks_s=chance.choice([5.0, 40.0, 120.0]),
    )
    campaign = draw_campaign(chance, calls, span_s)
    faults = NO_FAULTS if rates is None else draw_faults(chance, span_s, rates)
    calls_per_second = chance.choice([1.0, 20.0, 150.0])
    max_calls = chance.choice([5, 50, 500])
    if rates is not None and chance.random() < rates.deadly:
        # One that is tried often: what may be tried once kills but once.
        most = max(campaign.submissions, key=lambda submission: submission.max_attempts)
        kills = chance.choice(most.numbers)
        faults = replace(faults, deadly=frozenset({f"+1{kills}"}))
    if (people := random.Random(f"no more calls {seed}")).random() < OPT_OUTS:
        # Of its own chance, so that the other worlds are what they were without it.
        manners = replace(manners, opts_out=people.choice([0.1, 0.5]))
        campaign = replace(campaign, opt_outs=draw_opt_outs(people, campaign, span_s))
    return Setting(
        campaign=campaign,
        seed=seed,
        faults=faults,
        manners=manners,
        calls_per_second=calls_per_second,
        max_calls=max_calls,
        keeps_lines=keeps_lines,
    )
