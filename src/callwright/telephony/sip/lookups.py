"""Keeps knowing where a trunk's servers are: looks again when what DNS said has run out.

While a lookup fails, what an earlier one found stays in use.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, isinf

from callwright.errors import Unavailable
from callwright.telephony.sip.dns_records import Names
from callwright.telephony.sip.locate import Sought, locate
from callwright.telephony.sip.targets import Located

log = logging.getLogger(__name__)

SHORTEST_S, LONGEST_S = 5.0, 86_400.0
"""Between two lookups, whatever DNS says."""
AGAIN_S, LONGEST_AGAIN_S = 5.0, 60.0
"""After one that failed; twice as long after each further one."""

WITHIN_S = 8.0
"""All lookups of a trunk together: its line is waited for at the start."""

_PRIORITIES = 0x10000
"""That one name may have, as SRV counts them."""


class Lookups:
    """Of the servers that `sought` names in their order, for the trunk called `trunk`."""

    def __init__(self, trunk: str, sought: Sequence[Sought], names: Names) -> None:
        self._trunk = trunk
        self._sought = sought
        self._names = names
        self._known: dict[Sought, Sequence[Located]] = {}
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self.family: int = socket.AF_UNSPEC
        """By which they must be reachable."""
        self.problem = ""
        """What the last lookup failed of; "" = nothing."""
        self.again_at = inf
        """When the next one is, by the event loop's time."""

    async def look(self) -> list[Located]:
        """All servers that are known now; those that stand first have lower priorities."""
        problem, ttl_s = "", inf
        try:
            async with asyncio.timeout(WITHIN_S):
                for each in self._sought:
                    try:
                        ttl_s = min(ttl_s, await self._find(each))
                    except Unavailable as exc:
                        problem = problem or str(exc)
        except TimeoutError:
            problem = problem or "the name servers take too long"
        self._note(problem)
        wait_s = inf if isinf(ttl_s) else min(max(ttl_s, SHORTEST_S), LONGEST_S)
        if problem:
            wait_s = min(wait_s, AGAIN_S * 2 ** min(self._failures - 1, 10), LONGEST_AGAIN_S)
        self.again_at = asyncio.get_running_loop().time() + wait_s
        return self._in_order()

    def keep_looking(self, found: Callable[[list[Located]], None]) -> None:
        """From now on look whenever it is time to, and tell `found`."""
        if not isinf(self.again_at):
            self._task = asyncio.create_task(self._keep_looking(found))

    def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _keep_looking(self, found: Callable[[list[Located]], None]) -> None:
        while not isinf(self.again_at):
            await asyncio.sleep(self.again_at - asyncio.get_running_loop().time())
            try:
                found(await self.look())
            except Exception:
                log.exception("a lookup broke", extra={"trunk": self._trunk})
                self.again_at = asyncio.get_running_loop().time() + LONGEST_AGAIN_S

    async def _find(self, sought: Sought) -> float:
        """For how long it holds what was found."""
        is_known = sought in self._known
        found = await locate(sought, self._names, self._family(), guess=not is_known)
        self._known[sought] = found.servers
        return found.ttl_s

    def _family(self) -> int:
        """One socket, one family: that of the first server found."""
        if self.family == socket.AF_UNSPEC:
            for servers in self._known.values():
                is_v6 = ":" in servers[0].address[0]
                return socket.AF_INET6 if is_v6 else socket.AF_INET
        return self.family

    def _note(self, problem: str) -> None:
        self._failures = self._failures + 1 if problem else 0
        if problem and problem != self.problem:
            facts = {"trunk": self._trunk, "why": problem, "known": len(self._known)}
            see = f"trunks.{self._trunk}.address, and the DNS"
            log.error("the trunk's servers cannot be looked up", extra=facts | {"see": see})
        elif self.problem and not problem:
            log.info("the trunk's servers are known again", extra={"trunk": self._trunk})
        self.problem = problem

    def _in_order(self) -> list[Located]:
        return [
            replace(each, priority=index * _PRIORITIES + each.priority)
            for index, sought in enumerate(self._sought)
            for each in self._known.get(sought, ())
        ]
