"""Which of a trunk's servers a call is sent to, and which are held back because they failed.

Pure: callers pass the time. Nothing is sent here; who asks a server that is held back whether
it works again is `pinging`.

Source: RFC 2782 (priority and weight), RFC 3261 section 21.5.4 (Retry-After), RFC 3263
section 4.3.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from callwright.telephony.sip.fields import Address

HOLD_S = 30.0
LONGEST_HOLD_S = 300.0
REFUSALS_IN_A_ROW = 3
"""503s that speak of the server; one alone may be about one number."""
PINGS_COUNT_FOR_S = 900.0
"""So long after its last answer to OPTIONS the silence of a server means that it is away. Later
it may just have stopped answering them, and only calls can tell."""
MOST_TRIED = 4
"""Servers one call is sent to, each of which may be silent for 32 s."""


@dataclass(frozen=True, slots=True)
class Located:
    """A server as DNS or the settings name it; lower priorities come first."""

    address: Address
    priority: int = 0
    weight: float = 0.0


@dataclass(slots=True)
class Target:
    """A server and how it does."""

    located: Located
    held_until: float = -inf
    why: str = ""
    """It failed, and so; "" = it works as far as is known."""
    failures: int = 0
    is_there: bool = True
    """It answered when it failed last, if only to refuse."""
    is_away: bool = False
    """It is certain that nobody takes calls there."""
    answered_ping_at: float = -inf

    @property
    def is_up(self) -> bool:
        return not self.why


class Targets:
    """The servers of one trunk. `chance` draws among equals."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._all: dict[Address, Target] = {}
        self.has_failed = False
        """Some server failed and has not answered since."""

    def __iter__(self) -> Iterator[Target]:
        return iter(self._all.values())

    def __contains__(self, address: Address) -> bool:
        return address in self._all

    def replace(self, found: Sequence[Located]) -> None:
        """These are the servers from now on; what is known of those that stay is kept."""
        known = self._all
        self._all = {}
        for each in found:
            target = self._all[each.address] = known.get(each.address) or Target(each)
            target.located = each
        self.has_failed = any(each.failures for each in self._all.values())

    @property
    def hosts(self) -> frozenset[str]:
        """Their addresses, without ports."""
        return frozenset(address[0] for address in self._all)

    def in_turn(self) -> list[Address]:
        """Where to send a call, and where next: those that work first, then those that failed,
        the one that has rested longest first."""
        if len(self._all) == 1:
            return list(self._all)
        up = self._drawn([each for each in self._all.values() if each.is_up])
        down = sorted((x for x in self._all.values() if not x.is_up), key=lambda x: x.held_until)
        return [each.located.address for each in (*up, *down)][:MOST_TRIED]

    @property
    def are_unknown(self) -> bool:
        """Whether there are none."""
        return not self._all

    @property
    def are_away(self) -> bool:
        """Whether a call would certainly find nobody at any of them, or there are none."""
        return all(each.is_away for each in self._all.values())

    @property
    def are_unheard(self) -> bool:
        """Whether nobody is known to be at any of them."""
        return not any(each.is_up or each.is_there for each in self._all.values())

    def failed(
        self,
        address: Address,
        now: float,
        why: str,
        retry_after_s: float = 0.0,
        *,
        refused: bool,
        silent: bool = False,
    ) -> bool:
        """Nobody is there, as far as silence tells that (`silent`), or it takes nothing
        (`refused`); True if this changes how it stands."""
        target = self._all.get(address)
        if target is None:
            return False
        self.has_failed = True
        target.failures += 1
        target.is_there = refused
        pings_count = now - target.answered_ping_at < PINGS_COUNT_FOR_S
        target.is_away = not refused and (pings_count or not silent)
        if refused and not retry_after_s and target.failures < REFUSALS_IN_A_ROW:
            return False
        was_up = target.is_up
        target.why = why
        held_s = min(retry_after_s or HOLD_S, LONGEST_HOLD_S)
        target.held_until = max(target.held_until, now + held_s)
        return was_up

    def answered(self, source: Address) -> bool:
        """Something came from there that is no refusal; True if this changes how it stands."""
        target = self._all.get(source) or self._only_one_at(source[0])
        if target is None:
            return False
        was_up = target.is_up
        target.failures, target.why, target.held_until = 0, "", -inf
        target.is_there, target.is_away = True, False
        self.has_failed = any(each.failures for each in self._all.values())
        return not was_up

    def answered_ping(self, address: Address, now: float) -> None:
        """It answered OPTIONS, if only to refuse."""
        if address in self._all:
            self._all[address].answered_ping_at = now

    def _only_one_at(self, host: str) -> Target | None:
        """Some answer from another port than they are asked at."""
        found = [target for address, target in self._all.items() if address[0] == host]
        return found[0] if len(found) == 1 else None

    def _drawn(self, targets: list[Target]) -> list[Target]:
        """By priority; among equal ones, each comes first as often as its weight says."""
        ordered: list[Target] = []
        for priority in sorted({each.located.priority for each in targets}):
            left = [each for each in targets if each.located.priority == priority]
            # Those without weight are drawn seldom, as RFC 2782 wants it.
            while left:
                weights = [each.located.weight or 0.01 for each in left]
                drawn = self._chance.choices(left, weights)[0]
                left.remove(drawn)
                ordered.append(drawn)
        return ordered
