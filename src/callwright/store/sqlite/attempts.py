"""The life of a call once it is claimed: its attempts, what was keyed, how it ended."""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.ids import CallId, DeploymentId, OwnerId
from callwright.domain.lifecycle import TRANSITIONS, CallState
from callwright.errors import IllegalTransition
from callwright.ports.store import ActiveCall, AttemptEnd, Dialog, Intent
from callwright.store.sqlite.claims import ClaimChanges
from callwright.store.sqlite.values import (
    Row,
    json_texts,
    schedule_of,
    to_json,
    to_micros,
    to_time,
)


class AttemptChanges(ClaimChanges):
    """What the line reports, and what was decided about it."""

    def begin_attempt(self, intent: Intent) -> bool:
        claim = {"call": intent.call_id, "attempt": intent.attempt}
        moved = self._change("start_dialing", owner=intent.owner, trunk=intent.trunk, **claim)
        if moved == 0:
            return False
        self._change(
            "add_attempt",
            at=to_micros(intent.at),
            trunk=intent.trunk,
            number=intent.number,
            caller_id=intent.caller_id,
            sip_call_id=intent.sip_call_id,
            from_tag=intent.from_tag,
            branch=intent.branch,
            cseq=intent.cseq,
            local_sip=intent.local_sip,
            **claim,
        )
        return True

    def note_sent(self, call_id: CallId, attempt: int, remote_address: str) -> None:
        self._change("note_sent", call=call_id, attempt=attempt, remote_address=remote_address)

    def note_ringing(self, call_id: CallId, attempt: int, at: datetime) -> None:
        self._change("note_ringing", call=call_id, attempt=attempt, at=to_micros(at))

    def note_answered(
        self, call_id: CallId, attempt: int, owner: OwnerId, at: datetime, dialog: Dialog
    ) -> bool:
        if self._change("start_talking", call=call_id, attempt=attempt, owner=owner) == 0:
            return False
        self._change_one(
            "note_answered",
            call=call_id,
            attempt=attempt,
            at=to_micros(at),
            to_tag=dialog.to_tag,
            remote_target=dialog.remote_target,
            route_set=to_json(dialog.route_set),
            cseq=dialog.cseq,
        )
        return True

    def add_answer(
        self, call_id: CallId, attempt: int, at: datetime, name: str, value: str
    ) -> None:
        self._change(
            "add_answer", call=call_id, attempt=attempt, at=to_micros(at), name=name, value=value
        )

    def retry_call(self, active: ActiveCall, end: AttemptEnd, due_at: datetime) -> bool:
        _check_move(active.state, CallState.WAITING, dialed=True)
        counts = self._leave_active(active)
        if counts is None:
            return False
        counted, given_back = counts
        self._end_attempt(active, end)
        if not end.counts:
            counted, given_back = counted - 1, given_back + 1
        self._put_back(active.call_id, due_at, counted, given_back)
        return True

    def end_active_call(
        self, active: ActiveCall, end: AttemptEnd | None, state: CallState, at: datetime
    ) -> bool:
        _check_move(active.state, state, dialed=end is not None)
        if not state.is_final:
            raise IllegalTransition(active.state, f"end as {state}")
        if self._leave_active(active) is None:
            return False
        if end is not None:
            self._end_attempt(active, end)
        self._change("end_call", call=active.call_id, state=state.value, at=to_micros(at))
        return True

    def active_call(self, call_id: CallId, attempt: int, owner: OwnerId) -> ActiveCall | None:
        row = self._find("active_call", call=call_id, attempt=attempt, owner=owner)
        return None if row is None else _active_call(row)

    def active_calls(self, owner: OwnerId) -> Sequence[ActiveCall]:
        return [_active_call(row) for row in self._rows("active_calls", owner=owner)]

    def dead_calls(self, alive_since: datetime) -> Sequence[ActiveCall]:
        rows = self._rows("dead_calls", alive_since=to_micros(alive_since))
        return [_active_call(row) for row in rows]

    def _leave_active(self, active: ActiveCall) -> tuple[int, int] | None:
        row = self._row(
            "leave_active",
            call=active.call_id,
            attempt=active.attempt,
            owner=active.owner,
            state=active.state.value,
        )
        if row is None:
            return None
        counted, given_back = row
        return counted, given_back

    def _end_attempt(self, active: ActiveCall, end: AttemptEnd) -> None:
        self._change_one(
            "end_attempt",
            call=active.call_id,
            attempt=active.attempt,
            at=to_micros(end.at),
            outcome=end.outcome.value,
            counts=end.counts,
            sip_code=end.sip_code,
            reason=end.reason,
        )


def _check_move(state: CallState, target: CallState, *, dialed: bool) -> None:
    """Refuse a move that the table of the life cycle does not have.

    An attempt ends exactly when one was begun: a claim was never dialled.
    """
    if target not in TRANSITIONS[state].values() or dialed == (state is CallState.CLAIMED):
        raise IllegalTransition(state, f"become {target}")


def _active_call(row: Row) -> ActiveCall:
    call, attempt, owner, state, trunk, claimed_at, counted, given_back, deployment = row[:9]
    call_id, owner_id = CallId(call), OwnerId(owner)
    remote_address, rang_at, *dialog = row[27:]
    return ActiveCall(
        call_id=call_id,
        attempt=attempt,
        owner=owner_id,
        state=CallState(state),
        deployment_id=DeploymentId(deployment),
        trunk=trunk,
        claimed_at=to_time(claimed_at),
        counted=counted,
        given_back=given_back,
        schedule=schedule_of(row[9:17]),
        canceled=bool(row[17]),
        intent=None if row[18] is None else _intent(call_id, attempt, owner_id, row[18:27]),
        remote_address=str(remote_address or ""),
        dialog=None if dialog[0] is None else _dialog(tuple(dialog)),
        rang=rang_at is not None,
    )


def _intent(call: CallId, attempt: int, owner: OwnerId, columns: Row) -> Intent:
    at, trunk, number, caller_id, sip_call_id, from_tag, branch, cseq, local_sip = columns
    return Intent(
        call_id=call,
        attempt=attempt,
        owner=owner,
        at=to_time(at),
        trunk=trunk,
        number=number,
        caller_id=caller_id,
        sip_call_id=sip_call_id,
        from_tag=from_tag,
        branch=branch,
        cseq=cseq,
        local_sip=local_sip,
    )


def _dialog(columns: Row) -> Dialog:
    to_tag, remote_target, route_set, cseq = columns
    return Dialog(
        to_tag=to_tag,
        remote_target=remote_target,
        route_set=json_texts(route_set),
        cseq=cseq,
    )
