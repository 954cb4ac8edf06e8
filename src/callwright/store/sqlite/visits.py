"""Conversations that are over, by program and moment."""

from collections import defaultdict
from collections.abc import Sequence

from callwright.domain.ids import CallId, DeploymentId, ProgramId
from callwright.domain.phone import PhoneNumber
from callwright.domain.visit import Keyed, Visit
from callwright.ports.visits import EndedVisit, VisitsSought
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import (
    Row,
    Value,
    json_list,
    to_micros,
    to_time,
    to_time_or_none,
)

_FIRST, _LAST = -(2**63), 2**63 - 1


class VisitQuestions(Session):
    """Looking through them."""

    def count_visits(self, sought: VisitsSought) -> int:
        return self._number("count_visits", **_limits(sought))

    def visits(self, sought: VisitsSought, *, offset: int, limit: int) -> Sequence[Visit]:
        rows = self._rows("visits", offset=offset, limit=limit, **_limits(sought))
        calls = json_list({row[0] for row in rows})
        keyed: dict[tuple[Value, Value], list[Keyed]] = defaultdict(list)
        for call, attempt, at, name, value in self._rows("answers_of_calls", calls=calls):
            keyed[call, attempt].append(Keyed(at=to_time(at), name=name, value=value))
        return [_visit(row, keyed.get((row[0], row[1]), ())) for row in rows]


class VisitChanges(VisitQuestions):
    """Adding them."""

    def add_visits(self, ended: Sequence[EndedVisit]) -> None:
        self._change_rows(
            "add_visit", ((visit.finished, visit.call_id, visit.attempt) for visit in ended)
        )


def _limits(sought: VisitsSought) -> dict[str, Value]:
    since, before = sought.answered_from, sought.answered_before
    return {
        "programs": json_list(sought.program_ids),
        "user": sought.user_id,
        "number": None if sought.number is None else sought.number.e164,
        "answered_from": _FIRST if since is None else to_micros(since),
        "answered_before": _LAST if before is None else to_micros(before),
    }


def _visit(row: Row, keyed: Sequence[Keyed]) -> Visit:
    call, attempt, program, deployment, dialed, caller_id = row[:6]
    queued_at, started_at, rang_at, answered_at, ended_at, finished = row[6:]
    return Visit(
        call_id=CallId(call),
        attempt=attempt,
        program_id=ProgramId(program),
        deployment_id=DeploymentId(deployment),
        number=PhoneNumber(dialed),
        caller_id=caller_id,
        queued_at=to_time(queued_at),
        started_at=to_time(started_at),
        rang_at=to_time_or_none(rang_at),
        answered_at=to_time(answered_at),
        ended_at=to_time(ended_at),
        finished=bool(finished),
        keyed=keyed,
    )
