"""What a simulated server needs before it can be asked for anything: a user and a deployment."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from callwright.domain.account import Deployment, Product, Program, User
from callwright.domain.ids import AccountId, DeploymentId, ProgramId, UserId
from callwright.domain.limits import UNLIMITED, Limited, LimitKind, Limits
from callwright.domain.phone import PhoneNumber
from callwright.ivr.load import load
from callwright.ivr.script import dump
from callwright.ports.store import WriteTx
from callwright.service.authenticate import hash_key

FLOW = """
callwright: 1
name: simulated
start: greet
steps:
  greet:
    say: Hello
    next: hangup
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What a list is called for, and what holds for its calls beside the trunk's limits."""

    deployment: Deployment
    account_limits: Limits = UNLIMITED
    deployment_limits: Limits = UNLIMITED
    trunk_limits: Mapping[str, Limits] = field(default_factory=dict)
    """By name, those of trunks that were changed while the server ran."""
    suppressed: Sequence[PhoneNumber] = ()
    """Numbers that its account never calls."""
    waiting: int = 0
    """Calls of all lists and deployments that wait in the store, and are not rehearsed."""


def sample_deployment(trunk: str = "") -> Deployment:
    """A deployment, of no store yet, of a flow that says hello."""
    beginning = datetime(2000, 1, 1, tzinfo=UTC)
    program = Program(
        id=ProgramId(0),
        product=Product.FUSE,
        account_id=AccountId(0),
        owner_id=UserId(0),
        name="simulated",
        created_at=beginning,
    )
    return Deployment(
        id=DeploymentId(0),
        program=program,
        label="",
        script=dump(load(FLOW, "simulated flow")),
        trunk=trunk,
        created_at=beginning,
    )


def add_deployment(tx: WriteTx, like: Deployment, now: datetime) -> tuple[User, Deployment]:
    """A deployment just like one that stands elsewhere, and the user whose it is.

    Responses that the other has had already are taken off what this one may have.
    """
    account = tx.add_account("simulated", now)
    tx.add_user(account, "you@yourdomain.com", hash_key("key"), is_admin=False, now=now)
    user = tx.user_by_email("you@yourdomain.com")
    assert user is not None
    program = tx.add_program(
        like.program.product,
        user,
        like.program.name,
        metadatabase=None,  # what a list may bring is known when it is read
        script=like.script,
        now=now,
    )
    left = None if like.max_responses is None else max(0, like.max_responses - like.responses)
    deployment_id = tx.add_deployment(
        program,
        label=like.label,
        script=like.script,
        variables=like.variables,
        caller_id=like.caller_id,
        trunk=like.trunk,
        expires_at=like.expires_at,
        max_responses=left,
        now=now,
    )
    deployment = tx.deployment(deployment_id)
    assert deployment is not None
    return user, deployment


def add_called(tx: WriteTx, like: Called, now: datetime) -> tuple[User, Deployment]:
    """The same with all that holds for its calls."""
    user, deployment = add_deployment(tx, like.deployment, now)
    tx.set_limits(Limited(LimitKind.ACCOUNT, user.account_id), like.account_limits)
    tx.set_limits(Limited(LimitKind.DEPLOYMENT, deployment.id), like.deployment_limits)
    for number in like.suppressed:
        tx.suppress(user.account_id, number, None, now)
    return user, deployment


@contextmanager
def listening_for_faults(complain: Callable[[str], None]) -> Iterator[None]:
    """Keep quiet what the server logs, and pass on what it logs of faults in itself."""

    def hear(_: object, __: str, event: MutableMapping[str, object]) -> Mapping[str, object]:
        if (fault := event.get("exc_info")) is not None:
            complain(f"{event['event']}: {fault!r} {sorted(event.items(), key=str)!r}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[hear],
        wrapper_class=structlog.make_filtering_bound_logger(40),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
