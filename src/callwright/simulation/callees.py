"""Who is called, and what becomes of it: drawn by a seed, the same for the same number.

What the n-th INVITE to a number meets depends on nothing else, so that two runs which differ
in their faults meet the same people.
"""

import random
from dataclasses import dataclass

from callwright.domain.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What one INVITE meets: after `rings_s` it is answered, or refused with `sip_code`."""

    outcome: Outcome
    sip_code: int
    rings_s: float
    talks_s: float = 0.0
    rings: bool = True
    """Some 18x comes."""
    finishes: bool = True
    """Whoever answers hears the script to its end."""
    retry_after_s: float = 0.0
    opts_out_s: float | None = None
    """So long after the answer the key for no more calls is pressed; None = it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How people behave, as chances; what is left over does not answer."""

    answers: float = 0.55
    busy: float = 0.1
    unreachable: float = 0.02
    rejects: float = 0.03
    rings_s: float = 9.0
    """Mean until somebody answers."""
    talks_s: float = 40.0
    """Mean length of a conversation."""
    hangs_up_early: float = 0.2
    opts_out: float = 0.0
    """Of those who answer."""


class Callees:
    """Everybody who can be called."""

    def __init__(self, seed: int, manners: Manners) -> None:
        self._seed = seed
        self._manners = manners

    def fate(self, number: str, nth: int, ring_timeout_s: float) -> Fate:
        """What the `nth` INVITE to `number` meets."""
        manners = self._manners
        # One integer, because Random seeds itself from a text ten times as slowly.
        chance = random.Random((self._seed << 64) ^ (int(number[1:]) << 8) ^ nth)
        kind, draw = chance.random(), chance.random()
        if kind < manners.answers:
            rings_s = min(ring_timeout_s - 1.0, 1.0 + chance.expovariate(1 / manners.rings_s))
            early = draw < manners.hangs_up_early
            talks_s = 0.5 + chance.expovariate(1 / manners.talks_s) * (0.3 if early else 1.0)
            opts_out = manners.opts_out > 0.0 and chance.random() < manners.opts_out
            return Fate(
                outcome=Outcome.ANSWERED,
                sip_code=200,
                rings_s=rings_s,
                talks_s=talks_s,
                finishes=not early,
                opts_out_s=min(2.0, talks_s / 2) if opts_out else None,
            )
        kind -= manners.answers
        if kind < manners.busy:
            return Fate(outcome=Outcome.BUSY, sip_code=486, rings_s=0.3 + draw, rings=False)
        kind -= manners.busy
        if kind < manners.unreachable:
            return Fate(outcome=Outcome.UNREACHABLE, sip_code=404, rings_s=0.2, rings=False)
        kind -= manners.unreachable
        if kind < manners.rejects:
            return Fate(outcome=Outcome.REJECTED, sip_code=603, rings_s=2.0 + 5 * draw)
        return Fate(outcome=Outcome.NO_ANSWER, sip_code=487, rings_s=ring_timeout_s)
