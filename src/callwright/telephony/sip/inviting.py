"""The INVITE of one call: at one target or several in turn, with a password where one is asked for.

Knows which of its transactions a response belongs to and which one counts. What a response
means for the call, and whether another target may be asked, is decided by `call`.

Source: RFC 3261 sections 8.1.3.5, 17.1.1 and 22.2; RFC 3263 section 4.3.
"""

from math import inf

from callwright.telephony.sip import requests
from callwright.telephony.sip.actions import Action, MovedOn, Send
from callwright.telephony.sip.digest import answer_challenge
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipResponse
from callwright.telephony.sip.requests import CallSetup, at_next_target
from callwright.telephony.sip.transaction import InviteTransaction

MAX_CHALLENGES = 2
"""One answer, and one more if only the nonce was stale."""


class Inviting:
    """The INVITEs of the call that `setup` describes. `start` before anything else."""

    __slots__ = ("_challenges", "_first_branch", "_targets_tried", "_tries", "setup")

    def __init__(self, setup: CallSetup) -> None:
        self.setup = setup
        """As it is at the target that is being asked."""
        self._first_branch = setup.branch
        self._tries: list[InviteTransaction] = []
        self._challenges = 0
        self._targets_tried = 1

    @property
    def last(self) -> InviteTransaction:
        """The one that counts."""
        return self._tries[-1]

    @property
    def wakes_at(self) -> float:
        """When `on_timer` wants to be called; `inf` = never."""
        wake = inf
        for each in self._tries:
            wake = min(wake, each.wakes_at)
        return wake

    def start(self, now: float) -> list[Action]:
        """Send it."""
        setup = self.setup
        data = requests.invite(setup, branch=setup.branch, cseq=setup.cseq)
        return [self._send(data, setup.branch, setup.cseq, now)]

    def find(self, response: SipResponse) -> InviteTransaction | None:
        """The one that `response` answers."""
        for each in self._tries:
            if each.branch == response.branch and each.cseq == response.cseq:
                return each
        return None

    def answer_challenge(self, response: SipResponse, now: float) -> list[Action]:
        """Send it with our password; nothing if we have none for this, or it was wrong."""
        setup = self.setup
        line, stale = answer_challenge(
            response, setup.credentials, method="INVITE", uri=setup.request_uri
        )
        number = self._challenges + 1
        if not line or number > MAX_CHALLENGES or (number > 1 and not stale):
            return []
        self._challenges = number
        branch, cseq = f"{setup.branch}.{number + 1}", setup.cseq + number
        data = requests.invite(setup, branch=branch, cseq=cseq, authorization=line)
        return [self._send(data, branch, cseq, now)]

    def move_on(self, now: float) -> list[Action]:
        """Send it to the next target, if there is one that may be asked.

        Not after it was said again to one that had perhaps heard it: somebody may ring there.
        """
        if not self.setup.others or self.last.was_said_again:
            return []
        self._targets_tried += 1
        branch = f"{self._first_branch}.t{self._targets_tried}"
        setup = self.setup = at_next_target(self.setup, branch=branch, cseq=self.last.cseq)
        self._challenges = 0
        return [MovedOn(setup.target, branch, setup.cseq), *self.start(now)]

    def on_timer(self, now: float) -> tuple[list[Action], bool]:
        """What to send again, and whether the one that counts was given up."""
        actions: list[Action] = []
        is_given_up = False
        for each in self._tries:
            data, gave_up = each.on_timer(now)
            if data:
                actions.append(Send(data, each.to))
            is_given_up = is_given_up or (gave_up and each is self.last)
        return actions, is_given_up

    def say_again(self, to: Address) -> list[Action]:
        """Repeat by a new connection what was lost with the old one, perhaps unheard."""
        again = [each.say_again() for each in self._tries if each.to == to]
        return [Send(data, to) for data in again if data]

    def give_up(self) -> None:
        """Nothing more is expected of any."""
        for each in self._tries:
            each.give_up()

    def _send(self, data: bytes, branch: str, cseq: int, now: float) -> Send:
        transaction = InviteTransaction(self.setup, data=data, branch=branch, cseq=cseq)
        self._tries.append(transaction)
        return Send(transaction.start(now), transaction.to)
