"""What goes wrong in a simulated world, and when: a plan, drawn by hand or by a seed.

Seconds count from the beginning of the world.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum


class ProcessDied(SystemExit):
    """The simulated process is gone at this very point. Nothing of it runs any more.

    A SystemExit, because that is what asyncio and every broad `except` let pass.
    """


class CrashPoints:
    """Every moment just before and just after something reaches the disk or the world.

    They are numbered in the order in which they are passed, from 1, through all lives.
    """

    def __init__(self, die_at: Collection[int] = ()) -> None:
        self.passed = 0
        self.log: list[str] = []
        """Names by number; the first is that of point 1."""
        self._die_at = frozenset(die_at)

    def reach(self, name: str) -> None:
        """Pass the next point; one that is several things at once has them joined by " + ".

        Raises:
            ProcessDied: here it ends.
        """
        self.passed += 1
        self.log.append(name)
        if self.passed in self._die_at:
            raise ProcessDied(f"at point {self.passed}: {name}")


class Trouble(StrEnum):
    """How something that is down behaves."""

    REFUSES = "refuses"  # 503
    SILENT = "silent"  # no answer at all
    CLOSED = "closed"  # nobody listens there: refused at once, without a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """From `start_s` until `end_s`, not included."""

    start_s: float
    end_s: float
    trouble: Trouble
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The wall clock is set `by_s` forward, or back."""

    at_s: float
    by_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """From `start_s` until `end_s`, commits take `latency_s`, and fail by these chances."""

    start_s: float
    end_s: float
    latency_s: float = 0.0
    fails: float = 0.0
    """Chance that a commit fails and is undone."""
    lands: float = 0.0
    """Chance that a commit is on disk and says that it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Everything that goes wrong; nothing by default."""

    deaths_s: tuple[float, ...] = ()
    """When the process dies."""
    die_at_points: frozenset[int] = frozenset()
    down_s: float = 1.0
    """How long it takes until the process is started again."""
    line_deaths_s: tuple[float, ...] = ()
    """When the line process dies alone."""
    steps: tuple[Step, ...] = ()
    trunk: tuple[Outage, ...] = ()
    sink: tuple[Outage, ...] = ()
    store: tuple[Spell, ...] = ()
    sink_fails: float = 0.0
    """Chance that the sink answers 500."""
    stops_before_invite: frozenset[int] = frozenset()
    """Which of the orders to dial, from 1 in each life, find the machine stopped for `stop_s`
    while they are on their way to the line."""
    stop_s: float = 30.0
    deadly: frozenset[str] = frozenset()
    """Numbers in E.164 whose calls kill the process, a moment after each INVITE."""


NO_FAULTS = FaultPlan()


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """How much a drawn plan holds of each kind, for `draw_faults`."""

    deaths: int = 6
    line_deaths: int = 2
    outages: int = 2
    spells: int = 4
    deadly: float = 0.2
    """Chance that somebody's call kills the process."""
    kinds: frozenset[str] = field(
        default=frozenset({"death", "line", "trunk", "sink", "store", "failing store"})
    )


def draw_faults(chance: random.Random, span_s: float, rates: FaultRates) -> FaultPlan:
    """A plan for `span_s` seconds: up to as many faults of each kind as `rates` says."""

    def moments(kind: str, most: int) -> tuple[float, ...]:
        count = chance.randint(0, most) if kind in rates.kinds else 0
        return tuple(sorted(chance.uniform(1.0, span_s) for _ in range(count)))

    def outages(kind: str) -> tuple[Outage, ...]:
        return tuple(
            Outage(
                start_s=start,
                end_s=start + chance.uniform(5.0, span_s / 4),
                trouble=chance.choice([Trouble.REFUSES, Trouble.SILENT]),
                retry_after_s=chance.choice([0.0, 0.0, 5.0, 60.0]),
            )
            for start in moments(kind, rates.outages)
        )

    slow = tuple(
        Spell(
            start_s=start,
            end_s=start + chance.uniform(1.0, span_s / 8),
            latency_s=chance.choice([0.05, 0.5, 1.9, 2.5, 8.0]),
        )
        for start in moments("store", rates.spells)
    )
    failing = tuple(
        Spell(
            start_s=start,
            end_s=start + chance.uniform(1.0, 60.0),
            fails=chance.choice([0.0, 0.1, 0.5, 1.0]),
            lands=chance.choice([0.0, 0.1, 0.5]),
        )
        for start in moments("failing store", rates.spells)
    )
    return FaultPlan(
        deaths_s=moments("death", rates.deaths),
        down_s=chance.choice([0.2, 1.0, 5.0, 60.0]),
        line_deaths_s=moments("line", rates.line_deaths),
        trunk=outages("trunk"),
        sink=outages("sink"),
        store=tuple(sorted(slow + failing, key=lambda spell: spell.start_s)),
        sink_fails=chance.choice([0.0, 0.0, 0.05, 0.2]),
    )
