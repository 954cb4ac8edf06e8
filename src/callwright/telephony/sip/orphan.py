"""A call that a dead process left behind, as far as ending it goes; a pure machine.

Built from what the attempt on disk remembers. A leg that had been answered gets a BYE. One
that had not gets a CANCEL, also under the branch that answered a challenge if there may
have been one; and should its INVITE be answered after all, ACK and BYE. An answer that the
dead line acknowledged, but that never reached the disk, is heard no more: then the tag in the
answer to the CANCEL says whom the BYE is for (RFC 3261 section 9.2), or else the tag that came
with the ringing (section 12.1: it names the dialog that the answer confirmed). The same
branches and numbers are used at every try, so that a second try is a repeat and no new request.
"""

from math import inf

from callwright.ports.line import Orphan
from callwright.telephony.sip import requests
from callwright.telephony.sip.actions import Action, Ended, How, Send
from callwright.telephony.sip.answers import DialogAnswers, no_such_call
from callwright.telephony.sip.dialog import (
    Dialog,
    dialog_from_answer,
    dialog_from_memory,
    is_in_dialog,
)
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipRequest, SipResponse
from callwright.telephony.sip.outcomes import reason_of
from callwright.telephony.sip.own_requests import OwnRequest, OwnRequests
from callwright.telephony.sip.requests import CallSetup
from callwright.telephony.sip.transaction import GIVE_UP_S

PATIENCE_S = 6.0
"""When nobody has answered by then, nobody will in time to matter."""
LATE_ANSWER_S = 4.5
"""A 2xx that waits for its ACK is repeated at least every 4 s: so long we listen for one."""


