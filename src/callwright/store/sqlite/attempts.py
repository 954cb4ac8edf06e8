"""The life of a call once it is claimed: its attempts, what was keyed, how it ended."""

from collections.abc import Collection, Iterable, Sequence, Set
from datetime import datetime

import msgspec

from callwright.domain.ids import CallId, DeploymentId, OwnerId
from callwright.domain.lifecycle import TRANSITIONS, CallState
from callwright.domain.retry import NEVER
from callwright.errors import IllegalTransition
from callwright.ports.motion import (
    ActiveCall,
    AttemptEnd,
    CallEnd,
    Dialog,
    HaltedCall,
    Hold,
    Intent,
    Progress,
    Retry,
)
from callwright.store.sqlite.claims import ClaimChanges
from callwright.store.sqlite.values import (
    STATES,
    Row,
    Value,
    json_list,
    json_texts,
    schedule_of,
    to_json,
    to_micros,
    to_micros_or_none,
    to_time,
)


class AttemptChanges(ClaimChanges):
    """What the line reports, and what was decided about it."""

    def begin_attempts(self, intents: Sequence[Intent]) -> Set[CallId]:
        written = self._change_rows(
            "add_attempt",
            (
                (
                    intent.call_id,
                    intent.attempt,
                    to_micros(intent.at),
                    intent.trunk,
                    intent.number,
                    intent.caller_id,
                    intent.sip_call_id,
                    intent.from_tag,
                    intent.branch,
                    intent.cseq,
                    intent.local_sip,
                    intent.owner,
                )
                for intent in intents
            ),
        )
        return {call for (call,) in written}

    def note_progress(self, reports: Sequence[Progress]) -> Set[CallId]:
        if len({report.hold.call_id for report in reports}) < len(reports):
            # Of two reports of one attempt the later one builds on what the earlier one left.
            return {call for report in reports for call in self.note_progress([report])}
        answered = self._change_rows(
            "note_answer",
            (
                _heard(report) + _answer(report.answered_at, report.dialog) + report.hold
                for report in reports
                if report.dialog is not None
            ),
        )
        talking = {call for (call,) in answered}
        self._change_rows(
            "note_ringing",
            (
                (*heard, report.hold.call_id, report.hold.attempt)
                for report in reports
                if report.hold.call_id not in talking and any(heard := _heard(report))
            ),
        )
        self._change_many(
            "add_answer",
            (
                (
                    report.hold.call_id,
                    report.hold.attempt,
                    to_micros(keyed.at),
                    keyed.name,
                    keyed.value,
                )
                for report in reports
                for keyed in report.keyed
            ),
        )
        self._change_many(
            "identify",
            (
                (report.hold.call_id, report.hold.attempt, verdict.who.value, verdict.cause)
                for report in reports
                if (verdict := report.identified) is not None
            ),
        )
        return talking

    def halt_calls(self, holds: Collection[Hold]) -> Sequence[HaltedCall]:
        wanted = set(holds)
        rows = self._rows("calls_in_motion", calls=_ids(hold.call_id for hold in holds))
        found = [row for row in rows if (row[0], row[1], row[2]) in wanted]
        self._change("leave_active", calls=_ids(row[0] for row in found))
        return [_halted(row) for row in found]

    def retry_calls(self, retries: Sequence[Retry]) -> None:
        if not retries:
            return
        for retry in retries:
            _check_move(retry.call.state, CallState.WAITING, dialed=True)
        self._end_attempts([(retry.call.hold, retry.end) for retry in retries])
        self._put_back(
            [
                (
                    retry.call.hold.call_id,
                    retry.due_at,
                    retry.call.counted - (not retry.end.counts),
                    retry.call.given_back + (not retry.end.counts),
                )
                for retry in retries
            ]
        )

    def end_calls(self, ends: Sequence[CallEnd]) -> None:
        for over in ends:
            _check_move(over.call.state, over.state, dialed=over.end is not None)
            if not over.state.is_final:
                raise IllegalTransition(over.call.state, f"end as {over.state}")
        self._end_attempts([(over.call.hold, over.end) for over in ends if over.end is not None])
        self._change_rows(
            "end_call",
            ((over.call.hold.call_id, over.state.value, to_micros(over.at)) for over in ends),
        )
        self._change_many(
            "add_refusal",
            ((over.call.hold.call_id, over.reason) for over in ends if over.reason),
        )

    def active_call(self, call_id: CallId, attempt: int, owner: OwnerId) -> ActiveCall | None:
        row = self._find("active_call", call=call_id, attempt=attempt, owner=owner)
        return None if row is None else _active_call(row)

    def active_calls(self, owner: OwnerId) -> Sequence[ActiveCall]:
        return [_active_call(row) for row in self._rows("active_calls", owner=owner)]

    def holds(self, owner: OwnerId) -> Sequence[Hold]:
        return [
            Hold(CallId(call), attempt, owner) for call, attempt in self._rows("holds", owner=owner)
        ]

    def dead_calls(self, alive_since: datetime) -> Sequence[ActiveCall]:
        rows = self._rows("dead_calls", alive_since=to_micros(alive_since))
        return [_active_call(row) for row in rows]

    def note_death(self, hold: Hold, at: datetime) -> int:
        call, attempt, owner = hold
        self._change("add_death", call=call, attempt=attempt, owner=owner, at=to_micros(at))
        return self._number("deaths_of_call", call=call)

    def quarantine(self, call_id: CallId, now: datetime) -> bool:
        if not self._change("set_due", call=call_id, next_at=to_micros(NEVER)):
            return False
        self._change("add_quarantine", call=call_id, now=to_micros(now))
        return True

    def release_quarantined(self, call_id: CallId, now: datetime) -> bool:
        if not self._change("remove_quarantine", call=call_id):
            return False
        self._change_one("set_due", call=call_id, next_at=to_micros(now))
        self._change("forget_deaths", call=call_id)
        return True

    def _end_attempts(self, ends: Sequence[tuple[Hold, AttemptEnd]]) -> None:
        ended = self._count_changes(
            "end_attempt",
            (
                (
                    to_micros(end.at),
                    end.outcome.value,
                    end.counts,
                    end.sip_code,
                    end.reason,
                    hold.call_id,
                    hold.attempt,
                )
                for hold, end in ends
            ),
        )
        if ended != len(ends):
            raise ValueError("an attempt that ends was never written down, or is over")
        self._change_many(
            "add_audio",
            (
                (hold.call_id, hold.attempt, *msgspec.structs.astuple(end.audio))
                for hold, end in ends
                if end.audio is not None
            ),
        )


