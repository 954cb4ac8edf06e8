"""An account kept registered at its trunk: a pure machine, as `call` is one.

Registers, refreshes before the registration runs out, answers challenges, asks for longer where
the trunk wants that (423), tries again ever more seldom while it fails, and takes the
registration back at the end.

Source: RFC 3261 sections 10.2 and 10.3; RFC 5626 section 4.5 (how often to try again).
"""

from collections.abc import Callable
from math import inf

from msgspec.structs import replace

from callwright.telephony.sip.actions import (
    Action,
    Ended,
    How,
    NotRegistered,
    Registered,
    Send,
    TargetFailed,
)
from callwright.telephony.sip.digest import Challenges
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipRequest, SipResponse, render
from callwright.telephony.sip.requests import CallSetup, contact_of, via
from callwright.telephony.sip.transaction import RequestTransaction

FIRST_AGAIN_S = 30.0
LONGEST_AGAIN_S = 1800.0
LOST_AGAIN_S = 5.0
"""After the connection was lost by which the trunk sent us requests."""
LONGEST_EXPIRES_S = 86_400
MAX_REFUSALS = 4
"""Challenges and wishes for longer in one round."""


class Registration:
    """The account that `setup` names in From, To and Contact, for `expires_s` at a time.

    `choose` says where to register now: a server that failed may not be the one to ask next.
    """

    def __init__(self, setup: CallSetup, *, expires_s: int, choose: Callable[[], Address]) -> None:
        self._setup = setup
        self._wanted_s = expires_s
        self._choose = choose
        self._cseq = setup.cseq - 1
        self._transaction: RequestTransaction | None = None
        self._challenges = Challenges(setup.credentials, {})
        self._refusals = 0
        self._failures = 0
        self._again_at = inf
        self._is_leaving = False
        self.call_id = setup.call_id
        """By which its answers are known."""
        self.has_ended = False
        """`Ended` was said: nothing is registered any more."""
        self._why = ""
        self._is_unheard = False
        self._expires_at = inf
        """When the trunk forgets us unless we register again."""
        self.is_registered = False
        self.wakes_at = inf

    @property
    def is_over(self) -> bool:
        """Whether it may be forgotten."""
        return self.has_ended

    def start(self, now: float) -> list[Action]:
        """Register."""
        return self._begin_round(now)

    def hang_up(self, now: float) -> list[Action]:
        """Take the registration back; `Ended` follows, soon if nobody answers."""
        if self._is_leaving or self.has_ended:
            return []
        self._is_leaving = True
        if not self.is_registered:
            return self._end()
        return self._begin_round(now)

    def try_now(self, now: float) -> list[Action]:
        """Servers answer again: if it was for their silence that it failed, wait no longer."""
        if not self._is_unheard or self._transaction is not None or self._is_leaving:
            return []
        return self._begin_round(now)

    def on_response(self, response: SipResponse, now: float) -> list[Action]:
        """The trunk's answer."""
        transaction = self._transaction
        if transaction is None or response.branch != transaction.branch:
            return []
        if not transaction.on_response(response.status, now):
            return self._settled([])
        status = response.status
        if status < 300:
            return self._on_success(response, now)
        if self._refusals < MAX_REFUSALS and self._can_bring(response):
            self._refusals += 1
            return self._send(now)
        retry_after = response.first("retry-after").partition(";")[0].strip()
        wait_s = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else 0.0
        why = f"{status} {response.phrase}".strip()
        failed = [TargetFailed(transaction.to, why, wait_s, is_there=True)] if status == 503 else []
        return self._fail(why, now, wait_s, failed)

    def on_request(self, request: SipRequest, source: Address, now: float) -> list[Action]:
        """Nobody asks anything here."""
        return []

    def on_not_listening(self, now: float, branch: str = "", why: str = "") -> list[Action]:
        """Nobody is there."""
        return self._on_unheard(why or "connection refused", now, branch)

    def on_connection_lost(self, now: float, to: Address) -> list[Action]:
        """Ask again by another connection; by which the trunk finds us from then on."""
        transaction = self._transaction
        if transaction is None or transaction.to != to:
            return []
        again = transaction.say_again()
        if not again and self.is_registered and not self._is_leaving:
            self._again_at = min(self._again_at, now + LOST_AGAIN_S)
        return self._settled([Send(again, to)] if again else [])

    def on_timer(self, now: float) -> list[Action]:
        """Whatever has come due."""
        if self._expires_at <= now:
            self._expires_at = inf
            self.is_registered = False
            again_in_s = 0.0 if self._transaction is not None else self._again_at - now
            return self._settled([NotRegistered(self._why, max(0.0, again_in_s))])
        if self._again_at <= now:
            return self._begin_round(now)
        if self._transaction is None:
            return self._settled([])
        to = self._transaction.to
        data, gave_up = self._transaction.on_timer(now)
        if gave_up:
            return self._on_unheard("no reply", now, is_silent=True)
        return self._settled([Send(data, to)] if data else [])

    def _begin_round(self, now: float) -> list[Action]:
        target = self._choose()
        scheme = self._setup.request_uri.partition(":")[0]
        contact = contact_of(scheme, self._setup.sent_by, target)
        self._setup = replace(self._setup, target=target, contact=contact)
        self._challenges = Challenges(self._setup.credentials, {})
        self._refusals = 0
        self._again_at = inf
        return self._send(now)

    def _send(self, now: float) -> list[Action]:
        setup = self._setup
        self._cseq += 1
        branch = f"{setup.branch}.{self._cseq}"
        expires_s = 0 if self._is_leaving else self._wanted_s
        lines = [
            f"REGISTER {setup.request_uri} SIP/2.0",
            via(setup, branch),
            "Max-Forwards: 70",
            *((f"Route: {setup.route}",) if setup.route else ()),
            f"From: {setup.from_value}",
            f"To: {setup.to_value}",
            f"Call-ID: {setup.call_id}",
            f"CSeq: {self._cseq} REGISTER",
            f"Contact: {setup.contact}",
            f"Expires: {expires_s}",
            *self._challenges.lines("REGISTER", setup.request_uri),
        ]
        transaction = self._transaction = RequestTransaction(
            method="REGISTER", data=render(lines), branch=branch, cseq=self._cseq, to=setup.target
        )
        return self._settled([Send(transaction.start(now), setup.target)])

    def _can_bring(self, response: SipResponse) -> bool:
        if response.status in (401, 407):
            return self._challenges.meet(response)
        least = response.first("min-expires").strip()
        if response.status != 423 or not least.isdecimal() or len(least) > 6:
            return False
        is_more = self._wanted_s < int(least) <= LONGEST_EXPIRES_S
        self._wanted_s = int(least) if is_more else self._wanted_s
        return is_more and not self._is_leaving

    def _on_success(self, response: SipResponse, now: float) -> list[Action]:
        if self._is_leaving:
            return self._end()
        expires_s = self._granted_s(response)
        self._failures = 0
        self.is_registered = True
        self._expires_at = now + expires_s
        # Early enough to be asked for a password and to be silent once.
        self._again_at = now + max(expires_s * 0.5, expires_s - 60.0)
        return self._settled([Registered(expires_s)])

    def _granted_s(self, response: SipResponse) -> float:
        ours = f"callwright@{self._setup.sent_by}".lower()
        for contact in response.listed("contact"):
            if ours in contact.lower():
                _, found, value = contact.lower().rpartition(";expires=")
                seconds = value.partition(";")[0].strip()
                if found and seconds.isdecimal() and len(seconds) < 8:
                    return float(max(int(seconds), 1))
        text = response.first("expires").strip()
        return float(max(int(text), 1)) if text.isdecimal() and len(text) < 8 else self._wanted_s

    def _on_unheard(
        self, why: str, now: float, branch: str = "", *, is_silent: bool = False
    ) -> list[Action]:
        transaction = self._transaction
        if transaction is None or branch not in ("", transaction.branch):
            return []
        failed = TargetFailed(transaction.to, why, is_silent=is_silent)
        return self._fail(why, now, 0.0, [failed])

    def _fail(
        self, why: str, now: float, wait_s: float, failed: list[TargetFailed]
    ) -> list[Action]:
        if self._is_leaving:
            return self._end()
        self._why = why
        self._is_unheard = any(not each.is_there for each in failed)
        wait_s = max(wait_s, min(FIRST_AGAIN_S * 2**self._failures, LONGEST_AGAIN_S))
        self._failures = min(self._failures + 1, 10)
        self._again_at = now + wait_s
        self._transaction = None
        return self._settled([*failed, NotRegistered(why, wait_s)])

    def _end(self) -> list[Action]:
        self.has_ended = True
        self.is_registered = False
        self._transaction = None
        self._expires_at = self._again_at = self.wakes_at = inf
        return [Ended(How.HUNG_UP_TALKING)]

    def _settled(self, actions: list[Action]) -> list[Action]:
        asked = inf if self._transaction is None else self._transaction.wakes_at
        self.wakes_at = min(asked, self._again_at, self._expires_at)
        return actions
