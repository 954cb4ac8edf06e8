"""Survey files: questions in order, compiled into the same steps a flow has.

Each answer is stored under its question's id as soon as it is keyed. A visit that comes to
the end counts as a response; one that leaves a question unanswered, unless that question
is `optional`, ends there and does not count, so an answering machine is no respondent.
The language is described in docs/flows.md.
"""

from callwright.domain.opt_out import OPT_OUT
from callwright.ivr.answering import ANSWERED_BY, machine_steps, read_amd
from callwright.ivr.asking import PATIENCE_KEYS, check_exits, read_digits, read_patience
from callwright.ivr.document import Faults, Listing, Mapping, Node, Scalar, hint_for
from callwright.ivr.fields import (
    Fields,
    read_key,
    read_text,
    read_variables,
    read_version,
)
from callwright.ivr.graph import find_faults
from callwright.ivr.script import Script
from callwright.ivr.template import fold_name
from callwright.ivr.values import (
    GIVE_UP,
    HANGUP,
    Ask,
    Assign,
    Branch,
    Prompt,
    Question,
    Recorded,
    Speak,
    Step,
)

MAX_QUESTIONS = 100

SURVEY_KEYS = (
    *("callwright", "survey", "caller", "voice", "record", "variables"),
    *("intro", "questions", "thanks", "opt_out", "say_if_opt_out"),
    *("machine", "say_to_machine", "screening", "say_to_screening", "amd"),
)
QUESTION_KEYS = (
    *("id", "ask", "choices", "digits", "scale", "until", "optional", "if"),
    *PATIENCE_KEYS,
)


def compile_survey(root: Node, faults: Faults) -> Script:
    """The script a survey file describes.

    Raises:
        ScriptInvalid: the first fault in the file; the others are its notes.
    """
    fields = Fields(root, faults, "a survey", SURVEY_KEYS)
    fields.require("callwright", "survey", "questions")
    read_version(fields)
    variables = read_variables(fields)
    opt_out_node = fields.node("opt_out")
    opt_out = "" if opt_out_node is None else read_key(opt_out_node, faults)
    asked = _read_questions(fields, variables, opt_out)

    steps: dict[str, Step] = {}
    first = "intro" if "intro" in fields else asked[0].entry if asked else HANGUP
    steps.update(machine_steps(fields, first))
    thanks = "thanks" if "thanks" in fields else HANGUP
    if "intro" in fields:
        first = asked[0].entry if asked else thanks
        steps["intro"] = Speak(prompts=fields.prompts("intro"), next=first)
    for number, question in enumerate(asked, 1):
        following = asked[number].entry if number < len(asked) else thanks
        steps.update(question.steps(following))
    if "thanks" in fields:
        steps["thanks"] = Speak(prompts=fields.prompts("thanks"), next=HANGUP)
    if opt_out:
        said = "opt_out.said" if "say_if_opt_out" in fields else GIVE_UP
        steps["opt_out"] = Assign(values={OPT_OUT: "yes"}, next=said)
        if "say_if_opt_out" in fields:
            steps[said] = Speak(prompts=fields.prompts("say_if_opt_out"), next=GIVE_UP)
    elif "say_if_opt_out" in fields:
        faults.add("'say_if_opt_out' goes with 'opt_out'", fields.place_of("say_if_opt_out"))
    script = Script(
        kind="survey",
        name=fields.text("survey"),
        caller=fields.text("caller"),
        voice=fields.voice(),
        record=fields.flag("record", False),
        defaults=variables,
        amd=read_amd(fields),
        start=next(iter(steps), ""),
        steps=steps,
        questions=tuple(question.report for question in asked),
    )
    faults.raise_any()
    for name, problem in find_faults(steps, script.start):
        faults.add(f"'{name}': {problem}", root.place)
    faults.raise_any()
    return script