def _ids(calls: Iterable[int]) -> str:
    return json_list(calls)


def _heard(report: Progress) -> tuple[Value, ...]:
    return report.remote_address, to_micros_or_none(report.rang_at), report.early_tag


def _answer(at: datetime | None, dialog: Dialog) -> tuple[Value, ...]:
    return (
        to_micros_or_none(at),
        dialog.to_tag,
        dialog.remote_target,
        to_json(dialog.route_set),
        dialog.cseq,
    )


def _check_move(state: CallState, target: CallState, *, dialed: bool) -> None:
    """Refuse a move that the table of the life cycle does not have.

    An attempt ends exactly when one was begun: a claim was never dialled.
    """
    if target not in TRANSITIONS[state].values() or dialed == (state is CallState.CLAIMED):
        raise IllegalTransition(state, f"become {target}")


def _halted(row: Row) -> HaltedCall:
    call, attempt, owner, state, counted, given_back, deployment, canceled, rang = row[:9]
    return HaltedCall(
        hold=Hold(CallId(call), attempt, OwnerId(owner)),
        state=STATES[state],
        deployment_id=DeploymentId(deployment),
        counted=counted,
        given_back=given_back,
        schedule=schedule_of(row[9:]),
        canceled=bool(canceled),
        rang=bool(rang),
    )


def _active_call(row: Row) -> ActiveCall:
    call, attempt, owner, state, trunk, claimed_at, counted, given_back, deployment = row[:9]
    call_id, owner_id = CallId(call), OwnerId(owner)
    remote_address, rang_at, early_tag, *dialog = row[28:]
    return ActiveCall(
        call_id=call_id,
        attempt=attempt,
        owner=owner_id,
        state=STATES[state],
        deployment_id=DeploymentId(deployment),
        trunk=trunk,
        claimed_at=to_time(claimed_at),
        counted=counted,
        given_back=given_back,
        schedule=schedule_of(row[9:18]),
        canceled=bool(row[18]),
        intent=None if row[19] is None else _intent(call_id, attempt, owner_id, row[19:28]),
        remote_address=str(remote_address or ""),
        early_tag=str(early_tag or ""),
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
