"""`call`, `retry`, `trace`, `ls`, `cancel`, `pause`, `resume` against a server that dials."""

import pytest
from cli_world import (
    ANSWERS,
    BUSY,
    NO_SUCH_NUMBER,
    PATIENCE_S,
    RINGS_FOR_EVER,
    number_in,
)

from callwright.testing.peers.free_ports import free_tcp_port
from callwright.testing.peers.sink import callback_sink
from callwright.testing.peers.waiting import wait_for

TO_SHORT = ("--app", "3")


def test_a_call_is_queued_and_its_id_printed(shell):
    assert number_in(shell.run("call", BUSY, *TO_SHORT)) > 0
    queued = shell.ask("call", BUSY, *TO_SHORT, "--var", "first_name=Ana")
    assert queued["call_id"] == queued["call"]["id"]
    assert queued["call"]["variables"] == {"first_name": "Ana"}


def test_wait_succeeds_only_if_somebody_answered(shell):
    out = shell.run("call", ANSWERS, *TO_SHORT, "--wait")
    assert out == f"call {number_in(out)} completed: answered; attempt 1 of 1\n"
    assert shell.err.splitlines()[-1].startswith(f"call {number_in(out)} is ")
    failed = shell.ask("call", BUSY, *TO_SHORT, "--wait", code=1)
    assert (failed["state"], failed["call"]["last_outcome"]) == ("exhausted", "busy")


def test_a_schedule_goes_with_the_call(shell):
    call = shell.ask(
        *("call", BUSY, *TO_SHORT, "--start", "2099-01-01T10:00+01:00", "--end", "4102444800"),
        *("--max-attempts", "3", "--reattempt-wait", "600", "--result-url", "http://a.example/x"),
    )["call"]
    assert (call["opens_at"], call["closes_at"]) == ("2099-01-01T09:00:00Z", "2100-01-01T00:00:00Z")
    assert (call["max_attempts"], call["retry_wait_s"]) == (3, 600)
    assert call["result_url"] == "http://a.example/x"
    assert call["record"] is None
    for option, asked in (("--record", True), ("--no-record", False)):
        later = shell.ask("call", BUSY, *TO_SHORT, "--start", "2099-01-01", option)["call"]
        assert later["record"] is asked


