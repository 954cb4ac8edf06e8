"""What the brain and a line say to each other, and what a line must do.

A line places legs. It knows nothing of calls, retries or windows and keeps no state that
matters: when the brain is gone it hangs up every leg at once. These structs travel over
the pipe as msgpack, one struct a frame; the same types are used when a test runs a line
inside the brain's process.

All times are Unix seconds (float, UTC) because they cross a process boundary.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from callwright.domain.answered_by import Verdict
from callwright.domain.outcome import Outcome


class LegIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What names a leg to its peer, chosen by the brain and on disk before the INVITE.

    `call_id`, `from_tag` and `branch` go into the INVITE as they are (the branch belongs
    to the first INVITE; a second one after a digest challenge gets a new branch derived
    from it by appending `.2`, and CSeq 2). `cseq` is the first INVITE's number.
    """

    call_id: str
    from_tag: str
    branch: str
    cseq: int = 1


class LegOrder(msgspec.Struct, frozen=True, kw_only=True, tag="place"):
    """Dial `number` on `trunk` and run the script on whoever answers."""

    leg: str
    """Names the leg on the pipe; unique for the life of the brain's process."""
    call_id: int = 0
    account_id: int = 0
    """Whose call it is; these two are told to agents that a script hands the call to."""
    trunk: str
    number: str
    """What is dialled: `+` and digits."""
    caller_id: str
    """The From user: `+` and digits, or digits; empty = anonymous."""
    signed_identity: str = ""
    """The value of an Identity header (`domain.passport`); "" = none."""
    postd: str = ""
    """DTMF to send after the answer: `0-9A-D*#`, and `,` or `p` for a second's pause."""
    identity: LegIdentity
    script: str
    """Key of a script sent before with `ScriptText`."""
    variables: dict[str, str]
    ring_timeout_s: float
    max_length_s: float
    record: bool | None = None
    """Whether to record what is said; None = as the script says."""
    send_before: float = 0.0
    """`clock.machine_seconds` after which the INVITE must not leave any more; 0 = no limit."""


class ScriptText(msgspec.Struct, frozen=True, kw_only=True, tag="script"):
    """A compiled script, sent once to each line before the first leg that needs it."""

    key: str
    text: str
    """The script as JSON, as `ivr.script.dump` writes it."""


class HangUp(msgspec.Struct, frozen=True, kw_only=True, tag="hang_up"):
    """End one leg: CANCEL while it rings, BYE once it talks."""

    leg: str


class Withdraw(msgspec.Struct, frozen=True, kw_only=True, tag="withdraw"):
    """End one leg, unless its INVITE has left: then it goes on as if nothing had been said."""

    leg: str
    outcome: Outcome
    reason: str


class HangUpAll(msgspec.Struct, frozen=True, kw_only=True, tag="hang_up_all"):
    """End every leg now; the line goes on living."""


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """A leg that a dead brain and line left behind, as the attempt on disk remembers it."""

    attempt: str
    trunk: str
    number: str
    caller_id: str
    identity: LegIdentity
    local_sip: str = ""
    """`host:port` of the Via the dead line used; "" when it was not known."""
    to_tag: str = ""
    """Known when the leg had been answered: then a BYE is due, else a CANCEL."""
    early_tag: str = ""
    """The callee's while it rang, if it is known: for a BYE where no CANCEL helps."""
    remote_target: str = ""
    route_set: tuple[str, ...] = ()
    remote_address: str = ""
    """`host:port` the INVITE was sent to."""
    cseq: int = 1
    """The last CSeq number used in the dialog."""


class EndOrphans(msgspec.Struct, frozen=True, kw_only=True, tag="end_orphans"):
    """Cancel or hang up these legs; answer each with `OrphanEnded`."""

    orphans: tuple[Orphan, ...]


class TrunkRate(msgspec.Struct, frozen=True, kw_only=True, tag="rate"):
    """From now on so many INVITEs may leave on a trunk in any second."""

    trunk: str
    calls_per_second: float


ToLine = LegOrder | ScriptText | HangUp | Withdraw | HangUpAll | EndOrphans | TrunkRate


