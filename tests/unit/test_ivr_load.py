"""What flow and survey files may say, and how precisely a wrong one is refused."""

import pytest

from callwright.errors import ScriptInvalid
from callwright.ivr import Script, dump, load, load_flow, load_survey, parse, warnings_for
from callwright.ivr.document import MAX_CHARACTERS
from callwright.ivr.values import GIVE_UP, HANGUP, Ask, Branch, Recorded, Speak, Spoken, Talk

HEAD = "callwright: 1\nname: Test\nsteps:\n"
SURVEY = "callwright: 1\nsurvey: Test\nquestions:\n"


def refusal(text: str) -> ScriptInvalid:
    with pytest.raises(ScriptInvalid) as caught:
        load(text, "f.yaml")
    return caught.value


def test_a_flow_is_compiled_step_by_step() -> None:
    script = load(
        HEAD
        + """\
  hello:
    say: ['Hello {name}.', {play: sounds/chime.wav}, {say: Bonjour., voice: fr}]
    next: menu
  menu:
    ask: Press a key.
    keys: {1: hello, "*": hangup}
    timeout: 500ms
    tries: 2
    store: key
""",
        "f.yaml",
    )
    assert script.kind == "flow"
    assert script.start == "hello"
    assert script.steps["hello"] == Speak(
        prompts=(
            Spoken(text="Hello {name}."),
            Recorded(path="sounds/chime.wav"),
            Spoken(text="Bonjour.", voice="fr"),
        ),
        next="menu",
    )
    assert script.steps["menu"] == Ask(
        prompts=(Spoken(text="Press a key."),),
        keys={"1": "hello", "*": HANGUP},
        timeout_s=0.5,
        tries=2,
        store="key",
        otherwise=GIVE_UP,
    )
    assert script.variables == ("name",)
    assert script.stored == ("key",)
    assert [p for p in script.prompts if isinstance(p, Recorded)] == [
        Recorded(path="sounds/chime.wav")
    ]


def test_scalars_stay_the_text_that_stands_in_the_file() -> None:
    script = load(
        """\
callwright: 1
name: 012
variables: {country: no, amount: 1.50, on: 2024-01-02, code: 0x1F, nothing: }
steps:
  a: {branch: country, when: {no: b, 1: b, yes: b}, otherwise: hangup}
  b: {say: on, next: hangup}
""",
        "f.yaml",
    )
    assert script.name == "012"
    assert script.defaults == {
        "country": "no",
        "amount": "1.50",
        "on": "2024-01-02",
        "code": "0x1F",
        "nothing": "",
    }
    step = script.steps["a"]
    assert isinstance(step, Branch)
    assert set(step.cases) == {"no", "1", "yes"}


def test_a_survey_is_compiled_to_questions_and_steps() -> None:
    script = load(
        SURVEY
        + """\
  - {id: q1, ask: 'One?', scale: 1-5}
  - {id: q2, ask: 'Two?', choices: {1: "Yes", 2: "No"}, if: {q1: [1, 2]}, optional: yes}
  - {id: q3, ask: 'Three?', digits: 4}
thanks: Bye.
""",
        "s.yaml",
    )
    assert script.kind == "survey"
    assert script.name == "Test"
    assert [(q.id, q.text) for q in script.questions] == [
        ("q1", "One?"),
        ("q2", "Two?"),
        ("q3", "Three?"),
    ]
    assert script.questions[1].choices == {"1": "Yes", "2": "No"}
    assert script.stored == ("q1", "q2", "q3")
    q2 = script.steps["ask.q2"]
    assert isinstance(q2, Ask)
    assert q2.otherwise == "ask.q3"
    assert script.steps["if.q2.1"] == Branch(
        variable="q1", cases={"1": "ask.q2", "2": "ask.q2"}, otherwise="ask.q3"
    )


def test_each_loader_refuses_the_other_kind() -> None:
    flow = HEAD + "  a: {say: Hi, next: hangup}\n"
    survey = SURVEY + "  - {id: q1, ask: 'One?', scale: 1-5}\n"
    assert load_flow(flow, "f").kind == "flow"
    assert load_survey(survey, "s").kind == "survey"
    with pytest.raises(ScriptInvalid, match="survey add"):
        load_flow(survey, "s")
    with pytest.raises(ScriptInvalid, match="app add"):
        load_survey(flow, "f")


