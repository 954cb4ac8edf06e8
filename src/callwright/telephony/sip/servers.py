"""The servers of one trunk as its endpoint uses them: found, asked, and judged by what they do.

Which comes first is `targets`' business, what OPTIONS asks and when is `pinging`'s, where they
are is found by `lookups`.
"""

import logging
import random
import secrets
from collections.abc import Callable
from math import inf

from callwright.telephony.sip.actions import Action, SipCall, TargetFailed
from callwright.telephony.sip.dns_records import Names
from callwright.telephony.sip.fields import Address, format_address
from callwright.telephony.sip.lookups import Lookups
from callwright.telephony.sip.own_setup import own_setup
from callwright.telephony.sip.pinging import Pinging
from callwright.telephony.sip.targets import Located, Target, Targets
from callwright.telephony.trunk import TrunkSettings

log = logging.getLogger(__name__)


def _nothing() -> None:
    """Until somebody wants to know."""


class Servers:
    """`add` has what asks them heard for as a call is, and `perform` carries out what it wants;
    `now` is the time by which calls live. `moved` is called when they are at other addresses."""

    def __init__(
        self,
        trunk: TrunkSettings,
        *,
        add: Callable[[SipCall], None],
        perform: Callable[[SipCall, list[Action]], None],
        now: Callable[[], float],
        moved: Callable[[], None],
    ) -> None:
        self.targets = Targets(random.Random())
        self.changed: Callable[[], None] = _nothing
        """Called when servers were found, failed, work again, or were asked for it."""
        self._trunk = trunk
        self._add = add
        self._perform = perform
        self._now = now
        self._moved = moved
        self._sent_by = ""
        self._pinging: Pinging | None = None
        self.lookups = Lookups(trunk.name, trunk.servers(), Names(trunk.name_servers))

    async def find(self, family: int) -> Address | None:
        """Look up where they are, once; one of them, None if none is known."""
        self.lookups.family = family
        self._take(await self.lookups.look())
        return next((each.located.address for each in self.targets), None)

    def begin(self, sent_by: str, family: int) -> None:
        """Ask them what there is to ask, and keep knowing where they are."""
        self._sent_by = sent_by
        self.lookups.family = family
        self.plan()
        self.lookups.keep_looking(self._on_found)

    def close(self) -> None:
        """Look for them no more."""
        self.lookups.close()

    def plan(self) -> None:
        """Ask whom it is time to ask."""
        if self._pinging is None and self._sent_by and not self.targets.are_unknown:
            self._pinging = self._make_pinging()
            self._add(self._pinging)
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

    def _on_found(self, found: list[Located]) -> None:
        self._take(found)
        self.plan()
        self.changed()

    def _take(self, found: list[Located]) -> None:
        before = {each.located.address for each in self.targets}
        self.targets.replace(found)
        after = {each.located.address for each in self.targets}
        if before != after:
            facts = {"trunk": self._trunk.name, "servers": sorted(map(format_address, after))}
            log.info("servers of the trunk found", extra=facts)
            self._moved()

    def _make_pinging(self) -> Pinging:
        setup = own_setup(
            self._trunk,
            token=secrets.token_hex(8),
            sent_by=self._sent_by,
            target=self.targets.in_turn()[0],
        )
        return Pinging(setup, self.targets, every_s=self._trunk.ping_every_s)
