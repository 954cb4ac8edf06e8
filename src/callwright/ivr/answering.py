"""What files say of who answered: `amd` in app_amd's words; a survey's `machine`, `screening`."""

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.fields import Fields
from callwright.ivr.values import (
    ENDS,
    GIVE_UP,
    TRY_AGAIN,
    Amd,
    Await,
    Beep,
    Detect,
    Speak,
    Step,
)

ANSWERED_BY = "answered_by"
"""The variable in which a survey keeps who answered."""

_BEEP_WITHIN_S = 30.0
_TURN_WITHIN_S = 15.0
_PERSON_WITHIN_S = 40.0

_TIMES = {
    "initial_silence": "initial_silence_ms",
    "greeting": "greeting_ms",
    "greeting_span": "greeting_span_ms",
    "patience": "patience_ms",
    "late_start": "late_start_ms",
    "after_greeting_silence": "after_greeting_silence_ms",
    "total_analysis_time": "total_analysis_ms",
    "min_word_length": "min_word_ms",
    "between_words_silence": "between_words_ms",
    "maximum_word_length": "max_word_ms",
}
AMD_KEYS = (*_TIMES, "maximum_number_of_words", "silence_threshold")
_LEAST_S = {"total_analysis_time": 0.5, "min_word_length": 0.02, "between_words_silence": 0.02}


def read_amd(fields: Fields) -> Amd:
    """How machines are told from people; where nothing is said, the defaults."""
    node = fields.node("amd")
    standard = Amd()
    if node is None:
        return standard
    amd = Fields(node, fields.faults, "amd", AMD_KEYS)
    times = {
        field: round(
            1000
            * amd.seconds(
                key, getattr(standard, field) / 1000, least=_LEAST_S.get(key, 0.1), most=10.0
            )
        )
        for key, field in _TIMES.items()
    }
    return Amd(
        **times,
        max_words=amd.whole("maximum_number_of_words", standard.max_words, least=1, most=50),
        silence_threshold=amd.whole(
            "silence_threshold", standard.silence_threshold, least=0, most=32_767
        ),
    )


def machine_steps(fields: Fields, first: str) -> dict[str, Step]:
    """What comes before `first` where the survey cares who answered."""
    cases: dict[str, str] = {}
    steps: dict[str, Step] = {}
    if _has_with(fields, "machine", "say_to_machine", "message"):
        end = _end_of(fields, "machine", {"message": "machine.beep"})
        cases = {AnsweredBy.MACHINE: end, AnsweredBy.FAX: end if end in ENDS else GIVE_UP}
        if end not in ENDS:
            said = "machine.message"
            steps[end] = Beep(seconds=_BEEP_WITHIN_S, next=said, otherwise=said)
            steps[said] = Speak(prompts=fields.prompts("say_to_machine"), next=GIVE_UP)
    if _has_with(fields, "screening", "say_to_screening", "say"):
        turn, name, person = "screening.turn", "screening.name", "screening.person"
        cases[AnsweredBy.SCREENING] = _end_of(fields, "screening", {"say": turn})
        if cases[AnsweredBy.SCREENING] == turn:
            steps[turn] = Await(sign="quiet", seconds=_TURN_WITHIN_S, next=name, otherwise=name)
            steps[name] = Speak(prompts=fields.prompts("say_to_screening"), next=person)
            steps[person] = Await(
                sign="person", seconds=_PERSON_WITHIN_S, next=first, otherwise=TRY_AGAIN
            )
    if not cases:
        if "amd" in fields:
            fields.faults.add("'amd' goes with 'machine' or 'screening'", fields.place_of("amd"))
        return {}
    who = Detect(
        store=ANSWERED_BY,
        cases={str(word): target for word, target in cases.items()},
        otherwise=first,
    )
    return {"who": who, **steps}


def _has_with(fields: Fields, key: str, words: str, speaks: str) -> bool:
    """Whether `key` is there; `words` must be, just where it says `speaks`."""
    if key not in fields:
        if words in fields:
            fields.faults.add(f"'{words}' goes with '{key}'", fields.place_of(words))
        return False
    if (fields.text(key) == speaks) != (words in fields):
        fields.faults.add(f"'{key}: {speaks}' and '{words}' go together", fields.place_of(key))
    return True


def _end_of(fields: Fields, key: str, more: dict[str, str]) -> str:
    """Where the word under `key` leads."""
    ends = {"hang_up": GIVE_UP, **more, "try_again": TRY_AGAIN}
    word = fields.text(key)
    if word and word not in ends:
        fields.faults.add(f"{key} must be {', '.join(ends)}, not '{word}'", fields.place_of(key))
    return ends.get(word, GIVE_UP)
