"""The INVITE of one call: at one target or several in turn, with what its refusals ask for.

Knows which of its transactions a response belongs to and which one counts. What a response
means for the call, and whether another target may be asked, is decided by `call`.

Source: RFC 3261 sections 8.1.3.5, 17.1.1, 22.2 and 22.3; RFC 3263 section 4.3; RFC 4028
section 7.3.
"""

from math import inf

from callwright.telephony.sip import requests
from callwright.telephony.sip.actions import Action, MovedOn, Send
from callwright.telephony.sip.digest import Challenges
from callwright.telephony.sip.fields import Address, format_address, parse_address, transport_of
from callwright.telephony.sip.message import SipResponse
from callwright.telephony.sip.requests import CallSetup, at_next_target, by_connection
from callwright.telephony.sip.session_timer import read_minimum
from callwright.telephony.sip.transaction import InviteTransaction, Phase

MAX_REFUSALS = 5
"""At one target: challenges, and a session interval that was too short."""

LARGE_BYTES = 1300
"""What is longer may not pass in one datagram (RFC 3261 section 18.1.1)."""


def branch_at(first: str, number: int) -> str:
    """The branch of the INVITE at the second target, the third and so on."""
    return first if number == 1 else f"{first}.t{number}"


def note_sent(to: Address, number: int = 1) -> str:
    """What is kept on disk of where an INVITE went, the how-manyth target that was."""
    return format_address(to) + (f";try={number}" if number > 1 else "")


def read_sent(note: str) -> tuple[Address, int]:
    """What `note_sent` wrote.

    Raises:
        SipMalformed: anything else.
    """
    address, _, number = note.partition(";try=")
    return parse_address(address), int(number) if number.isdecimal() and len(number) < 4 else 1


class Inviting:
    """The INVITEs of the call that `setup` describes. `start` before anything else.

    `nonce_counts` is how often each nonce has been used in this call.
    """

    __slots__ = (
        "_challenges",
        "_first_branch",
        "_is_large",
        "_nonce_counts",
        "_refusals",
        "_session_expires_s",
        "_targets_tried",
        "_tries",
        "authorization",
        "setup",
    )

    def __init__(self, setup: CallSetup, nonce_counts: dict[str, int]) -> None:
        self.setup = setup
        """As it is at the target that is being asked."""
        self._first_branch = setup.branch
        self._tries: list[InviteTransaction] = []
        self._nonce_counts = nonce_counts
        self._challenges = Challenges(setup.credentials, nonce_counts)
        self._refusals = 0
        self._session_expires_s = setup.session_expires_s
        self._targets_tried = 1
        self._is_large = False
        self.authorization: list[str] = []
        """What the last one answered challenges with."""

    @property
    def last(self) -> InviteTransaction:
        """The one that counts."""
        return self._tries[-1]

    @property
    def wakes_at(self) -> float:
        """When `on_timer` wants to be called; `inf` = never."""
        wake = inf
        for each in self._tries:
            if each.wakes_at < wake:
                wake = each.wakes_at
        return wake

    def start(self, now: float) -> list[Action]:
        """Send it."""
        return [self._send(self.setup.branch, self.setup.cseq, now)]

    def find(self, response: SipResponse) -> InviteTransaction | None:
        """The one that `response` answers."""
        for each in self._tries:
            if each.branch == response.branch and each.cseq == response.cseq:
                return each
        return None

    def bring_what_it_asks(self, response: SipResponse, now: float) -> list[Action]:
        """Send it with what the refusal says we lack; nothing if we have no such thing."""
        setup = self.setup
        if self._refusals >= MAX_REFUSALS or not self._can_bring(response):
            return []
        self._refusals += 1
        self.authorization = self._challenges.lines("INVITE", setup.request_uri, setup.offer)
        branch, cseq = f"{setup.branch}.{self._refusals + 1}", setup.cseq + self._refusals
        return [self._send(branch, cseq, now)]

    def move_on(self, now: float) -> list[Action]:
        """Send it to the next target, if there is one that may be asked.

        Not after it was said again to one that had perhaps heard it: somebody may ring there.
        """
        if not self.setup.others or self.last.was_said_again:
            return []
        self._targets_tried += 1
        branch = branch_at(self._first_branch, self._targets_tried)
        setup = self.setup = at_next_target(self.setup, branch=branch, cseq=self.last.cseq)
        self._challenges = Challenges(setup.credentials, self._nonce_counts)
        self._refusals = 0
        self.authorization = []
        return [MovedOn(setup.target, self._targets_tried), *self.start(now)]

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

    def is_lost_for_good(self, to: Address) -> bool:
        """Whether the one that counts was said again, and was lost again."""
        last = self.last
        return last.to == to and last.was_said_again and last.phase is Phase.CALLING

    def give_up(self) -> None:
        """Nothing more is expected of any."""
        for each in self._tries:
            each.give_up()

    def _send(self, branch: str, cseq: int, now: float) -> Send:
        extra = self.authorization
        if self._session_expires_s:
            extra = [f"Session-Expires: {self._session_expires_s}", *extra]
        data = requests.invite(self.setup, branch=branch, cseq=cseq, extra=extra)
        if (
            len(data) > LARGE_BYTES
            and not self._is_large
            and transport_of(self.setup.target) == "UDP"
        ):
            # By UDP only if it can be had by no connection.
            self._is_large = True
            self.setup = by_connection(self.setup)
            data = requests.invite(self.setup, branch=branch, cseq=cseq, extra=extra)
        transaction = InviteTransaction(self.setup, data=data, branch=branch, cseq=cseq)
        self._tries.append(transaction)
        return Send(transaction.start(now), transaction.to)

    def _can_bring(self, response: SipResponse) -> bool:
        if response.status in (401, 407):
            return self._challenges.meet(response)
        asked_s = self._session_expires_s
        minimum_s = read_minimum(response) if response.status == 422 and asked_s else 0
        self._session_expires_s = max(asked_s, minimum_s)
        return minimum_s > asked_s
