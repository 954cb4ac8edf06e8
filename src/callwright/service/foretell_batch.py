"""What is to be expected of a batch, or of calls that are about to be queued."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callwright.domain.account import Deployment, User
from callwright.domain.call import Schedule
from callwright.domain.forecast import Forecast, Pace, Work, foretell
from callwright.domain.ids import BatchId, CallId
from callwright.domain.outcome import TRAITS, Outcome
from callwright.domain.pace import ASSUMED, Measured, TrunkStanding
from callwright.domain.retry import RetryRules
from callwright.domain.situation import Rule, When
from callwright.errors import Conflict
from callwright.ports.control import Batch, BatchState
from callwright.ports.pacing_view import PacingPicture
from callwright.ports.places import AttemptSum, Place
from callwright.ports.store import ReadTx
from callwright.service.find_owned import find_batch
from callwright.service.why_waiting import count_before, count_others, limits_of, why_next

LOOK_BACK = 1000
"""The latest attempts of a batch that say what the next will be like."""

NEWEST = 2**62
"""Beyond every list that is live."""


class Basis(StrEnum):
    """What the length of attempts, and how often one suffices, were taken from."""

    BATCH = "batch"
    TRUNK = "trunk"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """A forecast and what it stands on."""

    forecast: Forecast
    closes_at: datetime | None
    before: int
    """Calls of the same deployment that go before."""
    measured: Measured
    basis: Basis
    assumes: tuple[Rule, ...]
    """What holds it, and is taken to be lifted at once."""


def foretell_batch(
    tx: ReadTx, user: User, batch_id: BatchId, picture: PacingPicture, now: datetime
) -> Foretold:
    """What is to be expected of a batch.

    Raises:
        NotFound, NotPermitted: as `find_batch`.
        Conflict: it is being loaded, or no trunk of its name is configured.
    """
    batch = find_batch(tx, user, batch_id)
    if batch.state is BatchState.LOADING:
        raise Conflict("The batch is being loaded: nothing can be foretold yet.")
    foretold = foretell_live(tx, batch, picture, now)
    if foretold is None:
        raise Conflict("Nothing is known of its trunk: it is not configured, or nothing runs.")
    return foretold


def foretell_live(
    tx: ReadTx, batch: Batch, picture: PacingPicture, now: datetime
) -> Foretold | None:
    """The same for a batch that is live; None: nobody knows of its trunk."""
    deployment = tx.deployment(batch.deployment_id)
    first = tx.batch_calls(batch.id, now, 1)
    assert deployment is not None
    schedule = first[0].schedule
    next_call = None if batch.canceled_at is not None else tx.next_of_batch(batch.id, now)
    place = None if next_call is None else tx.place_of(next_call)
    trunk = picture.trunks.get(deployment.trunk if place is None else place.trunk)
    if trunk is None:
        return None
    left = tx.batch_work(batch.id, look_back=LOOK_BACK)
    most = schedule.retry.max_attempts
    work = Work(
        untried=0 if place is None else left.untried,
        tried={} if place is None else {most - used: n for used, n in left.tried.items()},
        in_motion={most - used: count for used, count in left.in_motion.items()},
        max_attempts=most,
        opens_at=schedule.window.opens_at,
        last_due_at=left.last_due_at,
        closes_at=schedule.window.closes_at,
        wait=schedule.retry.wait,
        rules=deployment.retry,
    )
    assumes: tuple[Rule, ...] = ()
    if next_call is not None:
        reasons = why_next(tx, next_call, picture, now).why.reasons
        assumes = tuple(
            reason.rule
            for reason in reasons
            if reason.when is When.PERSON or reason.rule is Rule.TRUNK_TROUBLE
        )
    return _foretell(tx, work, place, trunk, picture, now, left.attempts, assumes)


def foretell_new(
    tx: ReadTx,
    deployment: Deployment,
    schedule: Schedule,
    calls: int,
    picture: PacingPicture,
    now: datetime,
) -> Foretold | None:
    """What would be to expect of so many calls if they were queued now; None: nobody knows of
    their trunk."""
    trunk = picture.trunks.get(deployment.trunk)
    if trunk is None:
        return None
    work = Work(
        untried=calls,
        tried={},
        in_motion={},
        max_attempts=schedule.retry.max_attempts,
        opens_at=schedule.window.opens_at,
        last_due_at=None,
        closes_at=schedule.window.closes_at,
        wait=schedule.retry.wait,
        rules=deployment.retry,
    )
    paused_at = tx.deployment_paused_at(deployment.id)
    place = Place(
        call_id=CallId(NEWEST),
        account_id=deployment.program.account_id,
        deployment_id=deployment.id,
        batch_id=BatchId(0),
        lane=None,
        trunk=deployment.trunk,
        next_at=max(now, schedule.window.opens_at),
        is_tried=False,
        live_seq=NEWEST,
        segment=None if calls == 1 else NEWEST,
        before_in_list=0,
        quarantined_at=None,
        batch_paused_at=None,
        deployment_paused_at=paused_at,
        is_settling=False,
    )
    lifted = {
        Rule.NOT_DIALLING: picture.server.not_dialling_because,
        Rule.SERVER_HELD: picture.server.held_at,
        Rule.DEPLOYMENT_PAUSED: paused_at,
        Rule.TRUNK_TROUBLE: trunk.probe_in_s is not None,
    }
    assumes = tuple(rule for rule, holds in lifted.items() if holds)
    return _foretell(tx, work, place, trunk, picture, now, {}, assumes)


def _foretell(
    tx: ReadTx,
    work: Work,
    place: Place | None,
    trunk: TrunkStanding,
    picture: PacingPicture,
    now: datetime,
    attempts: Mapping[Outcome, AttemptSum],
    assumes: tuple[Rule, ...],
) -> Foretold:
    measured, basis = _measured(attempts, work.rules, trunk)
    pace = Pace(trunk=trunk, limits=(), measured=measured)
    if place is not None:
        pace = Pace(
            trunk=trunk,
            limits=limits_of(tx, place, picture),
            measured=measured,
            before=count_before(tx, place, trunk, picture, now),
            others=count_others(tx, place.deployment_id, trunk, picture, now),
        )
    return Foretold(
        forecast=foretell(work, pace, now),
        closes_at=work.closes_at,
        before=pace.before,
        measured=measured,
        basis=basis,
        assumes=assumes,
    )


def _measured(
    attempts: Mapping[Outcome, AttemptSum], rules: RetryRules, trunk: TrunkStanding
) -> tuple[Measured, Basis]:
    """What was measured nearest to the batch, as soon as that is enough to go by."""
    of = {o: each for o, each in attempts.items() if not TRAITS[o].may_be_given_back}
    count = sum(each.count for each in of.values())
    if count:
        own = Measured(
            attempts=count,
            mean_s=sum(each.seconds for each in of.values()) / count,
            done_share=sum(each.count for o, each in of.items() if _is_last(o, rules)) / count,
        )
        if own.is_enough:
            return own, Basis.BATCH
    if trunk.measured.is_enough:
        return trunk.measured, Basis.TRUNK
    return ASSUMED, Basis.ASSUMED


def _is_last(outcome: Outcome, rules: RetryRules) -> bool:
    return not TRAITS[outcome].retryable or outcome in rules.never_after
