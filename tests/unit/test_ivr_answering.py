"""Scripts that want to know who answered: their files, and what they do with it."""

import pytest

from callwright.domain.answered_by import AnsweredBy
from callwright.errors import ScriptInvalid
from callwright.ivr import Interpreter, dump, load_flow, load_survey, parse
from callwright.ivr.exchange import (
    Beeped,
    CancelTimer,
    EnterStep,
    Event,
    HangUp,
    Hushed,
    Identified,
    Play,
    PromptsDone,
    SetTimer,
    Store,
    TimerFired,
)
from callwright.ivr.script import Script
from callwright.ivr.values import Amd, Recorded

FLOW = """\
callwright: 1
name: Test
steps:
  who:
    detect: answered_by
    when: {answeringmachine: mailbox, fax: try_again}
    otherwise: greet
  greet: {say: 'Hello, {answered_by}.', next: hangup}
  mailbox: {beep: 20s, next: message, otherwise: late}
  message: {say: Call us back., next: give_up}
  late: {say: Perhaps you hear this., next: give_up}
"""
SURVEY = """\
callwright: 1
survey: Test
machine: {machine}
intro: Hi.
questions:
  - {{id: q1, ask: One., scale: 1-5, tries: 1}}
thanks: Bye.
"""


def told(script: Script, *events: Event) -> list[str]:
    """What a run did, one word an action; each event once what was asked for is known."""
    machine = Interpreter(script, {})
    actions = machine.start()
    for event in events:
        actions += machine.on(event)
    words = []
    for action in actions:
        match action:
            case EnterStep(name):
                words.append(name)
            case Play(prompts):
                words += [f"say {p.path if isinstance(p, Recorded) else p.text}" for p in prompts]
            case Store(name, value):
                words.append(f"{name}={value}")
            case SetTimer(_, seconds):
                words.append(f"wait {seconds:g}")
            case HangUp(finished, try_again):
                words.append(f"end {finished} {try_again}")
            case CancelTimer():
                words.append("no wait")
    return words


def flow(text: str = FLOW) -> Script:
    return parse(dump(load_flow(text, "test")))


WAITING = ["who", "wait 5"]


def test_a_detect_step_waits_and_goes_by_who_answered() -> None:
    greeted = [*WAITING, "no wait", "answered_by=voice", "greet", "say Hello, voice."]
    assert told(flow(), Identified(AnsweredBy.VOICE)) == greeted
    faxed = [*WAITING, "no wait", "answered_by=fax", "end False True"]
    assert told(flow(), Identified(AnsweredBy.FAX)) == faxed


def test_no_verdict_at_all_is_unknown_in_the_end() -> None:
    assert told(flow(), TimerFired(1))[-3:] == [
        "answered_by=unknown",
        "greet",
        "say Hello, unknown.",
    ]


def test_a_verdict_that_came_before_its_step_is_not_waited_for() -> None:
    text = FLOW.replace("steps:\n", "start: first\nsteps:\n  first: {say: Hi., next: who}\n")
    words = told(flow(text), Identified(AnsweredBy.VOICE), PromptsDone(1))
    assert words == ["first", "say Hi.", "who", "answered_by=voice", "greet", "say Hello, voice."]


MACHINE = Identified(AnsweredBy.MACHINE)


def test_a_message_is_left_after_the_beep_or_when_none_comes() -> None:
    assert told(flow(), MACHINE)[-2:] == ["mailbox", "wait 20"]
    assert told(flow(), MACHINE, Beeped())[-3:] == ["no wait", "message", "say Call us back."]
    assert told(flow(), MACHINE, TimerFired(2))[-2:] == ["late", "say Perhaps you hear this."]
    assert told(flow(), MACHINE, Beeped(), PromptsDone(3))[-1] == "end False False"


