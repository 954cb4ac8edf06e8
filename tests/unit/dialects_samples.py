"""Domain values that the tests of the dialects start from."""

from datetime import UTC, datetime, timedelta
from typing import Any

from callwright.dialects.contacts import ListLimits, all_or_nothing
from callwright.dialects.form import Form
from callwright.dialects.registry import Dialect
from callwright.domain.account import Deployment, Product, Program
from callwright.domain.call import Attempt, CallDetails, Contact, Schedule
from callwright.domain.history import history_of
from callwright.domain.ids import (
    AccountId,
    BatchId,
    CallId,
    DeploymentId,
    ProgramId,
    UserId,
)
from callwright.domain.lifecycle import CallState
from callwright.domain.phone import parse_dial_string
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window

LIMITS = ListLimits()


def at(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)


def deployment_of(product: Product, *, metadatabase: tuple[str, ...] | None = None) -> Deployment:
    program = Program(
        id=ProgramId(1),
        product=product,
        account_id=AccountId(1),
        owner_id=UserId(1),
        name="sample",
        created_at=at(0),
        metadatabase=metadatabase,
    )
    return Deployment(id=DeploymentId(2), program=program, label="", script="{}", created_at=at(0))


def details_of(
    product: Product,
    *,
    sent: str = "6173720293",
    queued: float = 1475095892,
    state: CallState = CallState.QUEUED,
    attempts: tuple[Attempt, ...] = (),
    ended: float | None = None,
    start: float | None = None,
    end: float | None = None,
    max_attempts: int = 1,
    wait_s: int | None = None,
) -> CallDetails:
    schedule = Schedule(
        window=Window(
            opens_at=at(queued if start is None else start),
            closes_at=None if end is None else at(end),
        ),
        start_given=start is not None,
        retry=RetryPolicy(max_attempts=max_attempts, wait=timedelta(seconds=wait_s or 0)),
        wait_given=wait_s is not None,
    )
    return CallDetails(
        id=CallId(12345),
        batch_id=BatchId(1),
        deployment_id=DeploymentId(2),
        product=product,
        account_id=AccountId(1),
        user_id=UserId(1),
        contact=Contact(dial=parse_dial_string(sent), variables={}),
        schedule=schedule,
        queued_at=at(queued),
        state=state,
        history=history_of(
            at(queued), attempts, state=state, ended_at=None if ended is None else at(ended)
        ),
        attempts=attempts,
    )


def answered(number: int, started: float, answered_at: float, ended: float | None) -> Attempt:
    facts: dict[str, Any] = {} if ended is None else {"ended_at": at(ended)}
    return Attempt(number=number, started_at=at(started), answered_at=at(answered_at), **facts)


def decode_list(dialect: Dialect, form: Form, **common: Any) -> tuple[Schedule, list[Contact]]:
    """What a `bulk_queue` request asks for, every row read and right."""
    schedule, ready = dialect.open_contacts(form, limits=LIMITS, **common)
    return schedule, list(all_or_nothing(ready.contacts()))