class _Asked:
    """One question on its way to steps: its conditions, if any, then its ask."""

    def __init__(self, fields: Fields, variables: dict[str, str], opt_out: str) -> None:
        self.id = fields.name("id")
        prompts = fields.prompts("ask")
        self._optional = fields.flag("optional", False)
        self.conditions = _read_conditions(fields)
        self._choices = _read_choices(fields)
        self._digits = read_digits(fields)
        self._patience = read_patience(fields)
        self._prompts = prompts
        self._opt_out = opt_out
        self._check(fields, variables)
        self.report = Question(id=self.id, text=_spoken(prompts), choices=self._choices)

    def _check(self, fields: Fields, variables: dict[str, str]) -> None:
        fields.require("id", "ask")
        kinds = [key for key in ("choices", "digits", "scale") if key in fields]
        if len(kinds) != 1:
            found = f"has {' and '.join(kinds)}" if kinds else "has none of these"
            fields.faults.add(
                f"a question has one of choices, digits, scale; this one {found}", fields.place
            )
        if "choices" in fields and "until" in fields:
            fields.faults.add("'until' goes with 'digits' or 'scale'", fields.place_of("until"))
        if fold_name(self.id) in {fold_name(name) for name in (*variables, OPT_OUT, ANSWERED_BY)}:
            fields.faults.add(
                f"'{self.id}' is a variable already; give the question another id",
                fields.place_of("id"),
            )
        if self._opt_out in self._choices:
            fields.faults.add(
                f"the key {self._opt_out} is the opt_out key and cannot be a choice",
                fields.place_of("choices"),
            )
        if self._digits is not None and self._opt_out:
            check_exits(fields, self._opt_out, self._digits.until, kinds[0])

    @property
    def entry(self) -> str:
        """The step where this question begins."""
        return f"if.{self.id}.1" if self.conditions else f"ask.{self.id}"

    def steps(self, following: str) -> dict[str, Step]:
        """The question's steps; `following` is where the next one begins."""
        steps: dict[str, Step] = {}
        ask = f"ask.{self.id}"
        for number, (variable, values) in enumerate(self.conditions, 1):
            last = number == len(self.conditions)
            onward = ask if last else f"if.{self.id}.{number + 1}"
            steps[f"if.{self.id}.{number}"] = Branch(
                variable=variable, cases=dict.fromkeys(values, onward), otherwise=following
            )
        steps[ask] = Ask(
            prompts=self._prompts,
            keys=dict.fromkeys(self._choices, following),
            exits={self._opt_out: "opt_out"} if self._opt_out else {},
            digits=self._digits,
            next=following if self._digits is not None else "",
            store=self.id,
            otherwise=following if self._optional else GIVE_UP,
            **self._patience,
        )
        return steps


def _read_questions(fields: Fields, variables: dict[str, str], opt_out: str) -> list[_Asked]:
    faults = fields.faults
    node = fields.node("questions")
    if node is None:
        return []
    if not isinstance(node, Listing) or not node.items:
        faults.add("'questions' must be a list, each beginning with '- id: ...'", node.place)
        return []
    if len(node.items) > MAX_QUESTIONS:
        raise faults.at(f"a survey has at most {MAX_QUESTIONS} questions", node.place)
    asked: list[_Asked] = []
    for item in node.items:
        question_fields = Fields(item, faults, "a question", QUESTION_KEYS)
        question = _Asked(question_fields, variables, opt_out)
        earlier = [other.id for other in asked]
        if fold_name(question.id) in map(fold_name, earlier):
            faults.add(f"another question is '{question.id}' too", question_fields.place_of("id"))
        known = (*variables, *earlier)
        for variable, _ in question.conditions:
            if fold_name(variable) not in map(fold_name, known):
                hint = f"; {hint_for(variable, known)}" if known else ""
                faults.add(
                    f"'{variable}' is neither a variable nor an earlier question{hint}",
                    question_fields.place_of("if"),
                )
        asked.append(question)
    return asked


def _read_choices(fields: Fields) -> dict[str, str]:
    """Keys with what they mean."""
    node = fields.node("choices")
    if node is None:
        return {}
    if not isinstance(node, Mapping) or not node.entries:
        fields.faults.add("'choices' must be a map of keys and their meaning", node.place)
        return {}
    return {
        read_key(key, fields.faults): read_text(value, fields.faults) for key, value in node.entries
    }


def _read_conditions(fields: Fields) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Variables with the values of which each must hold one."""
    node = fields.node("if")
    if node is None:
        return ()
    if not isinstance(node, Mapping) or not node.entries:
        fields.faults.add("'if' must be a map of variables and values", node.place)
        return ()
    conditions: list[tuple[str, tuple[str, ...]]] = []
    for key, value in node.entries:
        values = value.items if isinstance(value, Listing) else (value,)
        texts = [item.text for item in values if isinstance(item, Scalar)]
        if not texts or len(texts) != len(values):
            fields.faults.add(f"'{key.text}' needs a value or a list of values", value.place)
        conditions.append((key.text, tuple(texts)))
    return tuple(conditions)


def _spoken(prompts: tuple[Prompt, ...]) -> str:
    return " ".join(
        f"[{prompt.path}]" if isinstance(prompt, Recorded) else prompt.text for prompt in prompts
    )