class OrphanedCall:
    """Ends one orphan. `hears_answers`: we sit on the port its INVITE came from.

    Says `Ended` once: PEER_HUNG_UP when the other end confirmed that there is no call any
    more, NO_REPLY or NOT_LISTENING when nobody answered.
    """

    def __init__(self, orphan: Orphan, setup: CallSetup, *, hears_answers: bool) -> None:
        self._orphan = orphan
        self._setup = setup
        self._hears_answers = hears_answers
        self._tries = OwnRequests(setup, {})
        self._dialog: Dialog | None = None
        self._cancelled_tag = ""
        """The other end's, in its 200 to our CANCEL."""
        self._answers = DialogAnswers(1)
        self.call_id = setup.call_id
        """The Call-ID the dead process used."""
        self.has_ended = False
        """`Ended` was said."""
        self._end_by = inf
        self._found = How.NO_REPLY
        self._forget_at = inf
        self.wakes_at = inf

    @property
    def is_over(self) -> bool:
        """Whether no late answer can come any more."""
        return self.has_ended and self.wakes_at == inf

    def start(self, now: float) -> list[Action]:
        """Send what is due.

        Raises:
            SipMalformed: what was stored cannot be sent.
        """
        orphan, setup = self._orphan, self._setup
        self._end_by = now + PATIENCE_S
        self._forget_at = now + GIVE_UP_S
        if orphan.to_tag:
            self._dialog = dialog_from_memory(
                setup,
                to_tag=orphan.to_tag,
                remote_target=orphan.remote_target,
                route_set=orphan.route_set,
                cseq=orphan.cseq,
            )
            return self._settled([self._say_bye(self._dialog, now)])
        names = [(setup.branch, setup.cseq)]
        if setup.credentials is not None:
            names.append((f"{setup.branch}.2", setup.cseq + 1))
        actions: list[Action] = []
        for branch, cseq in names:
            data = requests.cancel(setup, branch=branch, cseq=cseq)
            actions.append(self._tries.send("CANCEL", data, branch, cseq, setup.target, now))
        return self._settled(actions)

    def hang_up(self, now: float) -> list[Action]:
        """Nothing more can be done than is being done."""
        return []

    def on_response(self, response: SipResponse, now: float) -> list[Action]:
        """An answer to our CANCEL or BYE, or still one to the INVITE."""
        if response.from_tag != self._setup.from_tag:
            return []
        if response.method == "INVITE":
            return self._settled(self._on_invite_response(response, now))
        own, actions = self._tries.on_response(response, now)
        if own is not None:
            actions += self._on_confirmed(own, response, now)
        return self._settled(actions)

    def on_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """The other end may hang up first."""
        dialog = self._dialog
        if dialog is None or not is_in_dialog(dialog, request) or request.method != "BYE":
            return [] if request.method == "ACK" else [no_such_call(request, source)]
        actions: list[Action] = [self._answers.say_yes(request, dialog, source)]
        return self._settled(actions + self._end(How.PEER_HUNG_UP))

    def on_connection_lost(self, now: float, to: Address) -> list[Action]:
        """Ask again by another connection."""
        return self._tries.say_again(to)

    def on_not_listening(self, now: float, branch: str = "", why: str = "") -> list[Action]:
        """Nobody is there."""
        self._tries.stop()
        return self._settled(self._end(How.NOT_LISTENING))

    def on_timer(self, now: float) -> list[Action]:
        """Whatever has come due."""
        _, actions = self._tries.on_timer(now)
        if self._end_by <= now:
            actions += self._say_bye_in_the_dark(now)
            actions += self._end(self._found)
        if self._forget_at <= now:
            self._forget_at = inf
            self._tries.stop()
        return self._settled(actions)

    def _on_confirmed(self, own: OwnRequest, response: SipResponse, now: float) -> list[Action]:
        if own.method == "BYE":
            return self._end(How.PEER_HUNG_UP)
        self._found = How.PEER_HUNG_UP
        if response.status < 300:
            self._cancelled_tag = response.to_tag
            # Cancelled; the INVITE's own 487 follows, or a 200 that crossed, where we hear it.
            wait_s = 2.0 if self._hears_answers else 0.0
        elif not self._tries.are_answered:
            return []
        else:
            # They know no such transaction: it never came, is over, or was just answered.
            wait_s = LATE_ANSWER_S if self._hears_answers else 0.0
        self._end_by = min(self._end_by, now + wait_s)
        return []

    def _on_invite_response(self, response: SipResponse, now: float) -> list[Action]:
        setup = self._setup
        if response.status < 200:
            return []
        if response.status >= 300:
            to = response.first("to")
            data = requests.ack_to_failure(setup, branch=response.branch, cseq=response.cseq, to=to)
            # A challenge may already have been answered: then the call lives on under `.2`.
            ends = response.status not in (401, 407)
            return [Send(data, setup.target), *(self._end(How.PEER_HUNG_UP) if ends else [])]
        known = self._dialog
        if known is not None and known.remote_tag == response.to_tag and known.ack:
            return [Send(known.ack, known.next_hop)]
        dialog = dialog_from_answer(setup, response)
        self._dialog = dialog
        return [Send(dialog.ack, dialog.next_hop), self._say_bye(dialog, now)]

    def _say_bye_in_the_dark(self, now: float) -> list[Action]:
        """No end of the INVITE was heard, though somebody is there: they may be talking."""
        somebody = self._found is How.PEER_HUNG_UP
        tag = self._cancelled_tag or (self._orphan.early_tag if somebody else "")
        if not tag or self._dialog is not None or self.has_ended:
            return []
        self._dialog = dialog_from_memory(
            self._setup,
            to_tag=tag,
            remote_target="",
            route_set=(),
            cseq=self._setup.cseq,
        )
        return [self._say_bye(self._dialog, now)]

    def _say_bye(self, dialog: Dialog, now: float) -> Send:
        reason = reason_of(How.HUNG_UP_TALKING)
        return self._tries.send_inside(dialog, "BYE", "b", now, [reason])

    def _end(self, how: How) -> list[Action]:
        self._end_by = inf
        if self.has_ended:
            return []
        self.has_ended = True
        return [Ended(how)]

    def _settled(self, actions: list[Action]) -> list[Action]:
        self.wakes_at = min(self._end_by, self._forget_at, self._tries.wakes_at)
        return actions
