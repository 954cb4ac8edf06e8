"""The early dialogs of one call: what its forks say before one of them answers.

Keeps each fork's session description, acknowledges reliable provisionals in their order, and
ignores those that come twice or too early.

Source: RFC 3262 (100rel and PRACK), RFC 3261 section 12.1.2.
"""

import re
from dataclasses import dataclass

from callwright.telephony.sip.actions import Action
from callwright.telephony.sip.dialog import Dialog, dialog_from_response
from callwright.telephony.sip.message import SipResponse
from callwright.telephony.sip.own_requests import OwnRequests
from callwright.telephony.sip.requests import CallSetup

MAX_FORKS = 16
_RSEQ = re.compile(r"[0-9]{1,10}\Z")


@dataclass(slots=True)
class EarlyDialog:
    """One fork that rings."""

    setup: CallSetup
    response: SipResponse
    """Its first provisional, of which the dialog is made once it is needed."""
    sdp: bytes = b""
    is_agreed: bool = False
    """That description is the answer to our offer, or replaced it: it came reliably."""
    rseq: int = 0
    """Of the last reliable provisional; 0 = none yet."""
    made: Dialog | None = None

    @property
    def dialog(self) -> Dialog:
        """In which PRACKs go out, and the other end's requests are answered."""
        if self.made is None:
            self.made = dialog_from_response(self.setup, self.response)
        return self.made


class EarlyDialogs:
    """Those of one call, by the other end's tag."""

    __slots__ = ("_by_tag", "_requests", "last_sdp")

    def __init__(self, requests: OwnRequests) -> None:
        self._requests = requests
        self._by_tag: dict[str, EarlyDialog] = {}
        self.last_sdp = b""
        """Whoever sent it: some answer under another tag than they rang, and without any."""

    def find(self, tag: str) -> EarlyDialog | None:
        """The fork with that tag."""
        return self._by_tag.get(tag)

    def hear(
        self, response: SipResponse, setup: CallSetup, now: float
    ) -> tuple[bool, list[Action]]:
        """Whether this 101 to 199 counts, and the PRACK that is due for it.

        `setup` is the call's at the target that sent it.
        """
        tag = response.to_tag
        early = self._by_tag.get(tag)
        if early is None:
            if len(self._by_tag) >= MAX_FORKS:
                return False, []
            early = self._by_tag[tag] = EarlyDialog(setup, response)
        actions: list[Action] = []
        # Most calls have none: nothing is cut up for those.
        reliable = "require" in response.headers and tag and "100rel" in response.listed("require")
        if reliable:
            number = response.first("rseq")
            rseq = int(number) if _RSEQ.match(number) else 0
            # A repeat is answered by our PRACK's own repeats; one that came before its turn
            # must not be acknowledged, so that it comes again (RFC 3262 section 4).
            if not 0 < rseq < 2**32 or (early.rseq and rseq != early.rseq + 1):
                return False, []
            early.rseq = rseq
            dialog = early.dialog
            place = list(self._by_tag).index(tag)
            rack = f"RAck: {rseq} {response.cseq} INVITE"
            name = f"p{place}x{dialog.cseq + 1}"
            actions.append(self._requests.send_inside(dialog, "PRACK", name, now, [rack]))
        if response.body and not early.is_agreed:
            early.sdp = self.last_sdp = response.body
            early.is_agreed = bool(reliable)
        return True, actions

    def forget_idle(self) -> None:
        """One has answered, or none ever will: keep those whose numbers count on alone."""
        if not self._by_tag:
            return
        self._by_tag = {tag: each for tag, each in self._by_tag.items() if each.made is not None}
        self.last_sdp = b""