def test_what_to_call_is_an_app_a_survey_or_a_deployment(shell):
    later = ("--start", "2099-01-01")
    for words, deployment in (
        (("--app", "3"), 3),
        (("--survey", "2"), 2),
        (("--deployment", "1"), 1),
        (("--app", "1", "--deployment", "1"), 1),
    ):
        assert shell.ask("call", BUSY, *words, *later)["call"]["deployment_id"] == deployment
    assert "3 is none of app 1" in shell.refuse("call", BUSY, "--app", "1", "--deployment", "3")
    shell.refuse("call", BUSY, code=2)
    shell.refuse("call", BUSY, "--app", "1", "--survey", "2", code=2)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("call", "911", *TO_SHORT), "NUMBER: is an emergency or service number"),
        (("call", "12", *TO_SHORT), "NUMBER: must have 10 digits"),
        (("call", BUSY, "--app", "77"), "No application was found."),
        (("call", BUSY, "--deployment", "77"), "No deployment was found."),
        (("call", BUSY, *TO_SHORT, "--max-attempts", "2"), "--reattempt-wait: is required"),
        (("call", BUSY, *TO_SHORT, "--max-attempts", "0"), "--max-attempts: "),
        (("call", BUSY, *TO_SHORT, "--end", "2001-01-01"), "--end: is already past"),
        (("call", BUSY, *TO_SHORT, "--end", "soon"), "--end: must be a moment"),
        (("call", BUSY, *TO_SHORT, "--result-url", "ftp://x"), "--result-url: "),
        (("call", BUSY, *TO_SHORT, "--key", "x" * 20), "developer key is wrong"),
        (("call", BUSY, *TO_SHORT, "--key", ""), "CALLWRIGHT_KEY"),
        (("call", BUSY, *TO_SHORT, "--server", "http://[::"), "is no URL"),
        (("call", BUSY, *TO_SHORT, "--server", "nowhere"), "is no URL"),
        (("trace", "999999"), "No call was found."),
        (("retry", "999999"), "No call was found."),
        (("cancel", "batch", "999999"), "No batch was found."),
        (("watch", "999999"), "No batch was found."),
        (("pause", "deployment", "999999"), "No deployment was found."),
        (("ls", "calls", "--state", "lost"), "--state: "),
    ],
)
def test_what_is_refused_is_one_line_and_exit_code_3(shell, words, problem):
    assert problem in shell.refuse(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("call", BUSY, "--app", "x"),
        ("call", BUSY, *TO_SHORT, "--var", "novalue"),
        ("ls", "nonsense"),
        ("ls", "batches", "--number-ends", "0100"),
        ("cancel", "batch", "1", "--hang-up"),
        ("cancel", "app", "1"),
        ("trace", "x"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(shell, words):
    shell.refuse(*words, code=2)


def test_no_server_is_exit_code_4(shell):
    nowhere = f"http://127.0.0.1:{free_tcp_port()}"
    for words in (("call", BUSY, *TO_SHORT), ("ls",), ("watch",), ("trace", "1")):
        told = shell.refuse(*words, "--server", nowhere, code=4)
        assert told.startswith(f"callwright: no server answers at {nowhere}: ")


def test_the_settings_say_where_the_server_is(shell, server, monkeypatch):
    monkeypatch.delenv("CALLWRIGHT_SERVER_URL")
    monkeypatch.setenv("CALLWRIGHT_SERVER__LISTEN", server.url.removeprefix("http://"))
    shell.run("ls")
    monkeypatch.setenv("CALLWRIGHT_SERVER__LISTEN", f"127.0.0.1:{free_tcp_port()}")
    shell.refuse("ls", code=4)


def test_what_answers_may_be_something_else(shell):
    with callback_sink() as other:
        told = shell.refuse("ls", "--server", other.url(""), code=1)
    assert "no Callwright server" in told


def test_a_trace_tells_a_call_from_its_queueing_to_its_callback(shell):
    with callback_sink() as sink:
        queued = shell.ask(
            *("call", f"{BUSY};ani=6175550199", *TO_SHORT, "--var", "first_name=Ana"),
            *("--result-url", sink.url()),
        )
        number = str(queued["call_id"])

        def whole() -> str:
            text = shell.run("trace", number)
            return text if "try 1" in text else ""

        out = wait_for("callback", whole, within_s=PATIENCE_S)
    [attempt] = shell.ask("trace", number)["call"]["attempt_log"]
    sip = attempt["sip"]
    facts, _, timeline = out.partition("\n\n")
    *told, callback = [line[23:].strip() for line in timeline.splitlines()]
    assert told == [
        "queued",
        f"attempt 1  dials +16175550150 from +16175550199 over phones ({sip['remote_address']})",
        f"attempt 1  SIP Call-ID {sip['call_id']}",
        *([f"attempt 1  rings after {attempt['ring_ms']} ms"] if attempt["rang_at"] else []),
        "attempt 1  ends: busy (SIP 486 Busy Here); fault: callee",
        "exhausted",
    ]
    assert callback.startswith("callback   try 1: answered 200 from 127.0.0.1 after ")
    assert facts.splitlines()[0] == f"call {number}  exhausted"
    assert "variables   first_name = Ana" in facts
    assert f"result url  {sink.url()}" in facts


def test_a_callback_is_shown_with_what_went_over_the_line_and_sent_again(shell):
    with callback_sink() as sink:
        call = shell.ask("call", BUSY, *TO_SHORT, "--result-url", sink.url("/told"))["call_id"]
        sink.wait(1, path="/told", within_s=PATIENCE_S)
        [callback] = shell.ask("ls", "callbacks", "--call", str(call))["callbacks"]
        number = str(callback["id"])

        def whole() -> str:
            text = shell.run("callbacks", "show", number)
            return text if "try 1" in text else ""

        out = wait_for("its log", whole, within_s=PATIENCE_S)
        assert out.startswith(f"callback {number}  delivered\n")
        assert "try 1: answered 200 from 127.0.0.1 after " in out
        assert "    POST /told HTTP/1.1\n" in out
        assert "    HTTP/1.1 200 OK\n" in out
        assert f"    {sink.delivered('/told')[0].body.decode()}\n" in out
        assert shell.run("callbacks", "replay", number) == f"callback {number} is sent again\n"
        first, again = sink.wait(2, path="/told", within_s=PATIENCE_S)
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])


def test_what_was_given_up_since_a_moment_is_sent_again(shell):
    out = shell.run("callbacks", "replay", "--since", "2020-01-01", "--before", "2020-01-02T09:00")
    assert out == "0 callbacks sent again\n"
    assert shell.ask("callbacks", "replay", "--since", "2020-01-01") == {"replayed": 0}
    shell.refuse("callbacks", "replay", "--since", "noon")
    shell.refuse("callbacks", "replay", "1", "--since", "2020-01-01", code=2)
    shell.refuse("callbacks", "replay", code=2)
    shell.refuse("callbacks", "replay", "1", "--before", "2020-01-01", code=2)


def test_a_trace_as_json_has_the_callback_or_null(shell):
    queued = shell.ask("call", BUSY, *TO_SHORT, "--start", "2099-01-01")
    traced = shell.ask("trace", str(queued["call_id"]))
    assert list(traced) == ["call", "callback", "why"]
    assert traced["why"]["rule"] == "window_not_open"
    assert (traced["call"]["state"], traced["callback"]) == ("queued", None)


