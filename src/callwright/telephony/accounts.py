"""The account at a trunk that wants us registered: begun with the line, taken back at its end."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from callwright.ports.line import RegistrationStands
from callwright.telephony.sip.actions import Action, Ended, NotRegistered, Registered
from callwright.telephony.sip.endpoint import SipEndpoint
from callwright.telephony.sip.own_setup import own_setup
from callwright.telephony.sip.registration import Registration

log = logging.getLogger(__name__)

LEAVES_WITHIN_S = 2.0


class Account:
    """The registration of one endpoint's trunk. Logs once what changes, and calls `changed`."""

    def __init__(self, endpoint: SipEndpoint, changed: Callable[[], None]) -> None:
        self._endpoint = endpoint
        self._changed = changed
        self.stands = RegistrationStands()
        token = secrets.token_hex(8)
        self._registration = Registration(
            own_setup(
                endpoint.trunk,
                token=token,
                sent_by=endpoint.sent_by,
                target=endpoint.targets.in_turn()[0],
                credentials=endpoint.credentials,
            ),
            expires_s=endpoint.trunk.register_for_s,
            choose=lambda: endpoint.targets.in_turn()[0],
        )
        self._said = ""
        self._left = asyncio.Event()

    def begin(self) -> None:
        """Register, and stay registered."""
        self._endpoint.add(self._registration, self._heard)
        now = self._endpoint.now()
        self._endpoint.perform(self._registration, self._registration.start(now))

    def try_now(self) -> None:
        """Servers answer again: wait no longer where it was for their silence that it failed."""
        now = self._endpoint.now()
        self._endpoint.perform(self._registration, self._registration.try_now(now))

    async def leave(self) -> None:
        """Take the registration back, and wait a moment for the trunk to say that it heard."""
        now = self._endpoint.now()
        self._endpoint.perform(self._registration, self._registration.hang_up(now))
        try:
            async with asyncio.timeout(LEAVES_WITHIN_S):
                await self._left.wait()
        except TimeoutError:
            log.info("the trunk did not confirm that we left", extra=self._facts())

    def _heard(self, action: Action) -> None:
        match action:
            case Registered(expires_s):
                until = time.time() + expires_s
                self.stands = RegistrationStands(is_registered=True, until=until)
                self._changed()
                if self._said != "registered":
                    log.info("registered", extra=self._facts(expires_s=expires_s))
                self._said = "registered"
            case NotRegistered(why, again_in_s):
                self.stands = RegistrationStands(
                    is_registered=self._registration.is_registered,
                    until=self.stands.until,
                    why=why,
                    again_at=time.time() + again_in_s,
                )
                self._changed()
                if self._said != why:
                    log.error("not registered", extra=self._facts(why=why, again_in_s=again_in_s))
                self._said = why
            case Ended():
                self._left.set()

    def _facts(self, **more: object) -> dict[str, object]:
        return {"trunk": self._endpoint.trunk.name, **more}
