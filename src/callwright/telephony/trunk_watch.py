"""Tells the brain how a trunk stands: which servers answer, and whether we are registered.

What is not known counts as good: a call is the best way to find out. Nothing is asked here;
`sip.pinging` asks the servers, `accounts` the registrar.
"""

import asyncio
import time
from collections.abc import Callable
from math import ceil, isinf

from callwright.ports.line import FromLine, ServerStands, TrunkStands
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
        self.account = Account(endpoint, self._look) if endpoint.trunk.register_for_s else None
        self._since: dict[Address, tuple[bool, float]] = {}
        """Of each server whether it worked when it was looked at last, and since when."""
        self._told: TrunkStands | None = None
        self._again: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Register, where that is wanted, and tell how it stands at first."""
        self._endpoint.servers.changed = self._look
        if self.account is not None:
            self.account.begin()
        self._look()

    def close(self) -> None:
        """Tell nothing more."""
        self._endpoint.servers.changed = lambda: None
        if self._again is not None:
            self._again.cancel()

    def _look(self) -> None:
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
        registration = None if self.account is None else self.account.stands
        is_in = registration is None or registration.is_registered
        return TrunkStands(
            trunk=self._endpoint.trunk.name,
            takes_calls=is_in and not targets.are_away,
            servers=tuple(self._server(each, now) for each in targets),
            registration=registration,
        )

    def _server(self, target: Target, now: float) -> ServerStands:
        address = target.located.address
        is_up, since = self._since.get(address, (target.is_up, now))
        if is_up is not target.is_up:
            since = now
        self._since[address] = target.is_up, since
        asks_in_s = self._endpoint.servers.asks_at(target) - self._endpoint.now()
        return ServerStands(
            address=format_address(address),
            since=since,
            why=target.why,
            is_away=target.is_away,
            # To the second: it is looked at by people, and would else never be the same twice.
            probe_at=0.0 if target.is_up or isinf(asks_in_s) else ceil(now + asks_in_s),
        )