WRONG = [
    ("", 1, 1, "empty"),
    ("- a\n", 1, 1, "must be a map"),
    ("callwright: 1\nname: x\n", 1, 1, "needs 'steps'"),
    ("callwright: 2\nname: x\nsteps: {a: {say: b, next: hangup}}\n", 1, 13, "format 1"),
    ("callwright: 1\nnmae: x\nsteps: {a: {say: b, next: hangup}}\n", 2, 1, "did you mean 'name'"),
    (HEAD + "  a: {say: x, next: hangup}\n  a: {say: y, next: hangup}\n", 5, 3, "line 4"),
    (HEAD + "  a: {say: x, nxet: hangup}\n", 4, 15, "did you mean 'next'"),
    (HEAD + "  a: {say: x, next: bb}\n  b: {say: y, next: a}\n", 4, 21, "did you mean 'b'"),
    (HEAD + "  a: {say: x, next: hangup}\n  b: {say: y, next: hangup}\n", 5, 3, "never run"),
    (HEAD + "  a: {say: x, next: b}\n  b: {wait: 1s, next: a}\n", 4, 3, "a -> b -> a"),
    (HEAD + "  a: {say: x, ask: y, next: hangup}\n", 4, 6, "has say and ask"),
    (HEAD + "  a: {next: hangup}\n", 4, 6, "has none of these"),
    (HEAD + "  hangup: {say: x, next: hangup}\n", 4, 3, "the end of a call"),
    (HEAD + "  a b: {say: x, next: hangup}\n", 4, 3, "cannot name a step"),
    (HEAD + "  a: {ask: x}\n", 4, 6, "needs 'keys', 'digits' or 'scale'"),
    (HEAD + "  a: {ask: x, keys: {12: hangup}}\n", 4, 22, "no telephone key"),
    (HEAD + "  a: {ask: x, keys: {\u0661: hangup}}\n", 4, 22, "no telephone key"),
    (HEAD + "  a: {ask: x, keys: {1: hangup}, timeout: 5}\n", 4, 43, "a number and a unit"),
    (HEAD + "  a: {ask: x, keys: {1: hangup}, timeout: 5m}\n", 4, 43, "a number and a unit"),
    (HEAD + "  a: {ask: x, keys: {1: hangup}, timeout: 90s}\n", 4, 43, "between 0.5s and 60s"),
    (HEAD + "  a: {ask: x, keys: {1: hangup}, tries: 0}\n", 4, 41, "from 1 to 10"),
    (HEAD + "  a: {ask: x, keys: {1: hangup}, barge_in: maybe}\n", 4, 44, "yes or no"),
    (HEAD + "  a: {ask: x, digits: 4-1, next: hangup}\n", 4, 23, "a number or a range"),
    (HEAD + "  a: {ask: x, digits: 99, next: hangup}\n", 4, 23, "within 1-32"),
    (HEAD + "  a: {ask: x, digits: 4}\n", 4, 6, "needs 'next'"),
    (HEAD + "  a: {ask: x, digits: 4, keys: {9: hangup}, next: hangup}\n", 4, 26, "part of the"),
    (HEAD + "  a: {say: 'Hi {first name}', next: hangup}\n", 4, 12, "a lone '{'"),
    (HEAD + "  a:\n    say: {name}, hi\n    next: hangup\n", 5, 16, "needs quotes"),
    (HEAD + "  a: {say: Well? Yes, next: hangup}\n", 4, 16, "or holds , ? or :"),
    (HEAD + "  a:\n    say: {name}\n    next: hangup\n", 5, 10, "needs quotes"),
    (HEAD + "  a:\n    say: Note: hi\n    next: hangup\n", 5, 14, "colon in it needs quotes"),
    (HEAD + "  a:\n    say: Press 1, then # to end\n    next: hangup\n", 5, 10, "ends at the '#'"),
    (HEAD + "  a: {set: {1a: x}, next: hangup}\n", 4, 13, "cannot name a variable"),
    (HEAD + "  a: {branch: v, when: {x: hangup}}\n", 4, 6, "needs 'otherwise'"),
    (HEAD + "  a: {play: ../x.wav, next: hangup}\n", 4, 13, "beside the flow file"),
    (HEAD + "  a: {play: /x.wav, next: hangup}\n", 4, 13, "beside the flow file"),
    (HEAD + "  a: {play: x.mp3, next: hangup}\n", 4, 13, "no .wav file"),
    (HEAD + "  a: {play: 'a{b}.wav', next: hangup}\n", 4, 13, "cannot choose a recording"),
    (HEAD + "  a: {say: &x hi, next: hangup}\n", 4, 12, "anchors"),
    (HEAD + "  a: {say: *x , next: hangup}\n", 4, 12, "anchors"),
    (HEAD + "  a:\n    ask: x\n    keys:\n      *: hangup\n", 7, 8, 'must stand in quotes: "*"'),
    (HEAD + "  a: {say: !!python/name:os.system x, next: hangup}\n", 4, 12, "tags"),
    (HEAD + "  a: {say: x, next: hangup}\n---\nb: 1\n", 5, 1, "one document"),
    (HEAD + '  a: {say: "\\0", next: hangup}\n', 4, 12, "U+0000"),
    (HEAD + '  a: {say: "\\ud800", next: hangup}\n', 4, 12, "U+D800"),
    (HEAD + "  a: {say: a\x07b, next: hangup}\n", 4, 13, "must not stand in a text file"),
    (HEAD + "\ta: 1\n", 4, 1, "not valid YAML"),
    ("a: " + "[" * 100_000, 1, 15, "nested more than 12 deep"),
    (SURVEY + "  - {id: q1, ask: x}\n", 4, 5, "one of choices, digits, scale"),
    (SURVEY + "  - {id: q1, ask: x, scale: 1-5, digits: 2}\n", 4, 5, "has digits and scale"),
    (SURVEY + "  - {ask: x, scale: 1-5}\n", 4, 5, "needs 'id'"),
    (SURVEY + "  - {id: q, ask: x, scale: 1-5}\n" * 2, 5, 6, "is 'q' too"),
    (SURVEY + "  - {id: q, ask: x, scale: 1-5, if: {p: 1}}\n", 4, 33, "neither a variable"),
    (
        SURVEY + "  - {id: q, ask: x, choices: {1: 'Yes'}}\nopt_out: 1\n",
        4,
        21,
        "is the opt_out key",
    ),
    (SURVEY + "  - {id: q, ask: x, scale: 1-5}\nopt_out: 9\n", 4, 21, "part of the answer"),
    ("callwright: 1\nsurvey: x\nquestions: []\n", 3, 12, "must be a list"),
]