def test_ls_shows_calls_by_state_and_number(shell):
    call_id = shell.ask("call", NO_SUCH_NUMBER, *TO_SHORT, "--wait", code=1)["call_id"]
    found = shell.ask("ls", "calls", "--state", "exhausted", "--number-ends", "0153")["calls"]
    assert [call["id"] for call in found] == [call_id]
    header, *rows = shell.run("ls", "calls", "--limit", "2").splitlines()
    assert header.split() == ["CALL", "BATCH", "NUMBER", "STATE", "TRIES", "OUTCOME", "QUEUED"]
    assert len(rows) == 2
    assert rows[0].split()[:2] == [str(call_id)] * 2
    assert shell.ask("ls", "callbacks", "--call", str(call_id)) == {"callbacks": []}


def test_a_waiting_call_is_cancelled(shell):
    call_id = shell.ask("call", BUSY, *TO_SHORT, "--start", "2099-01-01")["call_id"]
    assert shell.run("cancel", "call", str(call_id)) == f"call {call_id} is canceled\n"
    assert shell.ask("cancel", "call", str(call_id))["call"]["state"] == "canceled"


def test_a_ringing_call_rings_on_unless_it_is_hung_up(shell):
    call_id = shell.ask("call", RINGS_FOR_EVER, *TO_SHORT)["call_id"]
    shell.call_in(call_id, "dialing")
    assert "is dialing and gets no further attempt" in shell.run("cancel", "call", str(call_id))
    shell.run("cancel", "call", str(call_id), "--hang-up")
    assert shell.call_in(call_id, "canceled")["last_outcome"] == "canceled"
    assert "over: it is" not in shell.run("cancel", "call", str(call_id))


def test_a_deployment_is_paused_resumed_and_cancelled(shell):
    assert shell.run("pause", "deployment", "1") == "deployment 1 is paused\n"
    call_id = shell.ask("call", BUSY, "--app", "1")["call_id"]
    assert shell.ask("trace", str(call_id))["call"]["is_paused"] is True
    text = shell.run("trace", str(call_id))
    assert f"call {call_id}  queued, paused" in text
    assert "until somebody resumes it. (deployment_paused)" in text
    assert "can go     when a person acts" in text
    assert shell.ask("resume", "deployment", "1")["deployment"]["paused_at"] is None
    shell.call_in(call_id, "exhausted")
    call_id = shell.ask("call", BUSY, "--app", "1", "--start", "2099-01-01")["call_id"]
    out = shell.run("cancel", "deployment", "1")
    assert out == "deployment 1 has no waiting calls any more\n"
    shell.call_in(call_id, "canceled")


def test_a_call_that_is_over_is_tried_again_as_a_call_of_its_own(shell):
    old = shell.ask("call", BUSY, *TO_SHORT, "--var", "a=b", "--wait", code=1)["call_id"]
    new = shell.ask("retry", str(old), "--wait", code=1)
    assert (new["call"]["retry_of"], new["call"]["variables"]) == (old, {"a": "b"})
    assert f"retried by  call {new['call_id']}" in shell.run("trace", str(old))
    later = shell.ask("retry", str(old), "--start", "2099-01-01")["call"]
    assert later["opens_at"] == "2099-01-01T00:00:00Z"
    assert f"Call {later['id']} tries it again already." in shell.refuse("retry", str(old))


def test_a_recorded_call_is_listed_and_saved(server, shell):
    flow = "callwright: 1\nname: Kept\nrecord: yes\nsteps:\n  a:\n    wait: 1s\n    next: hangup\n"
    app = server.add_application("Kept", flow).split("/")[1]
    call = str(shell.ask("call", ANSWERS, "--app", app, "--wait")["call"]["id"])
    kept = wait_for(
        "the recording", lambda: shell.ask("recording", call)["recordings"], within_s=PATIENCE_S
    )
    assert [each["attempt"] for each in kept] == [1]
    assert shell.run("recording", call).startswith("attempt 1: ")
    assert shell.run("recording", call, "kept.wav") == "saved as kept.wav\n"
    data = (shell.folder / "kept.wav").read_bytes()
    assert data[:4] == b"RIFF"
    assert len(data) == kept[0]["bytes"] > 8000
    assert shell.refuse("recording", call, "kept.wav", code=3) == (
        "callwright: FILE: kept.wav exists already"
    )
    shell.refuse("recording", call, "other.wav", "--attempt", "2")
    assert not (shell.folder / "other.wav").exists()


def test_a_call_that_was_not_recorded_has_no_recording(shell):
    call = str(shell.ask("call", BUSY, *TO_SHORT)["call_id"])
    assert shell.run("recording", call) == "nothing was recorded, or it is not kept any more\n"
