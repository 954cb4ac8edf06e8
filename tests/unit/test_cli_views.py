"""What commands make of the API's answers: words, tables, one error for one problem."""

import io
from typing import Any

import pytest
from rich.console import Console

from callwright.cli import api_client
from callwright.cli.api_client import ApiClient, ServerRefused, problem_error
from callwright.cli.follow import FINAL_STATES, describe
from callwright.cli.output import ServerUnreachable
from callwright.cli.trace_view import describe_call
from callwright.cli.watch_view import describe_counts, open_view, picture
from callwright.domain.lifecycle import CallState
from callwright.errors import CredentialsInvalid, FieldInvalid, Unavailable

QUEUED_AT = "2026-05-01T12:00:00.250000Z"

CALL: dict[str, Any] = {
    "id": 7,
    "batch_id": 7,
    "deployment_id": 3,
    "product": "fuse",
    "phone_number": "6175550100",
    "number": "+16175550100",
    "state": "queued",
    "is_paused": False,
    "is_quarantined": False,
    "queued_at": QUEUED_AT,
    "opens_at": QUEUED_AT,
    "closes_at": None,
    "attempts": 0,
    "max_attempts": 3,
    "last_outcome": None,
    "ended_at": None,
    "caller_id": "",
    "post_dial": "",
    "variables": {},
    "retry_wait_s": 60,
    "result_url": "",
    "next_attempt_at": None,
    "paused_at": None,
    "quarantined_at": None,
    "deaths": 0,
    "answers": {},
    "events": [{"event": "queued", "at": QUEUED_AT}],
    "attempt_log": [],
    "retry_of": None,
    "retried_by": [],
}

SIP: dict[str, Any] = {
    "code": None,
    "reason": "",
    "call_id": "a1@example",
    "remote_address": None,
}
ATTEMPT: dict[str, Any] = {
    "number": 1,
    "counts": True,
    "trunk": "main",
    "dialed": "+16175550100",
    "caller_id": "",
    "started_at": "2026-05-01T12:00:01Z",
    "rang_at": None,
    "answered_at": None,
    "ended_at": None,
    "ring_ms": None,
    "answer_ms": None,
    "talk_ms": None,
    "outcome": None,
    "fault": None,
    "sip": SIP,
    "answered_by": None,
    "answered_by_cause": None,
    "audio": None,
    "keyed": [],
}
BUSY = ATTEMPT | {
    "ended_at": "2026-05-01T12:00:02Z",
    "outcome": "busy",
    "fault": "callee",
    "sip": SIP | {"code": 486, "reason": "486 Busy Here"},
}
ANSWERED = ATTEMPT | {
    "number": 2,
    "started_at": "2026-05-01T12:01:02Z",
    "rang_at": "2026-05-01T12:01:02.5Z",
    "answered_at": "2026-05-01T12:01:04Z",
    "ended_at": "2026-05-01T12:01:10Z",
    "ring_ms": 500,
    "answer_ms": 2000,
    "talk_ms": 6000,
    "outcome": "answered",
    "fault": "none",
    "sip": SIP | {"code": 200, "reason": "script ended"},
    "answered_by": "voice",
    "answered_by_cause": "HUMAN-600-600",
    "audio": {
        "sent": 300,
        "received": 297,
        "lost": 3,
        "jitter_ms": 1.5,
        "far_lost": 2,
        "far_jitter_ms": 0.8,
        "round_trip_ms": 41.0,
    },
    "keyed": [{"at": "2026-05-01T12:01:08Z", "name": "choice", "value": "1"}],
}


def timeline(call: dict[str, Any], callback: dict[str, Any] | None = None) -> list[str]:
    """The lines of a trace below its facts."""
    return describe_call(call, callback).partition("\n\n")[2].splitlines()


