"""Who may have how many of the callback pump's slots.

A host has a quarter of them at most, and hosts that did not answer last have half of them
together; the rules are `domain.receiver`'s. Whatever is free goes first to whoever holds
least, so that nobody waits behind a host with a long queue.
"""

import heapq
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from callwright.domain.ids import OwnerId
from callwright.domain.notice import Delivery
from callwright.domain.receiver import MOST_UNPROVEN, SLOTS, Standing, after_try
from callwright.ports.notices import HostsWanted, OwedNotice
from callwright.ports.store import WriteTx

REMEMBERED = 10_000
"""Hosts in order that are remembered although nothing is under way to them."""

NEW = Standing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The slots that are free at a moment, and for whom."""

    room: int
    unproven_room: int
    held: Mapping[str, int]
    """Slots in use, by host."""
    standings: Mapping[str, Standing]

    @property
    def wanted(self) -> HostsWanted:
        """The hosts that may be given a slot."""
        full = [host for host in self.held if self._left(host) == 0]
        if self.unproven_room > 0:
            return HostsWanted(but_not=full)
        proven = {host for host, standing in self.standings.items() if standing.is_proven}
        return HostsWanted(only=sorted(proven.difference(full)))

    def share(self, hosts: Sequence[str]) -> dict[str, int]:
        """How many slots each of `hosts` is given, if it wants as many as it can have."""
        if len(hosts) == 1:
            return self._all_for(hosts[0])
        given: Counter[str] = Counter()
        room, unproven_room = self.room, self.unproven_room
        queue = [(self.held.get(host, 0), place, host) for place, host in enumerate(hosts)]
        heapq.heapify(queue)
        while queue and room:
            holds, place, host = heapq.heappop(queue)
            if given[host] >= self._left(host):
                continue
            if not self._standing(host).is_proven:
                if not unproven_room:
                    continue
                unproven_room -= 1
            room -= 1
            given[host] += 1
            heapq.heappush(queue, (holds + 1, place, host))
        return +given

    def _all_for(self, host: str) -> dict[str, int]:
        """The same where there is nobody to share with, as there mostly is not."""
        most = min(self.room, self._left(host))
        if not self._standing(host).is_proven:
            most = min(most, self.unproven_room)
        return {host: most} if most > 0 else {}

    def without(self, claimed: Sequence[OwedNotice]) -> "Offer":
        """What is left once these have their slots."""
        if not claimed:
            return self
        held, unproven = dict(self.held), 0
        for notice in claimed:
            held[notice.host] = held.get(notice.host, 0) + 1
            unproven += not self._standing(notice.host).is_proven
        return replace(
            self,
            room=self.room - len(claimed),
            unproven_room=self.unproven_room - unproven,
            held=held,
        )

    def _standing(self, host: str) -> Standing:
        return self.standings.get(host, NEW)

    def _left(self, host: str) -> int:
        return max(0, self._standing(host).at_once - self.held.get(host, 0))


def claim_fairly(
    tx: WriteTx, owner: OwnerId, offer: Offer, now: datetime
) -> tuple[list[OwedNotice], Offer]:
    """Claim what is due for the slots that are free; and what is free then."""
    claimed: list[OwedNotice] = []
    # As many as there are slots would do, were the first of them not perhaps those that hold most.
    hosts = tx.hosts_due(now, offer.wanted, offer.room + len(offer.held))
    while shares := offer.share(hosts):
        hosts = []
        for host, share in shares.items():
            got = tx.claim_notices(owner, host, now, share)
            claimed += got
            offer = offer.without(got)
            if len(got) == share:
                hosts.append(host)
    return claimed, offer


class Slots:
    """What is under way, and how every host stands."""

    def __init__(self, standings: Mapping[str, Standing]) -> None:
        self._standings = OrderedDict(standings)
        self._held: Counter[str] = Counter()

    def offer(self) -> Offer:
        """What is free now; does not change when the slots do."""
        unproven = sum(
            count for host, count in self._held.items() if not self.standing(host).is_proven
        )
        return Offer(
            room=SLOTS - self._held.total(),
            unproven_room=MOST_UNPROVEN - unproven,
            held=dict(self._held),
            standings=dict(self._standings),
        )

    def standing(self, host: str) -> Standing:
        return self._standings.get(host, NEW)

    @property
    def in_trouble(self) -> int:
        """How many hosts are left alone, or were when they were last heard of."""
        return sum(one.rests_until is not None for one in self._standings.values())

    def take(self, host: str) -> None:
        self._held[host] += 1

    def give_back(self, host: str) -> None:
        self._held[host] -= 1
        if self._held[host] == 0:
            del self._held[host]
            self._forget_some()

    def learn(
        self, host: str, delivery: Delivery, *, began_at: datetime, now: datetime, jitter: float
    ) -> bool:
        """Note what a try came to; whether its host is left alone, or is so no more, from now."""
        before = self.standing(host)
        after = after_try(before, delivery, began_at=began_at, now=now, jitter=jitter)
        self._standings[host] = after
        self._standings.move_to_end(host)
        return before.rests_until != after.rests_until

    def _forget_some(self) -> None:
        """Keep the memory bounded: whoever was in order and is long unused may start anew."""
        while len(self._standings) > REMEMBERED:
            host = next(iter(self._standings))
            if host in self._held or self._standings[host].rests_until is not None:
                self._standings.move_to_end(host)
                return
            del self._standings[host]