def test_a_beep_that_gave_the_machine_away_counts_once() -> None:
    assert told(flow(), Beeped(), MACHINE)[-2:] == ["message", "say Call us back."]
    assert told(flow(), Beeped(), MACHINE, Beeped())[-2:] == ["message", "say Call us back."]


def test_without_otherwise_a_beep_step_goes_on_anyway() -> None:
    text = FLOW.replace(", otherwise: late", "").replace(
        "  late: {say: Perhaps you hear this., next: give_up}\n", ""
    )
    assert told(flow(text), MACHINE, TimerFired(2))[-1] == "say Call us back."


SCREENED = """\
callwright: 1
name: Test
steps:
  who:
    detect: who
    when: {answeringmachine: give_up, screening: turn}
    otherwise: greet
  greet: {say: Hello., next: hangup}
  turn: {quiet: 15s, next: name}
  name: {say: It is about your order., next: again}
  again: {person: 40s, next: greet, otherwise: try_again}
"""
SCREENING = Identified(AnsweredBy.SCREENING)


def test_a_screening_service_is_told_who_calls_and_a_person_is_waited_for() -> None:
    script = flow(SCREENED)
    assert told(script, SCREENING)[-2:] == ["turn", "wait 15"]
    named = (SCREENING, Hushed(3000), PromptsDone(3))
    assert told(script, SCREENING, Hushed(0))[-2:] == ["name", "say It is about your order."]
    assert told(script, SCREENING, TimerFired(2))[-1] == "say It is about your order."
    assert told(script, *named)[-2:] == ["again", "wait 40"]
    assert told(script, *named, Hushed(700))[-3:] == ["no wait", "greet", "say Hello."]
    assert told(script, *named, TimerFired(4))[-1] == "end False True"


def test_silence_and_announcements_are_no_person() -> None:
    named = (SCREENING, Hushed(3000), PromptsDone(3))
    assert told(flow(SCREENED), *named, Hushed(0), Hushed(4000), Hushed(0))[-1] == "wait 40"


def test_what_is_heard_beside_these_steps_changes_nothing() -> None:
    words = told(flow(SCREENED), Hushed(700), SCREENING)
    assert words[-2:] == ["turn", "wait 15"]


def test_whoever_does_not_name_screening_has_a_machine() -> None:
    assert told(flow(), SCREENING)[-3:] == ["answered_by=screening", "mailbox", "wait 20"]
    other = SCREENED.replace("answeringmachine: give_up, ", "")
    assert told(flow(other), Identified(AnsweredBy.MACHINE))[-1] == "say Hello."


def test_a_survey_answers_a_screening_service() -> None:
    lines = "hang_up\nscreening: say\nsay_to_screening: It is a survey."
    script = load_survey(SURVEY.format(machine=lines), "test")
    named = (SCREENING, Hushed(3000), PromptsDone(3))
    assert told(script, *named)[-3:] == ["say It is a survey.", "screening.person", "wait 40"]
    assert told(script, *named, Hushed(500))[-2:] == ["intro", "say Hi."]
    assert told(script, *named, TimerFired(4))[-1] == "end False True"
    assert told(script, MACHINE)[-1] == "end False False"
    alone = SURVEY.replace("machine: {machine}", "screening: try_again").format()
    assert told(load_survey(alone, "test"), SCREENING)[-1] == "end False True"
    assert told(load_survey(alone, "test"), MACHINE)[-1] == "say Hi."


def test_scripts_listen_only_where_they_want_to_know() -> None:
    assert flow().listens
    assert not load_survey(SURVEY.replace("machine: {machine}\n", "").format(), "test").listens


@pytest.mark.parametrize(
    ("word", "end"), [("hang_up", "end False False"), ("try_again", "end False True")]
)
def test_a_survey_ends_before_a_machine(word: str, end: str) -> None:
    script = load_survey(SURVEY.format(machine=word), "test")
    assert told(script, MACHINE)[-1] == end
    assert told(script, Identified(AnsweredBy.FAX))[-1] == end
    assert told(script, Identified(AnsweredBy.UNKNOWN))[-2:] == ["intro", "say Hi."]
    assert told(script, Identified(AnsweredBy.VOICE))[-2:] == ["intro", "say Hi."]