def test_a_trace_is_in_the_order_in_which_things_happened():
    call = CALL | {
        "state": "completed",
        "attempts": 2,
        "ended_at": "2026-05-01T12:01:10Z",
        "events": [
            *CALL["events"],
            {"event": "dialing", "at": "2026-05-01T12:00:01Z"},
            {"event": "dialing", "at": "2026-05-01T12:01:02Z"},
            {"event": "connected", "at": "2026-05-01T12:01:04Z"},
            {"event": "disconnected", "at": "2026-05-01T12:01:10Z"},
        ],
        "attempt_log": [BUSY, ANSWERED],
    }
    callback = {
        "id": 4,
        "state": "pending",
        "webhook_id": "msg_1",
        "next_try_at": "2026-05-01T12:01:16Z",
        "log": [
            {
                "number": 1,
                "at": "2026-05-01T12:01:11Z",
                "status": None,
                "problem": "timeout",
                "took_ms": 15000,
                "address": "192.0.2.1",
            }
        ],
    }
    assert timeline(call, callback) == [
        "2026-05-01 12:00:00.250             queued",
        "2026-05-01 12:00:01.000  attempt 1  dials +16175550100 over main",
        "2026-05-01 12:00:01.000  attempt 1  SIP Call-ID a1@example",
        "2026-05-01 12:00:02.000  attempt 1  ends: busy (SIP 486 Busy Here); fault: callee",
        "2026-05-01 12:01:02.000  attempt 2  dials +16175550100 over main",
        "2026-05-01 12:01:02.000  attempt 2  SIP Call-ID a1@example",
        "2026-05-01 12:01:02.500  attempt 2  rings after 500 ms",
        "2026-05-01 12:01:04.000  attempt 2  answered after 2.0 s",
        "2026-05-01 12:01:04.000  attempt 2  answered by voice (HUMAN-600-600)",
        "2026-05-01 12:01:08.000  attempt 2  keyed choice = 1",
        (
            "2026-05-01 12:01:10.000  attempt 2  audio: 300 packets sent, 297 heard, 3 lost, "
            "jitter 1.5 ms; they report 2 lost, jitter 0.8 ms, round trip 41 ms"
        ),
        "2026-05-01 12:01:10.000  attempt 2  ends: answered (SIP 200, script ended); talked 6.0 s",
        "2026-05-01 12:01:10.000             completed",
        "2026-05-01 12:01:11.000  callback   try 1: timeout from 192.0.2.1 after 15000 ms",
    ]
    assert "callback   4, pending (msg_1), next try 2026-05-01 12:01:16Z" in describe_call(
        call, callback
    )


def test_an_attempt_that_was_given_back_says_so():
    outcome = {"outcome": "trunk_trouble", "fault": "carrier", "counts": False}
    given_back = BUSY | outcome | {"sip": SIP | {"code": 503, "reason": "503"}}
    call = CALL | {"state": "waiting", "attempt_log": [given_back]}
    assert timeline(call)[-1].endswith(
        "ends: trunk trouble (SIP 503); fault: carrier; given back, does not count"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "is queued"),
        ({"is_paused": True}, "is queued, and paused"),
        (
            {"state": "waiting", "is_quarantined": True},
            "is waiting, and quarantined: `callwright trace 7` says why",
        ),
        ({"state": "dialing", "attempts": 1}, "is dialing; attempt 1 of 3"),
        (
            {
                "state": "waiting",
                "attempts": 1,
                "last_outcome": "no_answer",
                "next_attempt_at": "2026-05-01T12:01:02Z",
            },
            "waits: no answer; attempt 1 of 3; again 2026-05-01 12:01:02Z",
        ),
        (
            {"state": "exhausted", "attempts": 3, "last_outcome": "busy"},
            "exhausted: busy; attempt 3 of 3",
        ),
        ({"state": "expired"}, "expired"),
    ],
)
def test_how_a_call_stands_in_words(changes, words):
    assert describe(CALL | changes) == words


def test_final_states_are_those_of_the_server():
    assert {state.value for state in CallState if state.is_final} == FINAL_STATES


def test_every_state_has_its_place_among_the_counts():
    assert set(describe_counts({state.value: 1 for state in CallState}).split(", ")) == {
        f"1 {state.value}" for state in CallState
    }
    assert describe_counts({"completed": 2, "queued": 1}) == "1 queued, 2 completed"


def batch(**changes: Any) -> dict[str, Any]:
    counts = {"queued": 3}
    return {
        "id": 4,
        "state": "live",
        "calls": 3,
        "counts": counts,
        "is_over": False,
        "paused_at": None,
        **changes,
    }


