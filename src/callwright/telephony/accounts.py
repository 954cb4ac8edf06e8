"""The account at a trunk that wants us registered: begun with the line, taken back at its end."""

import asyncio
import logging
import secrets
from urllib.parse import quote

from callwright.telephony.sip.actions import Action, Ended, NotRegistered, Registered
from callwright.telephony.sip.endpoint import SipEndpoint, in_uri
from callwright.telephony.sip.registration import Registration
from callwright.telephony.sip.requests import CallSetup

log = logging.getLogger(__name__)

LEAVES_WITHIN_S = 2.0


class Account:
    """The registration of one endpoint's trunk. Says once what changes."""

    def __init__(self, endpoint: SipEndpoint) -> None:
        self._endpoint = endpoint
        token = secrets.token_hex(8)
        self._registration = Registration(
            _setup(endpoint, token),
            expires_s=endpoint.trunk.register_for_s,
            choose=lambda: endpoint.targets.in_turn()[0],
        )
        self._said = ""
        self._left = asyncio.Event()

    @property
    def is_registered(self) -> bool:
        """Whether the trunk knows where we are."""
        return self._registration.is_registered

    def begin(self) -> None:
        """Register, and stay registered."""
        self._endpoint.add(self._registration, self._heard)
        now = self._endpoint.now()
        self._endpoint.perform(self._registration, self._registration.start(now))

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
                if self._said != "registered":
                    log.info("registered", extra=self._facts(expires_s=expires_s))
                self._said = "registered"
            case NotRegistered(why, again_in_s):
                if self._said != why:
                    log.error("not registered", extra=self._facts(why=why, again_in_s=again_in_s))
                self._said = why
            case Ended():
                self._left.set()

    def _facts(self, **more: object) -> dict[str, object]:
        return {"trunk": self._endpoint.trunk.name, **more}


def _setup(endpoint: SipEndpoint, token: str) -> CallSetup:
    """What the trunk's account puts into the headers of a REGISTER."""
    trunk = endpoint.trunk
    host, port = trunk.domain()
    scheme = "sips" if trunk.is_secure else "sip"
    domain = f"{in_uri(host)}:{port}" if port else in_uri(host)
    account = f"<{scheme}:{quote(trunk.user)}@{domain}>"
    return CallSetup(
        call_id=f"{token}@callwright",
        from_tag=token,
        branch=f"z9hG4bK{token}",
        cseq=1,
        request_uri=f"{scheme}:{domain}",
        from_value=f"{account};tag={token}",
        to_value=account,
        contact="",
        sent_by=endpoint.sent_by,
        target=endpoint.targets.in_turn()[0],
        route=trunk.route(),
        credentials=endpoint.credentials,
    )
