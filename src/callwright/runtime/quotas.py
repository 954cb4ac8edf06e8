"""The limits of accounts, deployments and batches, as they stand at this moment.

One for the whole process: a caller's calls may go out on several trunks. What is in flight is
counted for everybody, so that limits hold at once when they are set; when calls started is
remembered only of those who have limits. Limits are read anew when somebody changed them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext

from callwright.domain.limits import UNLIMITED, Limited, Limits, Room, limited_by
from callwright.domain.pace import LimitStanding
from callwright.ports.store import ReadTx, Store
from callwright.runtime.pacing import free_starts
from callwright.runtime.rate import Starts, wait_s
from callwright.service.begin_attempt import Begun


class Quotas:
    """What each account, deployment and batch may still start."""

    def __init__(
        self, store: Store, *, on_trunks: Callable[[Mapping[str, Limits]], None] | None = None
    ) -> None:
        """`on_trunks` is told what was changed of the trunks' limits whenever all are read."""
        self._store = store
        self._on_trunks = on_trunks
        self._version = -1
        self._limits: Mapping[Limited, Limits] = {}
        self._last: dict[Limited, Starts] = {}
        self._in_flight: Counter[Limited] = Counter()
        self._one_at_a_time = asyncio.Lock()

    def limits_of(self, limited: Limited) -> Limits:
        return self._limits.get(limited, UNLIMITED)

    def standing(self, limited: Limited, now: float) -> LimitStanding:
        """How somebody stands at the monotonic second `now`."""
        limits, last = self.limits_of(limited), self._last.get(limited, Starts())
        return LimitStanding(
            limited=limited,
            limits=limits,
            in_flight=self._in_flight[limited],
            wait_s=wait_s(last, limits.calls_per_second, now),
        )

    def standings(self, now: float) -> Mapping[Limited, LimitStanding]:
        """How everybody stands who has limits, or calls under way."""
        everybody = self._limits.keys() | self._in_flight.keys()
        return {limited: self.standing(limited, now) for limited in everybody}

    def room(self, now: float, *, quantum_s: float) -> Room:
        """What everybody who has limits may start now."""
        left: dict[Limited, int] = {}
        for limited, limits in self._limits.items():
            last = self._last.get(limited, Starts())
            in_flight = self._in_flight[limited]
            free = free_starts(limits, in_flight, last, now, quantum_s=quantum_s)
            assert free is not None
            left[limited] = free
        return Room(left)

    async def follow(self, version: int) -> None:
        """Read the limits anew, if those seen last were of an older version."""
        if version > self._version:
            await self.read_anew()

    async def read_anew(self) -> None:
        """Go by the limits that are on disk, from now on."""
        version, limits, trunks = await self._store.read(_limits)
        if version < self._version:
            return  # somebody has read newer ones meanwhile
        self._version, self._limits = version, limits
        self._last = {who: last for who, last in self._last.items() if who in limits}
        if self._on_trunks is not None:
            self._on_trunks(trunks)

    @asynccontextmanager
    async def claiming(self) -> AsyncIterator[None]:
        """While calls are claimed: nobody else takes from the same room meanwhile."""
        async with self._one_at_a_time if self._limits else nullcontext():
            yield

    def started(self, now: float, begun: Iterable[Begun]) -> None:
        """These calls start at `now`."""
        # Mostly nobody has limits, and a count in a Counter of its own takes longer than all else.
        counts: Counter[Limited] = Counter()
        for one in begun:
            for limited in whose(one):
                self._in_flight[limited] += 1
                if limited in self._limits:
                    counts[limited] += 1
        for limited, count in counts.items():
            last = self._last.get(limited, Starts())
            rate = self._limits[limited].calls_per_second
            self._last[limited] = last.after(now, count, rate)

    def ended(self, of: Iterable[Limited]) -> None:
        """A call of theirs is over."""
        for limited in of:
            self._in_flight[limited] -= 1
            if not self._in_flight[limited]:
                del self._in_flight[limited]

    def opens_in_s(self, held: Iterable[Iterable[Limited]], now: float) -> float | None:
        """Seconds until somebody of those whose limits hold them back may start a call, each
        named with everybody whose limits hold; None = not before a call has ended."""
        waits = (self._opens_in_s(everybody, now) for everybody in held)
        return min((wait for wait in waits if wait is not None), default=None)

    def _opens_in_s(self, everybody: Iterable[Limited], now: float) -> float | None:
        standings = [self.standing(limited, now) for limited in everybody]
        if any(standing.is_full for standing in standings):
            return None
        return max(standing.wait_s for standing in standings)


def _limits(tx: ReadTx) -> tuple[int, Mapping[Limited, Limits], Mapping[str, Limits]]:
    return tx.limits_version(), tx.all_limits(), tx.trunk_limits()


def whose(begun: Begun) -> tuple[Limited, ...]:
    """Whose limits hold for an attempt that begins."""
    account = begun.deployment.program.account_id
    return limited_by(account, begun.deployment.id, begun.claim.batch_id)
