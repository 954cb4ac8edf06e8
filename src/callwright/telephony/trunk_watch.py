"""Tells the brain how a trunk stands: which servers answer, and whether we are registered.

What is not known counts as good: a call is the best way to find out. Nothing is asked here;
`sip.pinging` asks the servers, `accounts` the registrar.
"""

import asyncio
import time
from collections.abc import Callable
from math import ceil, isinf

from callwright.ports.line import FromLine, RegistrationStands, ServerStands, TrunkStands
from callwright.telephony.accounts import Account
from callwright.telephony.sip.endpoint import SipEndpoint
from callwright.telephony.sip.fields import Address, format_address
from callwright.telephony.sip.targets import Target

SAY_AGAIN_S = 30.0
"""How often it is said again that a trunk takes no calls: who has heard nothing for some time
goes by nothing."""


class TrunkWatch:
    """Watches one trunk of a line, from `begin` on."""

    def __init__(self, endpoint: SipEndpoint, tell: Callable[[FromLine], None]) -> None:
        self._endpoint = endpoint
        self._tell = tell
        self.account: Account | None = None
        self._since: dict[Address, tuple[bool, float]] = {}
        """Of each server whether it worked when it was looked at last, and since when."""
        self._told: TrunkStands | None = None
        self._again: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Register, where that is wanted, and tell how it stands at first."""
        self._endpoint.servers.changed = self._look
        self._look()

    def close(self) -> None:
        """Tell nothing more."""
        self._endpoint.servers.changed = lambda: None
        if self._again is not None:
            self._again.cancel()

    def _look(self) -> None:
        endpoint = self._endpoint
        wants_account = endpoint.trunk.register_for_s and self.account is None
        if wants_account and not endpoint.targets.are_unknown:
            self.account = Account(endpoint, self._look)
            self.account.begin()
        was_away = self._told is not None and any(each.is_away for each in self._told.servers)
        stands = self._stands()
        if stands == self._told:
            return
        self._say(stands)
        if self.account is not None and was_away and not self._endpoint.targets.are_away:
            self.account.try_now()

    def _say(self, stands: TrunkStands) -> None:
        self._told = stands
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if not stands.takes_calls:
            loop = asyncio.get_running_loop()
            self._again = loop.call_later(SAY_AGAIN_S, self._say, stands)
        self._tell(stands)

    def _stands(self) -> TrunkStands:
        targets, now = self._endpoint.targets, time.time()
        servers = tuple(self._server(each, now) for each in targets)
        self._since = {
            each.located.address: (each.is_up, stands.since)
            for each, stands in zip(targets, servers, strict=True)
        }
        registration = RegistrationStands() if self._endpoint.trunk.register_for_s else None
        if self.account is not None:
            registration = self.account.stands
        lookups = self._endpoint.servers.lookups
        is_in = registration is None or registration.is_registered
        return TrunkStands(
            trunk=self._endpoint.trunk.name,
            takes_calls=is_in and not targets.are_away,
            servers=servers,
            registration=registration,
            lookup_problem=lookups.problem,
            lookup_at=self._wall(lookups.again_at) if lookups.problem else 0.0,
        )

    def _wall(self, loop_s: float) -> float:
        """By the wall's clock, to the second: it is for people, and would else never be the
        same twice."""
        return ceil(time.time() + loop_s - self._endpoint.now())

    def _server(self, target: Target, now: float) -> ServerStands:
        address = target.located.address
        is_up, since = self._since.get(address, (target.is_up, now))
        if is_up is not target.is_up:
            since = now
        asks_at = self._endpoint.servers.asks_at(target)
        return ServerStands(
            address=format_address(address),
            since=since,
            why=target.why,
            is_away=target.is_away,
            probe_at=0.0 if target.is_up or isinf(asks_at) else self._wall(asks_at),
        )