def test_a_survey_leaves_a_message() -> None:
    text = SURVEY.format(machine="message\nsay_to_machine: Call us.")
    script = load_survey(text, "test")
    assert told(script, MACHINE, Beeped())[-2:] == ["machine.message", "say Call us."]
    assert told(script, MACHINE, Beeped(), PromptsDone(3))[-1] == "end False False"
    assert told(script, Identified(AnsweredBy.FAX))[-1] == "end False False"


def test_settings_have_the_names_of_app_amd() -> None:
    lines = (
        "amd:\n  initial_silence: 2500ms\n  greeting: 1.5s\n  after_greeting_silence: 800ms\n"
        "  total_analysis_time: 3s\n  min_word_length: 120ms\n  between_words_silence: 50ms\n"
        "  maximum_number_of_words: 3\n  maximum_word_length: 5s\n  silence_threshold: 256\n"
        "  greeting_span: 10s\n  patience: 100ms\n  late_start: 1200ms\n"
    )
    script = flow(FLOW.replace("steps:\n", lines + "steps:\n", 1))
    assert script.amd == Amd(
        initial_silence_ms=2500,
        greeting_ms=1500,
        after_greeting_silence_ms=800,
        total_analysis_ms=3000,
        min_word_ms=120,
        between_words_ms=50,
        max_words=3,
        max_word_ms=5000,
        silence_threshold=256,
        greeting_span_ms=10_000,
        patience_ms=100,
        late_start_ms=1200,
    )
    assert told(script)[-1] == "wait 4"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (FLOW.replace("answeringmachine:", "machine:"), "'machine' is nobody who answers"),
        (FLOW.replace("    otherwise: greet\n", ""), "needs 'otherwise'"),
        (FLOW.replace("20s", "300s"), "beep must lie between 1s and 120s"),
        (SCREENED.replace("40s", "0s"), "person must lie between 1s and 120s"),
        (SCREENED.replace("15s", "5m"), "quiet"),
        (SCREENED.replace("otherwise: try_again", "otherwise: turn"), "would never leave the loop"),
        (FLOW.replace("try_again", "tryagain"), "did you mean 'try_again'"),
        (FLOW.replace("steps:", "amd: {greting: 1s}\nsteps:", 1), "did you mean 'greeting'"),
        (FLOW.replace("steps:", "amd: {greeting: '1'}\nsteps:", 1), "greeting needs a number"),
        (FLOW.replace("hangup}", "who}"), "would never leave the loop"),
    ],
)
def test_faults_in_flows_are_named(changed: str, problem: str) -> None:
    with pytest.raises(ScriptInvalid, match=problem):
        load_flow(changed, "test")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (SURVEY.format(machine="talk"), "machine must be hang_up, message, try_again, not 'talk'"),
        (SURVEY.format(machine="message"), "'say_to_machine' go together"),
        (SURVEY.format(machine="hang_up\nsay_to_machine: Hi."), "'say_to_machine' go together"),
        (SURVEY.format(machine="hang_up\nscreening: say"), "'say_to_screening' go together"),
        (SURVEY.format(machine="hang_up\nscreening: talk"), "screening must be hang_up, say,"),
        (SURVEY.format(machine="hang_up\nsay_to_screening: Hi."), "goes with 'screening'"),
        (SURVEY.format(machine="hang_up").replace("q1", "answered_by"), "is a variable already"),
        (SURVEY.replace("machine: {machine}", "amd: {{}}").format(), "'amd' goes with 'machine'"),
    ],
)
def test_faults_in_surveys_are_named(changed: str, problem: str) -> None:
    with pytest.raises(ScriptInvalid, match=problem):
        load_survey(changed, "test")