def test_the_picture_shows_batches_and_the_calls_of_a_short_one():
    screen = Console(file=io.StringIO(), width=100)
    call = CALL | {"state": "exhausted", "attempts": 3, "last_outcome": "no_answer"}
    counts = {"queued": 2, "exhausted": 1}
    screen.print(picture([batch(counts=counts, paused_at=QUEUED_AT)], [call]))
    drawn = screen.file.getvalue()
    for text in ("1/3", "2 queued, 1 exhausted; paused", "+16175550100", "3/3", "no answer"):
        assert text in drawn


def test_without_a_terminal_a_line_comes_when_something_changed_and_at_the_end(capsys):
    with open_view() as view:
        view.draw([batch(state="loading", calls=2, counts={})], [])
        view.draw([batch()], [])
        over = batch(counts={"completed": 3}, is_over=True)
        view.draw([over], [])
        view.draw([over], [])
    assert capsys.readouterr().err.splitlines() == [
        "batch 4: loading, 2 calls stored",
        "batch 4: 3 of 3 over; 3 completed",
    ]


def problem(status: int, *errors: dict[str, object], detail: str = "no") -> dict[str, object]:
    kind = "urn:callwright:problem:some-kind"
    return {"type": kind, "status": status, "detail": detail, "errors": list(errors)}


def test_a_problem_becomes_an_error_of_its_kind():
    refused = problem_error(problem(409, detail="It is over."))
    assert isinstance(refused, ServerRefused)
    assert (str(refused), refused.status, refused.kind) == ("It is over.", 409, "some-kind")
    assert isinstance(problem_error(problem(401)), CredentialsInvalid)
    assert isinstance(problem_error(problem(503)), Unavailable)
    assert str(problem_error({"status": 404})) == "the server answered 404"


def test_a_field_is_told_as_the_option_that_was_typed():
    one = problem_error(problem(400, {"pointer": "/retry_wait_s", "detail": "is required"}))
    assert str(one) == "--reattempt-wait: is required"
    one = problem_error(problem(400, {"parameter": "state", "detail": "is none"}))
    assert str(one) == "--state: is none"


def test_several_errors_are_notes_but_not_too_many():
    errors = [{"line": line, "detail": "bad"} for line in range(2, 14)]
    error = problem_error(problem(400, *errors, detail="12 bad rows."))
    assert str(error) == "12 bad rows."
    assert error.__notes__[0] == "line 2: bad"
    assert len(error.__notes__) == 11
    assert error.__notes__[-1] == "(the first 10)"
    single = problem_error(problem(400, errors[0], detail="1 bad row."))
    assert str(single) == "1 bad row; line 2: bad"


def test_a_server_may_be_away_once_it_has_answered(monkeypatch):
    monkeypatch.setattr(api_client, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(api_client, "POLL_S", 0.0)
    answers = iter([1, ServerUnreachable("restarts"), Unavailable("starts"), 2])

    def ask() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with ApiClient("http://127.0.0.1:9", ("user", "key")) as client:
        looks = client.again(ask)
        assert [next(looks), next(looks)] == [1, 2]
        answers = iter([FieldInvalid("x", "is wrong")])
        with pytest.raises(FieldInvalid):
            next(looks)
        answers = iter([ServerUnreachable("was never there")])
        with pytest.raises(ServerUnreachable):
            next(client.again(ask))
        monkeypatch.setattr(api_client, "PATIENCE_S", -1.0)
        answers = iter([1, ServerUnreachable("is gone for good")])
        looks = client.again(ask)
        assert next(looks) == 1
        with pytest.raises(ServerUnreachable):
            next(looks)


def test_a_batch_under_way_is_shown_with_its_forecast() -> None:
    forecast = {"ends_at": "2026-05-01T13:00:00Z", "will_not_fit": 1, "assumes": ["no_line"]}
    screen = Console(file=io.StringIO(), width=160)
    screen.print(picture([batch(counts={"queued": 2}, forecast=forecast)], []))
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    told = "2 queued; over about 2026-05-01 13:00:00Z; 1 call will not fit; held by no_line"
    assert told in shown
