"""The servers of one trunk as its endpoint uses them: found, asked, and judged by what they do.

Which comes first is `targets`' business, what OPTIONS asks and when is `pinging`'s.
"""

import logging
import random
import secrets
from collections.abc import Callable
from math import inf

from callwright.telephony.sip.actions import Action, SipCall, TargetFailed
from callwright.telephony.sip.fields import Address, format_address
from callwright.telephony.sip.locate import locate
from callwright.telephony.sip.own_setup import own_setup
from callwright.telephony.sip.pinging import Pinging
from callwright.telephony.sip.targets import Target, Targets
from callwright.telephony.trunk import TrunkSettings

log = logging.getLogger(__name__)


def _nothing() -> None:
    """Until somebody wants to know."""


class Servers:
    """`perform` carries out what the asking wants; `now` is the time by which calls live."""

    def __init__(
        self,
        trunk: TrunkSettings,
        perform: Callable[[SipCall, list[Action]], None],
        now: Callable[[], float],
    ) -> None:
        self.targets = Targets(random.Random())
        self.changed: Callable[[], None] = _nothing
        """Called when servers failed, work again, or were asked for it."""
        self._trunk = trunk
        self._perform = perform
        self._now = now
        self._pinging: Pinging | None = None

    async def find(self) -> Address:
        """Look up where they are; one of them.

        Raises:
            Unavailable: none has an address.
        """
        trunk = self._trunk
        found = await locate(trunk.name, trunk.servers(), trunk.local_address)
        self.targets.replace(found)
        return found[0].address

    def make_pinging(self, sent_by: str) -> Pinging:
        """What asks them, and is heard for as a call is. `plan` begins with it."""
        setup = own_setup(
            self._trunk,
            token=secrets.token_hex(8),
            sent_by=sent_by,
            target=self.targets.in_turn()[0],
        )
        self._pinging = Pinging(setup, self.targets, every_s=self._trunk.ping_every_s)
        return self._pinging

    def plan(self) -> None:
        """Ask whom it is time to ask."""
        if self._pinging is not None:
            self._perform(self._pinging, self._pinging.plan(self._now()))

    def asks_at(self, target: Target) -> float:
        """When a server is asked next whether it works; `inf` = not at all."""
        return inf if self._pinging is None else self._pinging.asks_at(target)

    def timer_ran(self, call: SipCall) -> None:
        """A call had its timer run: if it is the one that asks, it may have asked again."""
        if call is self._pinging and self.targets.has_failed:
            self.changed()

    def failed(self, failed: TargetFailed) -> None:
        """One did not take a request."""
        if self.targets.failed(
            failed.target,
            self._now(),
            failed.why,
            failed.retry_after_s,
            refused=failed.is_there,
            silent=failed.is_silent,
        ):
            facts = {"trunk": self._trunk.name, "target": format_address(failed.target)}
            log.warning("a server of the trunk fails", extra=facts | {"why": failed.why})
        self.plan()
        self.changed()

    def answered(self, source: Address) -> None:
        """Something came from there that is no refusal."""
        if self.targets.answered(source):
            facts = {"trunk": self._trunk.name, "target": format_address(source)}
            log.info("a server of the trunk works again", extra=facts)
            self.changed()
