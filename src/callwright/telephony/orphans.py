"""Ends the legs that a dead brain and line left behind, and says of each what came of it.

Sits down on the SIP port the dead line used, where that is still to be had: only there are
late answers to its INVITEs heard. What is sent is `sip.orphan`'s.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec

from callwright.errors import Unavailable
from callwright.ports.line import FromLine, Orphan, OrphanEnded
from callwright.telephony.sip.actions import Action, Ended, How
from callwright.telephony.sip.endpoint import SipEndpoint
from callwright.telephony.sip.fields import (
    Address,
    HostPort,
    SipMalformed,
    format_host_port,
    is_ip_address,
    parse_host_port,
)
from callwright.telephony.sip.inviting import branch_at, read_sent
from callwright.telephony.sip.orphan import OrphanedCall
from callwright.telephony.sip.transaction import GIVE_UP_S

log = logging.getLogger(__name__)

_REASONS = {How.NO_REPLY: "no reply", How.NOT_LISTENING: "nobody listens there"}


class OrphanEnder:
    """Works on the trunks' endpoints, by name. `tell` gets one `OrphanEnded` for each."""

    def __init__(self, endpoints: dict[str, SipEndpoint], tell: Callable[[FromLine], None]) -> None:
        self._endpoints = endpoints
        self._tell = tell
        self._beside: dict[tuple[str, HostPort], SipEndpoint] = {}
        self._closing: list[asyncio.TimerHandle] = []

    def end(self, orphans: Iterable[Orphan]) -> None:
        """Send what is due for each; the answers follow within 8 s."""
        for orphan in orphans:
            try:
                self._end_one(orphan)
            except SipMalformed as exc:
                self._report(orphan, ended=False, reason=f"cannot be addressed: {exc}")
            except Exception:
                log.exception("an orphan broke", extra={"attempt": orphan.attempt})
                self._report(orphan, ended=False, reason="internal error")

    def close(self) -> None:
        """Release the dead lines' ports."""
        for handle in self._closing:
            handle.cancel()
        for endpoint in self._beside.values():
            endpoint.close()
        self._beside.clear()

    def _end_one(self, orphan: Orphan) -> None:
        main = self._endpoints.get(orphan.trunk)
        if main is None:
            self._report(orphan, ended=False, reason="no such trunk")
            return
        endpoint, hears_answers = self._seat(main, orphan)
        target: Address | None = None
        identity = orphan.identity
        if orphan.remote_address:
            sent_to, number = read_sent(orphan.remote_address)
            target = sent_to if is_ip_address(sent_to[0]) else None
            branch = branch_at(identity.branch, number)
            identity = msgspec.structs.replace(identity, branch=branch)
        setup = endpoint.setup(
            number=orphan.number,
            caller_id=orphan.caller_id,
            identity=identity,
            sent_by=format_host_port(parse_host_port(orphan.local_sip)) if orphan.local_sip else "",
            target=target,
        )
        call = OrphanedCall(orphan, setup, hears_answers=hears_answers)

        def on_action(action: Action) -> None:
            if isinstance(action, Ended):
                ended = action.how is How.PEER_HUNG_UP
                reason = "hung up" if ended else _REASONS.get(action.how, "internal error")
                self._report(orphan, ended=ended, reason=reason)

        endpoint.add(call, on_action)
        endpoint.perform(call, call.start(endpoint.now()))

    def _seat(self, main: SipEndpoint, orphan: Orphan) -> tuple[SipEndpoint, bool]:
        """The endpoint to speak from, and whether it is where the orphan's INVITE came from."""
        if not orphan.local_sip:
            return main, False
        local = parse_host_port(orphan.local_sip)
        if local == main.local:
            return main, True
        beside = self._beside.get((orphan.trunk, local))
        if beside is not None:
            return beside, True
        try:
            beside = main.open_beside(local)
        except Unavailable as exc:
            log.info("the dead line's port is not to be had", extra={"why": str(exc)})
            return main, False
        self._beside[orphan.trunk, local] = beside
        loop = asyncio.get_running_loop()
        # As long as a late 2xx may come, and a BYE after it may have to be repeated.
        self._closing.append(loop.call_later(2 * GIVE_UP_S, self._leave, orphan.trunk, local))
        return beside, True

    def _leave(self, trunk: str, local: HostPort) -> None:
        endpoint = self._beside.pop((trunk, local), None)
        if endpoint is not None:
            endpoint.close()

    def _report(self, orphan: Orphan, *, ended: bool, reason: str) -> None:
        self._tell(OrphanEnded(attempt=orphan.attempt, ended=ended, reason=reason))