class LineReady(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The line can place legs. `local_sip` maps each trunk to the `host:port` of its Via, or to
    the application by whose name its legs are known in an Asterisk."""

    pid: int
    local_sip: dict[str, str]


class ServerStands(msgspec.Struct, frozen=True, kw_only=True):
    """How a line finds one server of a trunk."""

    address: str
    """`host:port`, then `;transport=tcp` or `tls` if not by UDP."""
    since: float
    """When it came to be so, or was first heard of."""
    why: str = ""
    """It failed, and so; "" = it works as far as is known."""
    is_away: bool = False
    """It is certain that a call would find nobody there."""
    probe_at: float = 0.0
    """When it is asked next whether it works; 0 = it works."""


class RegistrationStands(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a line is registered with a trunk that wants it."""

    is_registered: bool = False
    until: float = 0.0
    """When the last registration runs out or ran out; 0 = there was none."""
    why: str = ""
    """It was refused last, and so; "" = it was not, or has not been answered yet."""
    again_at: float = 0.0
    """When it is tried again after a refusal."""


class TrunkStands(msgspec.Struct, frozen=True, kw_only=True, tag="trunk"):
    """How a line finds one of its trunks: said when that changes, and again every half minute
    while it takes no calls."""

    trunk: str
    takes_calls: bool
    """Whether a call has a chance there. What is not known counts as a chance."""
    servers: tuple[ServerStands, ...] = ()
    registration: RegistrationStands | None = None
    """None: it wants none."""
    lookup_problem: str = ""
    """Why its servers, or some of them, could not be looked up last; "" = they could."""
    lookup_at: float = 0.0
    """When they are looked up again after that."""


class LegSent(msgspec.Struct, frozen=True, kw_only=True, tag="sent"):
    """The INVITE has left for `remote_address`: `host:port`, then `;transport=tcp` or `tls` if
    not by UDP, and `;try=2` or more if others were asked before, which told nothing."""

    leg: str
    at: float
    remote_address: str


class LegRinging(msgspec.Struct, frozen=True, kw_only=True, tag="ringing"):
    """The first 18x came."""

    leg: str
    at: float
    code: int
    to_tag: str = ""
    """The callee's; "" = it named none."""


class LegAnswered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """A 2xx came: what a BYE would need, should this process die."""

    leg: str
    at: float
    to_tag: str
    remote_target: str
    route_set: tuple[str, ...]
    cseq: int


class LegKeyed(msgspec.Struct, frozen=True, kw_only=True, tag="keyed"):
    """The script stored an answer: `name` is the script's, `value` what it stores."""

    leg: str
    at: float
    name: str
    value: str


class LegIdentified(msgspec.Struct, frozen=True, kw_only=True, tag="identified"):
    """Who took the call, or that it cannot be told; for a leg whose script wants to know."""

    leg: str
    at: float
    verdict: Verdict


class LegStep(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """The script entered a step. For the call's log only."""

    leg: str
    at: float
    step: str


class LegEnded(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """The leg is over and its ports are free. The last word on a leg, said exactly once."""

    leg: str
    at: float
    outcome: Outcome
    answered: bool
    rang: bool
    """Some 18x was seen: the person's phone may have rung."""
    sent: bool = True
    """False: no INVITE byte ever left."""
    sip_code: int = 0
    reason: str = ""
    """Short and stable, e.g. `486 Busy Here`, `ring timeout`, `no reply`, `script ended`."""
    finished: bool = False
    """The script ran to its end (a survey counts such a visit as a response)."""
    retry_after_s: float = 0.0
    lost_packets: int = 0
    received_packets: int = 0
    sent_packets: int = 0
    jitter_ms: float = 0.0
    far_lost_packets: int = 0
    """Of ours, by the peer's reports; so is `far_jitter_ms`."""
    far_jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    """None: the peer has reported nothing that tells."""


class OrphanEnded(msgspec.Struct, frozen=True, kw_only=True, tag="orphan_ended"):
    """An orphan was hung up, or nobody answered for it: `ended` says which."""

    attempt: str
    ended: bool
    reason: str = ""


class LineLog(msgspec.Struct, frozen=True, kw_only=True, tag="log"):
    """Something an operator should read, e.g. a trunk that refuses our credentials."""

    level: str
    text: str
    facts: dict[str, Any] = {}


FromLine = (
    LineReady
    | LegSent
    | LegRinging
    | LegAnswered
    | LegKeyed
    | LegIdentified
    | LegStep
    | LegEnded
    | OrphanEnded
    | TrunkStands
    | LineLog
)


class Line(Protocol):
    """A way to place legs: the embedded SIP line in its own process, or one in this one."""

    async def start(self, heard: Callable[[FromLine], None]) -> LineReady:
        """Begin; from now on `heard` gets every message, in order, in the event loop.

        Raises:
            Unavailable: the line could not bind its sockets or find its trunk's host.
        """
        ...

    def say(self, message: ToLine) -> None:
        """Queue one message for the line; never blocks."""
        ...

    async def stop(self) -> None:
        """Hang up everything, wait until the peers know, and release the sockets."""
        ...

    def when_gone(self) -> Awaitable[str]:
        """Resolves with a reason when the line has died or stopped."""
        ...