def test_an_agent_step_is_compiled_with_what_was_left_out() -> None:
    steps = """\
  talk:
    agent: wss://a.example:8443/talk?lang=en
    parameters: {who: "{name}", fixed: "x"}
    longest: 90s
    next: hangup
    failed: short
  short: {agent: "ws://b.example", next: hangup}
"""
    script = load(HEAD + steps, "f.yaml")
    assert script.steps["talk"] == Talk(
        url="wss://a.example:8443/talk?lang=en",
        parameters={"who": "{name}", "fixed": "x"},
        longest_s=90.0,
        next=HANGUP,
        failed="short",
    )
    assert script.steps["short"] == Talk(url="ws://b.example", next=HANGUP, failed=GIVE_UP)
    assert script.variables == ("name",)
    assert parse(dump(script)) == script


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://a.example/", "is no address of a websocket"),
        ("wss://", "is no address of a websocket"),
        ("wss://a.example:65536/", "is no address of a websocket"),
        ("wss://user:password@a.example/", "is no address of a websocket"),
        ("wss://a.example/a b", "is no address of a websocket"),
        ("wss://a.example/{name}", "takes no variables; give them as parameters"),
    ],
)
def test_an_agent_is_at_an_address_that_tells_nothing(url: str, problem: str) -> None:
    assert problem in str(refusal(f"{HEAD}  a: {{agent: '{url}', next: hangup}}\n"))


@pytest.mark.parametrize(("text", "line", "column", "problem"), WRONG)
def test_a_wrong_file_is_refused_where_it_is_wrong(
    text: str, line: int, column: int, problem: str
) -> None:
    error = refusal(text)
    assert problem in error.problem
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f"f.yaml:{line}:{column}: ")


def test_all_faults_of_a_file_are_told_in_its_order() -> None:
    error = refusal(
        HEAD
        + """\
  a: {say: x, next: nowhere}
  b: {ask: x, keys: {z: a}, timeout: 5}
"""
    )
    assert error.line == 4
    notes = error.__notes__
    assert [note.split(":")[1] for note in notes] == ["5", "5"]


def test_an_unbounded_number_in_an_escape_is_no_crash() -> None:
    assert "not valid YAML" in refusal(HEAD + '  a: {say: "\\UFFFFFFFF", next: hangup}\n').problem


def test_a_huge_file_is_refused_unread() -> None:
    assert "longer than" in refusal("#" * (MAX_CHARACTERS + 1)).problem


def test_a_loop_that_needs_a_key_is_allowed() -> None:
    script = load(
        HEAD + "  a: {ask: x, keys: {1: b}}\n  b: {say: y, next: a}\n",
        "f.yaml",
    )
    assert script.start == "a"


def some_script() -> Script:
    return load(
        HEAD
        + """\
  a: {say: [x, {play: y.wav}], next: b}
  b: {ask: z, digits: 1-4, store: n, next: c, keys: {"*": a}, say_if_wrong: no}
  c: {set: {m: "{n}!"}, next: d}
  d: {wait: 1.5s, next: e}
  e: {branch: n, when: {1: hangup}, otherwise: give_up}
""",
        "f.yaml",
    )


def test_a_script_survives_its_json() -> None:
    script = some_script()
    assert parse(dump(script)) == script
    assert list(parse(dump(script)).steps) == list(script.steps)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ('"format":1', '"format":2'),
        ('"next":"b"', '"next":"zz"'),
        ('"start":"a"', '"start":"zz"'),
        ('"kind":"flow"', '"kind":"flow","more":1'),
        ('"type":"wait"', '"type":"sleep"'),
        ('"seconds":1.5', '"seconds":"1.5"'),
        ('"text":"x"', '"text":"{"'),
        ("{", "["),
    ],
)
def test_json_that_dump_would_not_write_is_refused(written: str, instead: str) -> None:
    text = dump(some_script())
    assert written in text
    with pytest.raises(ScriptInvalid):
        parse(text.replace(written, instead, 1))


def test_warnings_name_what_an_author_may_have_forgotten() -> None:
    told = "\n".join(
        warnings_for(
            load(
                SURVEY + "  - {id: q1, ask: 'Hi {name}?', digits: 1-5, optional: yes}\n",
                "s.yaml",
            )
        )
    )
    assert "'caller:'" in told
    assert "{name}" in told
    assert "opt_out" in told
    assert "answering machine" in told
    assert "scale:" in told
