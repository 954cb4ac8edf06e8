"""What a script does on a call, event by event."""

import pytest
from script_talk import MENU, PIN, Talk, flow, survey

from callwright.ivr import Interpreter, load
from callwright.ivr.exchange import (
    Digit,
    EnterStep,
    HangUp,
    Play,
    PromptsDone,
    RemoteHungUp,
    StopPlaying,
    Store,
    TimerFired,
)
from callwright.ivr.values import Recorded, Spoken


def test_a_key_stops_the_prompt_is_stored_and_chooses_the_way() -> None:
    talk = Talk(flow(MENU)).heard().keys("2")
    assert talk.log == [
        StopPlaying(),
        Store("key", "2"),
        EnterStep("two"),
        Play((Spoken(text="Two."),), talk.playing),
    ]
    talk.heard()
    assert talk.end == HangUp(finished=True)


def test_the_time_for_an_answer_runs_from_the_end_of_the_prompt() -> None:
    talk = Talk(flow(MENU)).heard()
    assert talk.seconds == []
    talk.heard()
    assert talk.seconds == [4.0]


def test_after_all_tries_in_silence_the_script_goes_on_otherwise() -> None:
    talk = Talk(flow(MENU)).heard().heard().silence().heard().silence().heard()
    assert talk.said == ["Hello.", "Press 1 or 2.", "No key.", "Press 1 or 2.", "Bye."]
    assert talk.stored == []
    assert talk.end == HangUp(finished=False)


def test_a_wrong_key_costs_a_try() -> None:
    talk = Talk(flow(MENU)).heard().keys("7").heard().keys("8").heard()
    assert talk.said == ["Hello.", "Press 1 or 2.", "Wrong key.", "Press 1 or 2.", "Bye."]
    assert talk.end == HangUp(finished=False)


def test_a_wrong_key_and_then_a_right_one() -> None:
    talk = Talk(flow(MENU)).heard().keys("71").heard()
    assert talk.stored == [("key", "1")]
    assert talk.end == HangUp(finished=True)


def test_a_key_typed_ahead_answers_the_next_ask_at_once() -> None:
    talk = Talk(flow(MENU)).keys("1").heard()
    assert talk.said == ["Hello.", "One."]
    assert talk.stored == [("key", "1")]


def test_without_barge_in_keys_before_the_end_of_the_prompt_do_not_count() -> None:
    script = flow(MENU.replace("    tries: 2", "    barge_in: no"))
    talk = Talk(script).keys("1").heard().keys("1")
    assert talk.said == ["Hello.", "Press 1 or 2."]
    talk.heard().keys("2")
    assert talk.stored == [("key", "2")]


def test_a_long_answer_ends_with_its_closing_key() -> None:
    talk = Talk(flow(PIN)).keys("12#")
    assert talk.stored == [("pin", "12")]
    assert talk.said == ["Your number?", "Again?"]


def test_a_long_answer_ends_when_it_is_full_and_a_closing_key_after_it_is_forgiven() -> None:
    talk = Talk(flow(PIN)).keys("1234#")
    assert talk.stored == [("pin", "1234")]
    talk.keys("1").heard()
    assert talk.end == HangUp(finished=True)


def test_a_long_answer_without_closing_key_counts_after_the_gap() -> None:
    talk = Talk(flow(PIN)).keys("123")
    assert talk.seconds[-1] == 2.0
    assert talk.silence().stored == [("pin", "123")]


@pytest.mark.parametrize("typed", ["1#", "#", "1*", "A"])
def test_a_long_answer_that_is_too_short_or_no_number_costs_a_try(typed: str) -> None:
    talk = Talk(flow(PIN)).keys(typed)
    assert talk.said == ["Your number?", "Your number?"]
    talk.keys(typed)
    assert talk.end == HangUp(finished=False)
    assert talk.stored == []


def test_a_long_answer_typed_ahead_in_part_is_waited_for_without_a_prompt() -> None:
    talk = Talk(flow("  hi: {say: Hi., next: pin}\n" + PIN)).keys("1").heard()
    assert talk.said == ["Hi."]
    assert talk.seconds == [2.0]
    assert talk.keys("2").silence().stored == [("pin", "12")]


