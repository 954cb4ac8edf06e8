"""How the trunks stand, put together from what each line process says of each.

Never holds a call for long on old news: what a line said counts for `BELIEVED_S`, and for as
long as the line lives. Who has said nothing is taken to have nothing against a call.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from callwright.clock import Clock
from callwright.domain.trunk_health import (
    LookupHealth,
    RegistrationHealth,
    ServerHealth,
    TrunkHealth,
)
from callwright.ports.line import RegistrationStands, ServerStands, TrunkStands

BELIEVED_S = 100.0
"""A line says every half minute that a trunk takes no calls. One that misses three of them may
be stuck."""


@dataclass(frozen=True, slots=True)
class _Told:
    stands: TrunkStands
    until: float
    """The monotonic second until which it is believed that no call has a chance."""


class TrunkStates:
    """What lines told. `changed` is called with the name of a trunk that somebody told of."""

    def __init__(self, clock: Clock, changed: Callable[[str], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._told: dict[int, dict[str, _Told]] = {}
        """Of the lines that run, by their numbers."""
        self._out = 0
        """How many of all these find that no call has a chance."""

    def line_began(self, line: int) -> None:
        """It runs, and may have told something already."""
        told = self._told.setdefault(line, {})
        self._tell(told.keys() | {name for others in self._told.values() for name in others})

    def line_gone(self, line: int) -> None:
        """What it said says nothing any more."""
        self._tell(self._told.pop(line, {}))

    def heard(self, line: int, stands: TrunkStands) -> None:
        """A line tells of a trunk."""
        until = 0.0 if stands.takes_calls else self._clock.monotonic() + BELIEVED_S
        self._told.setdefault(line, {})[stands.trunk] = _Told(stands, until)
        self._tell([stands.trunk])

    def out_until(self, trunk: str) -> float:
        """The monotonic second until which no call has a chance on any line; 0 = has one."""
        return min((self._out_at(told, trunk) for told in self._told.values()), default=0.0)

    def lines_for(self, trunk: str, lines: Sequence[int]) -> Sequence[int]:
        """Those of `lines` on which a call has a chance; all if it has none on any."""
        if not self._out:
            return lines
        now = self._clock.monotonic()
        chosen = [each for each in lines if self._out_at(self._told.get(each, {}), trunk) <= now]
        return chosen or lines

    def health(self, trunk: str) -> TrunkHealth:
        """All that is known of it."""
        told = [each[trunk] for each in self._told.values() if trunk in each]
        now = self._clock.monotonic()
        return TrunkHealth(
            lines=len(told),
            lines_out=sum(each.until > now for each in told),
            is_out=self.out_until(trunk) > now,
            servers=_servers(each.stands.servers for each in told),
            registration=_registration(each.stands.registration for each in told),
            lookup=_lookup(each.stands for each in told),
        )

    def _out_at(self, told: Mapping[str, _Told], trunk: str) -> float:
        return told[trunk].until if trunk in told else 0.0

    def _tell(self, trunks: Iterable[str]) -> None:
        self._out = sum(each.until > 0 for told in self._told.values() for each in told.values())
        for trunk in trunks:
            self._changed(trunk)


def _servers(told: Iterable[Sequence[ServerStands]]) -> list[ServerHealth]:
    worst: dict[str, ServerStands] = {}
    for servers in told:
        for each in servers:
            known = worst.get(each.address)
            if known is None or _badness(each) > _badness(known):
                worst[each.address] = each
    return [
        ServerHealth(
            address=each.address,
            since=datetime.fromtimestamp(each.since, UTC),
            why=each.why,
            is_away=each.is_away,
            probe_at=_moment(each.probe_at),
        )
        for each in worst.values()
    ]


def _badness(server: ServerStands) -> tuple[bool, bool]:
    return bool(server.why), server.is_away


def _registration(told: Iterable[RegistrationStands | None]) -> RegistrationHealth | None:
    wanted = [each for each in told if each is not None]
    if not wanted:
        return None
    worst = min(wanted, key=lambda each: (each.is_registered, not each.why))
    return RegistrationHealth(
        is_registered=worst.is_registered,
        until=_moment(worst.until),
        why=worst.why,
        again_at=_moment(worst.again_at),
    )


def _lookup(told: Iterable[TrunkStands]) -> LookupHealth | None:
    for each in told:
        if each.lookup_problem:
            again_at = datetime.fromtimestamp(each.lookup_at, UTC)
            return LookupHealth(why=each.lookup_problem, again_at=again_at)
    return None


def _moment(unix_s: float) -> datetime | None:
    return datetime.fromtimestamp(unix_s, UTC) if unix_s else None