def test_a_scale_stores_a_number_as_soon_as_no_digit_could_follow() -> None:
    talk = Talk(survey()).heard().keys("2").keys("10").heard()
    assert talk.stored == [("q1", "2"), ("q2", "10")]
    assert talk.end == HangUp(finished=True)
    assert Talk(survey()).heard().keys("23").stored == [("q1", "2"), ("q2", "3")]
    assert Talk(survey()).heard().keys("21#").stored == [("q1", "2"), ("q2", "1")]


def test_a_question_whose_condition_fails_is_skipped() -> None:
    talk = Talk(survey()).heard().keys("5")
    assert talk.said == ["Hi.", "One.", "Bye."]


def test_an_unanswered_survey_is_no_response() -> None:
    talk = Talk(survey()).heard().heard().silence()
    assert talk.end == HangUp(finished=False)


def test_the_opt_out_key_ends_a_survey_at_any_question() -> None:
    talk = Talk(survey()).keys("*").heard()
    assert talk.stored == [("opt_out", "yes")]
    assert talk.end == HangUp(finished=False)


def test_hanging_up_during_the_thanks_is_still_a_response() -> None:
    assert Talk(survey()).heard().keys("5").on(RemoteHungUp()).end == HangUp(finished=True)
    assert Talk(survey()).heard().keys("1").on(RemoteHungUp()).end == HangUp(finished=False)
    assert Talk(survey()).heard().on(RemoteHungUp()).end == HangUp(finished=False)
    assert Talk(flow(MENU)).on(RemoteHungUp()).end == HangUp(finished=False)


def test_variables_are_spoken_whatever_their_case_and_unknown_ones_are_silent() -> None:
    script = load(
        "callwright: 1\nname: T\nvoice: en\nvariables: {first_name: there}\nsteps:\n"
        "  a: {say: ['Hi {First_Name}{unknown}, {{you}}!', '{unknown}'], next: hangup}\n",
        "f.yaml",
    )
    assert Talk(script).said == ["Hi there, {you}!"]
    assert Talk(script, {"FIRST_NAME": " A\r\n\x00da  {x} "}).said == ["Hi A da {x} , {you}!"]
    first = Interpreter(script, {}).first_prompts()
    assert first == (Spoken(text="Hi there, {you}!", voice="en"),)


def test_a_step_with_nothing_to_say_is_passed() -> None:
    talk = Talk(flow("  a: {say: '{x}', next: b}\n  b: {ask: '{x}', keys: {1: hangup}}\n"))
    assert talk.said == []
    assert talk.seconds == [5.0]


def test_set_branch_and_wait() -> None:
    script = flow(
        """\
  a: {set: {full: "{first} {last}", kind: "{kind}"}, next: b}
  b: {branch: FULL, when: {Ann Lee: c}, otherwise: hangup}
  c: {wait: 1.5s, next: d}
  d: {say: "Hello {full}", next: hangup}
"""
    )
    talk = Talk(script, {"first": "Ann", "last": "Lee"})
    assert talk.stored == [("full", "Ann Lee"), ("kind", "")]
    assert talk.seconds == [1.5]
    talk.keys("1").silence().heard()
    assert talk.said == ["Hello Ann Lee"]
    assert talk.end == HangUp(finished=True)


def test_prompts_that_can_be_made_ahead_leave_out_those_with_answers_in_them() -> None:
    script = flow(
        """\
  a: {ask: "Hi {who}", digits: 2, store: n, next: b}
  b: {say: ["You said {n}", {play: a.wav}], next: hangup}
"""
    )
    machine = Interpreter(script, {"who": "Ann"})
    assert machine.foreseeable_prompts() == (Spoken(text="Hi Ann"), Recorded(path="a.wav"))
    assert machine.first_prompts() == (Spoken(text="Hi Ann"),)


def test_stale_reports_are_ignored() -> None:
    talk = Talk(flow(MENU)).heard().heard()
    machine = talk.machine
    for token in (-1, 0, 1, 2, 99):
        assert machine.on(PromptsDone(token)) == []
        assert machine.on(TimerFired(token)) == []
    assert machine.on(Digit("x")) == []
    assert machine.on(Digit("")) == []


def test_before_its_start_a_machine_only_takes_a_hangup() -> None:
    machine = Interpreter(flow(MENU), {})
    assert machine.on(Digit("1")) == []
    assert machine.on(PromptsDone(0)) == []
    assert machine.on(TimerFired(0)) == []
    assert machine.on(RemoteHungUp()) == [HangUp(finished=False)]
    assert machine.start() == []
